"""The examination as a whole: an installation in order, servers that are away, and checks left out."""

from urllib.parse import urlsplit

import msgspec

from service.doctor.examination import CHECKS
from tests.guide_programs import served
from tests.ports import free_port
from tests.service.doctor.conftest import opened


async def test_an_installation_in_order_has_nothing_but_hints(installation):
    async with (
        opened(installation.settings) as app,
        served(app, urlsplit(installation.settings.public_url).port),
    ):
        found = await installation.examine()
    assert {finding.check for finding in found.all if finding.level != "ok"} == {"address.https"}
    assert {finding.check for finding in found.all} == set(CHECKS)


async def test_what_needs_a_database_that_is_away_says_so(installation):
    url = f"postgresql://tenon_app:pass-word@127.0.0.1:{free_port()}/tenon"
    found = await installation.examine(database_url=url)
    assert found.one("database.reachable").level == "error"
    assert "ConnectionRefusedError" in found.one("database.reachable").message
    assert {finding.check for finding in found.all} == set(CHECKS)
    left = {f.check for f in found.all if f.message == "not checked: the database is away"}
    assert left == {
        check
        for check in CHECKS
        if check.split(".")[0] in {"database", "keys", "signing_keys", "products"}
        or check == "clock.database"
    } - {"database.reachable"}
    assert found.levels("redis.reachable") == ["ok"]


async def test_a_wrong_password_is_told_without_repeating_it(installation):
    address = urlsplit(installation.settings.database_url)
    wrong = address._replace(netloc=f"{address.username}:wrong-pass-word@{address.netloc.split('@')[1]}")
    found = await installation.examine(database_url=wrong.geturl())
    assert "InvalidPassword" in found.one("database.reachable").message
    assert "wrong-pass-word" not in msgspec.json.encode(found.all).decode()


async def test_what_needs_a_redis_that_is_away_says_so(installation):
    found = await installation.examine(redis_url=f"redis://:pass-word@127.0.0.1:{free_port()}/0")
    assert found.one("redis.reachable").level == "error"
    for check in ("redis.version", "redis.eviction", "clock.redis"):
        assert found.one(check).message == "not checked: Redis is away"
    assert found.levels("database.reachable") == ["ok"]


async def test_a_check_that_fails_by_itself_is_an_error_and_the_others_are_made(installation):
    async with installation.altered(
        "REVOKE SELECT ON product FROM tenon_system", back=["GRANT SELECT ON product TO tenon_system"]
    ):
        found = await installation.examine()
    for check in ("keys.present", "keys.secrets", "keys.rotation", "products.present", "products.base_keys"):
        assert found.one(check).level == "error"
        assert "InsufficientPrivilegeError" in found.one(check).message
    assert found.levels("signing_keys.present") == ["ok"]
