"""The database server and the role that serves, as they should be and as they should not."""

from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from service.doctor.database import check_server, is_new_enough
from service.doctor.findings import Finding
from tenancy.database import DB, open_database
from tenancy.inspection import ServerFacts, inspect_server
from tests.pools import pool_put_aside
from tests.service.doctor.conftest import in_database

SERVES = "tenon_serving TO {role}"
BECOMES_SYSTEM = "tenon_system TO {role} WITH INHERIT FALSE, SET TRUE"

FACTS = ServerFacts(
    version="18.6", version_number=180_006, is_read_only=False, connections=97, changed=(), risky=()
)


@pytest.fixture
async def serve_as(installation):
    """Makes a role with some attributes and grants; the URL under which it connects."""
    made = []

    async def make(attributes="", *grants):
        name = f"role_{uuid4().hex[:12]}"
        await installation.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD 'secret' {attributes}",
            *(f"GRANT {grant.format(role=name)}" for grant in grants),
        )
        made.append(name)
        address = urlsplit(installation.settings.database_url)
        return address._replace(netloc=f"{name}:secret@{address.netloc.split('@')[1]}").geturl()

    yield make
    for name in made:
        await installation.execute(f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def judged(check, *, pool=10, processes=1, **changes) -> Finding:
    facts = msgspec.structs.replace(FACTS, **changes)
    [finding] = [each for each in check_server(facts, pool=pool, processes=processes) if each.check == check]
    return finding


async def test_an_ordinary_role_with_both_grants_is_fit(installation, serve_as):
    found = await installation.examine(database_url=await serve_as("", SERVES, BECOMES_SYSTEM))
    assert found.levels("database.role") == ["ok"]
    assert found.levels("database.isolation") == ["ok"]


@pytest.mark.parametrize("attributes", ["SUPERUSER", "BYPASSRLS"])
async def test_a_role_that_passes_row_level_security_is_told_and_is_seen_to_pass_it(
    installation, serve_as, attributes
):
    found = await installation.examine(database_url=await serve_as(attributes, SERVES, BECOMES_SYSTEM))
    assert set(found.levels("database.role")) == {"error"}
    told = " ".join(finding.message for finding in found.all if finding.check == "database.isolation")
    assert "Answered outside every scope: access, " in told
    assert "Showed rows of another tenant: " in told
    assert "member, membership, " in told


async def test_the_owner_is_not_fit(installation):
    found = await installation.examine(database_url=installation.settings.migration_database_url)
    assert any("owns tables" in f.message for f in found.all if f.check == "database.role")


async def test_a_role_that_inherits_the_system_role_is_seen_to_need_no_scope(installation, serve_as):
    grants = (SERVES, "tenon_system TO {role} WITH INHERIT TRUE, SET TRUE")
    found = await installation.examine(database_url=await serve_as("", *grants))
    assert "inherits tenon_system" in found.one("database.role").message
    assert "error" in found.levels("database.isolation")


async def test_without_any_grant_nothing_can_be_tried(installation, serve_as):
    found = await installation.examine(database_url=await serve_as())
    assert set(found.levels("database.role")) == {"error"}
    assert "InsufficientPrivilegeError" in found.one("database.migrations").message
    assert found.one("database.isolation").message == "not checked: its migrations could not be read"


async def test_a_role_that_may_only_read_a_pool_of_too_few_and_early_commits_are_told(installation, serve_as):
    url = await serve_as("CONNECTION LIMIT 4", SERVES, BECOMES_SYSTEM)
    role = urlsplit(url).username
    await installation.execute(
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
        f"ALTER ROLE {role} SET synchronous_commit = off",
    )
    found = await installation.examine(database_url=url)
    assert found.levels("database.writable") == ["error"]
    assert found.one("database.durability").message == "Off: synchronous_commit."
    assert found.levels("database.durability") == ["warning"]
    assert found.one("database.connections").message.endswith("(1 x 6), 4 to be had.")
    assert found.levels("database.connections") == ["warning"]
    # Nothing of the doctor writes, so a database that takes no changes can be examined all the same.
    assert found.levels("keys.secrets") == found.levels("database.isolation") == ["ok"]


async def test_what_a_pooler_does_not_hand_on_is_told(installation):
    url = installation.settings.database_url
    async with pool_put_aside():
        await open_database(url, pool_size=1)
        assert (await inspect_server()).changed == ()
        await DB.pool.close()
        DB.pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
        facts = await inspect_server()
    assert {"timezone", "statement_timeout", "lock_timeout"} <= {name.lower() for name in facts.changed}
    assert judged("database.session", changed=facts.changed).level == "warning"


@pytest.mark.parametrize(
    ("number", "level"), [(150_012, "error"), (160_000, "ok"), (180_006, "ok"), (90_624, "error")]
)
def test_sixteen_is_the_oldest_version(number, level):
    assert judged("database.version", version_number=number).level == level
    assert is_new_enough(msgspec.structs.replace(FACTS, version_number=number)) == (level == "ok")


@pytest.mark.parametrize(
    ("pool", "processes", "level"),
    [(10, 4, "ok"), (10, 5, "hint"), (97, 1, "hint"), (98, 1, "warning"), (50, 2, "warning")],
)
def test_connections_suffice_for_two_of_this_instance(pool, processes, level):
    assert judged("database.connections", pool=pool, processes=processes).level == level


@pytest.fixture
async def unknown_step(installation):
    insert = "INSERT INTO migration (name, app_name) VALUES ('2030-01-01-99', 'tenon')"
    async with installation.altered(insert, back=["DELETE FROM migration WHERE name = '2030-01-01-99'"]):
        yield


async def test_a_database_that_is_ahead_is_told_and_examined(installation, unknown_step):
    found = await installation.examine()
    assert found.one("database.migrations").level == "warning"
    assert "2030-01-01-99" in found.one("database.migrations").message
    assert found.levels("database.isolation") == ["ok"]


async def test_a_database_that_is_behind_is_told_and_its_tables_are_left_alone(installation):
    names = "name = '2026-11-23-08'"
    async with installation.altered(
        f"UPDATE migration SET app_name = 'put aside' WHERE {names}",
        back=[f"UPDATE migration SET app_name = 'tenon' WHERE {names}"],
    ):
        found = await installation.examine()
    assert found.one("database.migrations").message == "The database lacks 2026-11-23-08."
    assert "tenon migrate" in found.one("database.migrations").remedy
    for check in ("database.isolation", "keys.secrets", "signing_keys.present", "products.base_keys"):
        assert found.one(check).message == "not checked: the database is behind"
    assert found.levels("database.role") == ["ok"]


async def test_an_empty_database_is_behind(installation):
    url = in_database(installation.settings.database_url, "postgres")
    found = await installation.examine(database_url=url)
    assert found.levels("database.migrations") == ["error"]
    assert found.levels("products.present") == ["warning"]
