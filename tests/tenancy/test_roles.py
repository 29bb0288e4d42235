"""Which roles may serve: none that could get past the isolation of tenants."""

from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from service.wiring import NotFitToServe, open_runtime
from tenancy.database import close_database, inspect_role, open_database


@pytest.fixture
async def role(servers, migrated):
    """Makes a role with some attributes; the URL under which it connects."""
    administrator = await asyncpg.connect(
        servers.postgres.superuser_url.removesuffix("/postgres") + "/tenon", timeout=10
    )
    made = []

    async def make(attributes="", *grants):
        name = f"role_{uuid4().hex[:12]}"
        await administrator.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' {attributes}")
        made.append(name)
        for grant in grants:
            await administrator.execute(f"GRANT {grant.format(role=name)}")
        address = urlsplit(migrated.database_url)
        return address._replace(netloc=f"{name}:secret@{address.netloc.split('@')[1]}").geturl()

    yield make
    for name in made:
        await administrator.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await administrator.close()


SERVES = "tenon_serving TO {role}"
BECOMES_SYSTEM = "tenon_system TO {role} WITH INHERIT FALSE, SET TRUE"
UNFIT = [
    ("SUPERUSER", (SERVES, BECOMES_SYSTEM), "is a superuser"),
    ("BYPASSRLS", (SERVES, BECOMES_SYSTEM), "may bypass row-level security"),
    ("CREATEROLE", (SERVES, BECOMES_SYSTEM), "may create roles"),
    ("", (SERVES, BECOMES_SYSTEM, "tenon_owner TO {role} WITH INHERIT FALSE, SET TRUE"), "owns tables"),
    ("", (BECOMES_SYSTEM,), "is not a member of tenon_serving"),
    ("", (SERVES,), "may not become tenon_system"),
    ("", (SERVES, "tenon_system TO {role} WITH INHERIT TRUE, SET TRUE"), "inherits tenon_system"),
]


@pytest.mark.parametrize(("attributes", "grants", "problem"), UNFIT)
async def test_a_role_that_could_get_past_the_isolation_may_not_serve(
    without_pool, role, migrated, attributes, grants, problem
):
    url = await role(attributes, *grants)
    await open_database(url, pool_size=2)
    findings = await inspect_role()
    await close_database()
    assert any(problem in finding.problem for finding in findings)
    assert all(finding.remedy for finding in findings)
    with pytest.raises(NotFitToServe, match=problem):
        async with open_runtime(msgspec.structs.replace(migrated, database_url=url)):
            pytest.fail("it serves")


async def test_the_owner_may_not_serve(without_pool, migrated):
    with pytest.raises(NotFitToServe, match="owns tables"):
        async with open_runtime(
            msgspec.structs.replace(migrated, database_url=migrated.migration_database_url)
        ):
            pytest.fail("it serves")


async def test_an_ordinary_role_with_both_grants_may_serve(without_pool, role):
    await open_database(await role("", SERVES, BECOMES_SYSTEM), pool_size=2)
    assert await inspect_role() == []
