"""Conformance cases about departments (V2 allOrgSync and singleOrgSync)."""

import secrets
from collections.abc import Sequence
from typing import Literal

from service.simulator import kit_calls
from service.simulator.buyers import Frame
from service.simulator.calls import INVALID
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited, with_instance
from service.simulator.organisations import Department
from service.simulator.reorganisation import Change

registry = Registry()

A = Department(code="D100200", name="星河制造", parent_code="")
B = Department(code="D100201", name="装配车间", parent_code="D100200")
C = Department(code="D100202", name="质检部", parent_code="D100200")


async def _tell(context: Context, frame: Frame, departments: Sequence[Department], *, to: str) -> None:
    await context.call(kit_calls.all_org_sync(frame, departments), to=to)


async def _change(
    context: Context,
    frame: Frame,
    kind: Literal["add", "rename", "move", "remove"],
    department: Department,
    *codes: str,
) -> None:
    call = kit_calls.single_org_sync(frame, Change(kind=kind, department=department))
    await context.call(call, *codes, to=f"singleOrgSync ({kind} {department.code})")


@registry.case(57, Level.RECOMMENDED, unseen="the tree")
async def child_first(context: Context) -> None:
    """A full list may name a child before its parent."""
    await _tell(context, await context.bound(), [C, B, A], to="allOrgSync")


@registry.case(58, Level.DOCUMENTED, unseen="that both give the same tree")
async def list_as_text(context: Context) -> None:
    """A full list may come as text, with quoted and with unquoted names."""
    call = kit_calls.all_org_sync(await context.bound(), [A, B])
    quoted = (
        '[{"orgCode": "D100200", "orgName": "星河制造", "parentCode": ""},'
        ' {"orgCode": "D100201", "orgName": "装配车间", "parentCode": "D100200"}]'
    )
    unquoted = (
        '[{orgCode:"D100200", orgName:"星河制造", parentCode:"" },'
        '{orgCode:"D100201", orgName:"装配车间", parentCode:"D100200" }]'
    )
    await context.call(edited(call, orgInfoList=quoted, flag=1), to="allOrgSync as JSON text")
    await context.call(edited(call, orgInfoList=unquoted, flag=1), to="allOrgSync with unquoted names")


@registry.case(59, Level.RECOMMENDED, unseen="that C is gone and its members keep the code")
async def shorter_list(context: Context) -> None:
    """A full list without a department that was there before succeeds."""
    frame = await context.bound()
    await _tell(context, frame, [A, B, C], to="allOrgSync of A, B, C")
    await _tell(context, frame, [A, B], to="allOrgSync of A, B")


@registry.case(60, Level.DOCUMENTED)
async def parent_not_listed(context: Context) -> None:
    """A full list whose departments all point to a parent outside of it succeeds."""
    await _tell(context, await context.bound(), [B, C], to="allOrgSync")


@registry.case(61, Level.DOCUMENTED, unseen="the tree after each step")
async def one_by_one(context: Context) -> None:
    """A department is added, renamed, moved and removed twice (singleOrgSync)."""
    frame = await context.bound()
    for department in (A, B, C):
        await _change(context, frame, "add", department)
    renamed = Department(code=C.code, name="质量部", parent_code=C.parent_code)
    moved = Department(code=C.code, name="质量部", parent_code=B.code)
    await _change(context, frame, "rename", renamed)
    await _change(context, frame, "move", moved)
    await _change(context, frame, "remove", moved)
    await _change(context, frame, "remove", moved)


@registry.case(62, Level.RECOMMENDED, unseen="that the tree is unchanged")
async def circle(context: Context) -> None:
    """A department cannot move below its own child."""
    frame = await context.bound()
    for department in (A, B):
        await _change(context, frame, "add", department)
    below = Department(code=A.code, name=A.name, parent_code=B.code)
    await _change(context, frame, "move", below, INVALID)


@registry.case(63, Level.DOCUMENTED)
async def remove_unknown(context: Context) -> None:
    """Removing an unknown department, also of an unknown instance, succeeds."""
    known = await context.bound()
    unknown = with_instance(context.frame(), f"none-{secrets.token_hex(8)}")
    for frame in (known, unknown):
        await _change(context, frame, "remove", C)
