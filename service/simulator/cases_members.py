"""Conformance cases about members and their authorisation (V2 authSync)."""

from datetime import timedelta
from typing import Any

from service.simulator import kit_calls
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited
from service.simulator.expectations import expect
from service.simulator.organisations import Department, make_organisation
from service.simulator.reorganisation import Change
from service.simulator.signatures import SHANGHAI, digits

LARGE_BATCH_SECONDS = 5.0
WANG: dict[str, Any] = {
    "userName": "wang.fang",
    "name": "王芳",
    "orgCode": "D100200",
    "position": "系统管理员",
    "role": "admin",
    "enable": "true",
    "mobile": "13900000001",
    "email": "wang.fang@xinghe.example",
    "employeeCode": None,
}
LI: dict[str, Any] = {
    "userName": "li.lei",
    "name": "李雷",
    "orgCode": "D100201",
    "position": "工艺/装配工程师",
    "role": "user",
    "enable": "false",
    "employeeType": 1,
    "workPlace": "深圳",
    "entryDate": "2025-9-1",
}

registry = Registry()


@registry.case(45, Level.DOCUMENTED, unseen="that the first is admin, and the second exists but is disabled")
async def authorise_two(context: Context) -> None:
    """Two members are authorised, one of them disabled and one with a null member."""
    await context.call(kit_calls.auth_sync(await context.with_app(), [WANG, LI]))


@registry.case(46, Level.DOCUMENTED, unseen="that there are still two members")
async def authorise_again(context: Context) -> None:
    """The same members are authorised again with a new nonce."""
    call = kit_calls.auth_sync(await context.with_app(), [WANG, LI])
    await context.call(call)
    await context.call(call, to="authSync again")


@registry.case(47, Level.SAMPLE)
async def nested_order(context: Context) -> None:
    """Nested members in another order, signed in that order, are accepted."""
    shuffled = dict(sorted(WANG.items(), reverse=True))
    await context.call(kit_calls.auth_sync(await context.with_app(), [shuffled]))


@registry.case(48, Level.DOCUMENTED, unseen="that the member moved and is no admin any more")
async def change_member(context: Context) -> None:
    """A member's department and role are changed (authSync flag 2)."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG]))
    changed = WANG | {"orgCode": "D100201", "role": "user"}
    await context.call(kit_calls.auth_sync(frame, [changed], flag=kit_calls.MODIFY), to="authSync flag 2")


@registry.case(49, Level.DOCUMENTED, unseen="that access and sessions are gone and the data is kept")
async def cancel(context: Context) -> None:
    """A member's authorisation is cancelled (authSync flag 3)."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG]))
    await context.call(kit_calls.auth_sync(frame, [WANG], flag=kit_calls.CANCEL), to="authSync flag 3")


@registry.case(50, Level.RECOMMENDED, unseen="that it is the same person with access again")
async def authorise_after_cancelling(context: Context) -> None:
    """A member is authorised again after the cancelling."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG]))
    await context.call(kit_calls.auth_sync(frame, [WANG], flag=kit_calls.CANCEL), to="authSync flag 3")
    await context.call(kit_calls.auth_sync(frame, [WANG]), to="authSync flag 1 again")


@registry.case(51, Level.DOCUMENTED)
async def remove_twice(context: Context) -> None:
    """A member is removed twice, and an unknown one too (authSync flag 0)."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG]))
    for user in (WANG, WANG, LI):
        call = kit_calls.auth_sync(frame, [user], flag=kit_calls.REMOVE)
        await context.call(call, to=f"authSync flag 0 of {user['userName']}")


@registry.case(52, Level.DOCUMENTED)
async def large_batch(context: Context) -> None:
    """500 members in one authSync are answered within 5 s."""
    frame = await context.with_app()
    organisation = make_organisation(departments=30, members=kit_calls.BATCH, seed=52, language="zh")
    (call,) = kit_calls.auth_syncs(frame, organisation.members)
    answer = await context.call(call)
    expect(
        holds=answer.seconds <= LARGE_BATCH_SECONDS,
        expected=f"an answer within {LARGE_BATCH_SECONDS:g} s",
        came=f"an answer after {answer.seconds:.1f} s",
    )


@registry.case(53, Level.RECOMMENDED, unseen="that the member shows in the department once that arrives")
async def unknown_department(context: Context) -> None:
    """A member may come before its department."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG | {"orgCode": "D100999"}]))
    department = Department(code="D100999", name="质检部", parent_code="")
    await context.call(kit_calls.single_org_sync(frame, Change(kind="add", department=department)))


@registry.case(54, Level.RECOMMENDED, unseen="that the older message is not applied")
async def older_message(context: Context) -> None:
    """A message older than what is applied already succeeds."""
    frame = await context.with_app()
    await context.call(kit_calls.auth_sync(frame, [WANG]))
    earlier = digits((context.marketplace.now() - timedelta(hours=1)).astimezone(SHANGHAI))
    late = kit_calls.auth_sync(frame, [WANG | {"name": "旧名"}], flag=kit_calls.MODIFY)
    late = edited(late, currentSyncTime=earlier, timeStamp=earlier)
    await context.call(late, to="authSync an hour older")


@registry.case(55, Level.RECOMMENDED)
async def other_types(context: Context) -> None:
    """`enable` as a boolean and the flag as text are accepted."""
    call = kit_calls.auth_sync(await context.with_app(), [WANG | {"enable": False}])
    await context.call(edited(call, flag="1"))


@registry.case(56, Level.DOCUMENTED)
async def unknown_members(context: Context) -> None:
    """Members nobody knows, nested and at the top, are signed and otherwise ignored."""
    call = kit_calls.auth_sync(await context.with_app(), [WANG | {"favouriteColour": "青"}])
    await context.call(edited(call, newMember={"b": 1, "a": [True, None]}))


@registry.case(72, Level.RECOMMENDED, unseen="that neither enterprise sees the other's member")
async def two_enterprises(context: Context) -> None:
    """The same user name may exist in two enterprises."""
    first, second = await context.with_app(), await context.with_app()
    await context.call(kit_calls.auth_sync(first, [WANG]), to="authSync of the first enterprise")
    renamed = WANG | {"name": "王方"}
    await context.call(kit_calls.auth_sync(second, [renamed]), to="authSync of the second enterprise")
    gone = kit_calls.auth_sync(first, [WANG], flag=kit_calls.REMOVE)
    await context.call(gone, to="authSync flag 0 in the first enterprise")
