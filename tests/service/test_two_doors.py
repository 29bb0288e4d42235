"""The marketplace's messages and our API come to the same: two doors, one room."""

from tests.conformance.bodies import status
from tests.marketplace import user
from tests.service.offices import OTHER, gained


async def test_both_doors_lead_to_the_same_room(office):
    """`xaver` comes in by the marketplace's word, `zoe` by a grant of ours; nobody sees a difference."""
    await office.employ("xaver", "zoe")
    await office.told()
    await office.authorise("xaver")
    await office.grant("member", "zoe")
    assert await office.told() == gained(office, "xaver", "zoe")

    async def shuts_out_and_lets_in(shut, reopen):
        assert [await office.allowed(name) for name in ("xaver", "zoe")] == [True, True]
        await shut()
        assert [await office.allowed(name) for name in ("xaver", "zoe")] == [False, False]
        assert {("xaver", "lost", office.app), ("zoe", "lost", office.app)} <= {*await office.told()}
        await reopen()
        assert {("xaver", "gained", office.app), ("zoe", "gained", office.app)} <= {*await office.told()}

    async def enable(word):
        people = [user(name, orgCode="X", enable=word) for name in ("xaver", "zoe")]
        assert (await office.enterprise.members(people, appId=OTHER)).code == "000000"

    instance = office.enterprise.instance
    for shut, reopen in (
        (lambda: office.switch(enabled=False), lambda: office.switch(enabled=True)),
        (
            lambda: office.base(status(instance, "FREEZE")),
            lambda: office.base(status(instance, "UNFREEZE")),
        ),
        (lambda: enable("false"), lambda: enable("true")),
        (lambda: office.authorise("xaver", "zoe", flag=3), lambda: office.authorise("xaver", "zoe")),
        (lambda: office.authorise("xaver", "zoe", flag=0), lambda: office.authorise("xaver", "zoe")),
    ):
        await shuts_out_and_lets_in(shut, reopen)
