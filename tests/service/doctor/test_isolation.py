"""Row-level security is really tried, so that whatever opens a table is seen."""

import pytest

from service.doctor.tables import check_isolation, judge_isolation
from tenancy.errors import DatabaseUnavailable
from tenancy.inspection import unscoped
from tenancy.isolation import IsolationFacts

OWN = "tenant_id = current_setting('app.tenant_id')::uuid"
RESTORED = (
    "DROP POLICY member_tenant_scope ON member",
    f"CREATE POLICY member_tenant_scope ON member TO tenon_serving USING ({OWN}) WITH CHECK ({OWN})",
)


async def messages(installation):
    async with installation.inspected():
        return {finding.message for finding in await check_isolation()}


async def test_every_table_of_tenants_is_tried(installation):
    tables = await installation.fetch(
        "SELECT count(*) FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'tenant_id'"
    )
    told = f"Tried on {tables[0][0] + 1} tables: each shows a tenant its own rows only."
    assert await messages(installation) == {told}


async def test_a_table_whose_owner_is_exempt_is_told(installation):
    async with installation.altered(
        "ALTER TABLE member NO FORCE ROW LEVEL SECURITY", back=["ALTER TABLE member FORCE ROW LEVEL SECURITY"]
    ):
        assert await messages(installation) == {"Without forced row-level security: member."}


async def test_a_table_that_was_opened_is_seen_in_every_way(installation):
    async with installation.altered(
        "ALTER TABLE member DISABLE ROW LEVEL SECURITY", back=["ALTER TABLE member ENABLE ROW LEVEL SECURITY"]
    ):
        assert await messages(installation) == {
            "Without forced row-level security: member.",
            "Answered outside every scope: member.",
            "Showed rows of another tenant: member.",
        }


async def test_a_policy_that_forgets_the_tenant_is_seen(installation):
    opening = "CREATE POLICY opened ON member TO PUBLIC USING (true)"
    async with installation.altered(opening, back=["DROP POLICY opened ON member"]):
        told = await messages(installation)
    assert "With a policy that does not ask for the tenant: member." in told
    assert "Showed rows of another tenant: member." in told


async def test_a_policy_that_is_quiet_without_a_tenant_is_seen(installation):
    quiet = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
    async with installation.altered(
        "DROP POLICY member_tenant_scope ON member",
        f"CREATE POLICY member_tenant_scope ON member TO tenon_serving USING ({quiet})",
        back=RESTORED,
    ):
        assert await messages(installation) == {"Answered outside every scope: member."}


async def test_a_policy_that_lets_one_tenant_see_another_is_seen(installation):
    # Nobody's scope shows nothing here; only between two tenants that exist can it be noticed.
    [tenants] = await installation.fetch("SELECT array_agg(id ORDER BY id) FROM tenant")
    sees = f"{OWN} OR current_setting('app.tenant_id')::uuid = '{tenants[0][0]}'"
    async with installation.altered(
        "DROP POLICY member_tenant_scope ON member",
        f"CREATE POLICY member_tenant_scope ON member TO tenon_serving USING ({sees})",
        back=RESTORED,
    ):
        assert await messages(installation) == {"Showed rows of another tenant: member."}


async def test_a_new_table_of_tenants_that_forgot_its_isolation_is_seen(installation):
    async with installation.altered(
        "CREATE TABLE forgetful (tenant_id uuid)",
        "GRANT SELECT ON forgetful TO tenon_serving",
        back=["DROP TABLE forgetful"],
    ):
        assert await messages(installation) == {
            "Without forced row-level security: forgetful.",
            "Answered outside every scope: forgetful.",
        }


def test_tables_that_cannot_be_read_are_not_said_to_be_isolated():
    nothing = IsolationFacts(tables=(), unforced=(), open=(), silent=(), leaking=())
    [finding] = judge_isolation(nothing)
    assert finding.level == "error"


async def test_the_probe_cannot_write(installation):
    async with installation.inspected():
        with pytest.raises(DatabaseUnavailable, match="ReadOnlySQLTransaction"):
            async with unscoped() as db:
                await db.execute("DELETE FROM product")
