"""The answer to "may this person use this app, and why?" over HTTP: all paths, all blocks, their authors."""

from datetime import UTC, datetime, timedelta

from tests.conformance.bodies import refresh, status
from tests.marketplace import user
from tests.service.offices import BOOTSTRAP, chains


async def test_every_path_is_told_with_its_chain(office):
    await office.authorise("cleo", department="C")
    await office.group("inner", ("department", "B"), ("member", "cleo"))
    await office.group("outer", ("group", "inner"))
    await office.group("else")
    for kind, identifier in (
        ("everyone", "*"),
        ("member", "cleo"),
        ("department", "A"),
        ("department", "C"),
        ("group", "outer"),
        ("group", "else"),
        ("department", "X"),
    ):
        await office.grant(kind, identifier)
    explained = await office.access("cleo")
    assert explained["allowed"]
    assert explained["blocks"] == []
    assert chains(explained) == [
        ("department", "A/B/C"),
        ("department", "C"),
        ("everyone", ""),
        ("group", "outer/inner"),
        ("group", "outer/inner/B/C"),
        ("marketplace", office.enterprise.instance),
        ("member", ""),
    ]
    [long] = [path for path in explained["paths"] if len(path["via"]) == 4]
    assert [step["type"] for step in long["via"]] == ["group", "group", "department", "department"]


async def test_every_path_tells_since_when_and_by_whom(office):
    await office.authorise("cleo", department="C")
    word = await office.newest_push()
    granted = await office.grant("department", "A")
    [entry, *_] = await office.audit()
    marketplace, department = sorted(
        (await office.access("cleo"))["paths"], key=lambda path: path["kind"], reverse=True
    )
    assert (marketplace["by"], marketplace["since"]) == word
    assert marketplace["via"] == [{"type": "instance", "id": office.enterprise.instance}]
    assert (department["by"], department["since"]) == (granted["by"], granted["since"])
    assert (department["by"], department["since"]) == (BOOTSTRAP, entry["at"])


async def test_a_stranger_and_a_person_without_any_grant_are_told_apart(office):
    await office.employ("ann")
    assert await office.access("ann") == {"allowed": False, "paths": [], "blocks": []}
    assert await office.access("nobody") == {
        "allowed": False,
        "paths": [],
        "blocks": [{"kind": "member_unknown", "since": None, "by": None}],
    }
    assert not await office.allowed("nobody")
    await office.grant("everyone")
    assert (await office.access("nobody"))["paths"] == []


async def test_the_word_of_the_marketplace_wins_over_every_local_grant(office):
    await office.authorise("ann", department="A")
    for kind, identifier in (("everyone", "*"), ("member", "ann"), ("department", "A")):
        await office.grant(kind, identifier)
    await office.authorise("ann", flag=3)
    assert not await office.allowed("ann")
    explained = await office.access("ann")
    assert {path["kind"] for path in explained["paths"]} == {"member", "everyone", "department"}
    author, at = await office.newest_push()
    assert explained["blocks"] == [{"kind": "authorisation_cancelled", "since": at, "by": author}]
    await office.authorise("ann", department="A")
    assert await office.allowed("ann")


async def test_access_expires_at_its_instant_without_a_message(office, clock):
    await office.authorise("ann")
    await office.grant("everyone")
    end = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    await office.base(refresh(office.enterprise.instance, end.strftime("%Y%m%d%H%M%S")))
    author, _ = await office.newest_purchase_push()
    clock.freeze(end - timedelta(microseconds=1))
    assert await office.allowed("ann")
    clock.freeze(end)
    assert not await office.allowed("ann")
    assert (await office.access("ann"))["blocks"] == [
        {"kind": "instance_expired", "since": end.isoformat().replace("+00:00", "Z"), "by": author}
    ]
    later = end + timedelta(days=1)
    await office.base(refresh(office.enterprise.instance, later.strftime("%Y%m%d%H%M%S")))
    assert await office.allowed("ann")


async def test_one_instance_is_enough_and_the_other_is_told_as_blocked(office, marketplace):
    second = await marketplace.open_enterprise(tenant=office.enterprise.tenant, app=office.app)
    await office.authorise("ann")
    assert (await second.members([user("bob")])).code == "000000"
    await office.grant("member", "ann")
    await office.base(status(office.enterprise.instance, "FREEZE"))
    assert await office.allowed("ann")
    assert await office.blocks("ann") == ["instance_frozen"]
    assert await office.allowed("bob")
    await office.base(status(second.instance, "FREEZE"))
    assert await office.everyone() == []
    assert not await office.allowed("bob")


async def test_everyone_who_may_use_an_app_is_listed_in_pages(office):
    names = [f"m{number}" for number in range(5)]
    await office.authorise(*names)
    listed = await office.everything(f"/apps/{office.app}/access")
    assert [(one["user_name"], one["name"]) for one in listed] == [(name, name.title()) for name in names]
    _, at = await office.newest_push()
    assert {one["since"] for one in listed} == {at}


async def test_an_app_that_is_not_there_has_no_access_to_tell_of(office):
    for path in ("none/access", "none/access/ann", "none/grants", "none/grants/everyone/*"):
        answer = await office.ask("GET", f"/apps/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "app_unknown"), path
    fast = await office.ask("GET", "/apps/none/access/ann", params={"explain": "false"})
    assert (fast.status_code, fast.json()["code"]) == (404, "app_unknown")
