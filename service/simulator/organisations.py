"""Realistic organisations of any size from a seed: a company's departments and the members in them."""

import random
from collections import deque
from typing import Literal

import msgspec

from service.simulator.kinds import KINDS
from service.simulator.names import (
    ADMIN_POSITION,
    COMPANIES,
    GIVEN,
    PLACES,
    POSITIONS,
    SURNAMES,
    Tongue,
)

Language = Literal["zh", "en", "mixed"]
# With the fan-outs of the word lists the tree holds about this many departments; other sizes scale them.
NATURAL_SIZE = 20_000


class Department(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the organisation tree; `parent_code` is empty at the top."""

    code: str
    name: str
    parent_code: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A fictitious person in exactly one department; `entry_date` is `yyyy-M-d`, the marketplace's form."""

    user_name: str
    name: str
    department_code: str
    position: str
    role: Literal["user", "admin"]
    enabled: bool
    employee_code: str
    employee_type: int
    mobile: str
    email: str
    work_place: str
    entry_date: str


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise: its name, its short name (also the e-mail domain under `.example`) and what is in it."""

    name: str
    short_name: str
    departments: tuple[Department, ...]
    members: tuple[Member, ...]


class _Node(msgspec.Struct):
    code: str
    kind: str
    tongue: Tongue


def make_organisation(*, departments: int, members: int, seed: int, language: Language) -> Organisation:
    """Make an organisation with exactly so many departments (at least one) and members.

    The same arguments give the same organisation. The tree is at most 7 levels deep, codes are unique and so
    are names among siblings; parents come before their children. Raises ValueError on impossible sizes.
    """
    if departments < 1 or members < 0:
        raise ValueError("an organisation has at least one department and no negative number of members")
    dice = random.Random(f"{seed}:{language}:{departments}:{members}")
    home: Tongue = "en" if language == "en" else "zh"
    name, short_name = dice.choice(COMPANIES[home])
    tree = _grow(name, departments, language, dice)
    return Organisation(
        name=name,
        short_name=short_name,
        departments=tree,
        members=_hire(members, tree, short_name, language, dice),
    )


def _grow(name: str, size: int, language: Language, dice: random.Random) -> tuple[Department, ...]:
    scale = (size / NATURAL_SIZE) ** (1 / 6)
    root = Department(code="D100001", name=name, parent_code="")
    grown = [root]
    waiting = deque([_Node(code=root.code, kind="company", tongue="en" if language == "en" else "zh")])
    open_nodes: list[_Node] = []
    named: dict[tuple[str, str], int] = {}

    def add_child(parent: _Node) -> None:
        kind = dice.choice(KINDS[parent.kind].children)
        mixes = language == "mixed" and parent.kind == "company"
        tongue: Tongue = dice.choice(("zh", "en")) if mixes else parent.tongue
        # One counter for both tongues: gaps in the numbering do not matter, repeated names would.
        number = named[parent.code, kind] = named.get((parent.code, kind), -1) + 1
        node = _Node(code=f"D{100_001 + len(grown)}", kind=kind, tongue=tongue)
        grown.append(Department(code=node.code, name=_name(kind, tongue, number), parent_code=parent.code))
        if KINDS[kind].children:
            waiting.append(node)

    while len(grown) < size:
        if waiting:
            parent = waiting.popleft()
            open_nodes.append(parent)
            wanted = max(1, round(KINDS[parent.kind].fan_out * scale * dice.uniform(0.6, 1.4)))
        else:
            parent, wanted = dice.choice(open_nodes), 1
        for _ in range(min(wanted, size - len(grown))):
            add_child(parent)
    return tuple(grown)


def _name(kind: str, tongue: Tongue, number: int) -> str:
    pool = KINDS[kind].zh if tongue == "zh" else KINDS[kind].en
    turn, index = divmod(number, len(pool))
    if turn == 0:
        return pool[index]
    return f"{pool[index]}{turn + 1}" if tongue == "zh" else f"{pool[index]} ({turn + 1})"


def _hire(
    count: int, tree: tuple[Department, ...], short_name: str, language: Language, dice: random.Random
) -> tuple[Member, ...]:
    admins = min(5, 1 + count // 2000)
    taken: dict[str, int] = {}
    hired = []
    for number in range(1, count + 1):
        tongue: Tongue = dice.choice(("zh", "en")) if language == "mixed" else language
        surname, given = dice.choice(SURNAMES[tongue]), dice.choice(GIVEN[tongue])
        plain = f"{surname[1]}.{given[1]}"
        turn = taken[plain] = taken.get(plain, 0) + 1
        user_name = plain if turn == 1 else f"{plain}{turn}"
        admin = number <= admins
        hired.append(
            Member(
                user_name=user_name,
                name=surname[0] + given[0] if tongue == "zh" else f"{given[0]} {surname[0]}",
                department_code=dice.choice(tree).code,
                position=ADMIN_POSITION[tongue] if admin else dice.choice(POSITIONS[tongue]),
                role="admin" if admin else "user",
                enabled=admin or dice.random() < 0.97,  # noqa: PLR2004 - about 3 % are disabled
                employee_code=f"E{number:06}",
                employee_type=dice.choices((1, 2, 3, 4), weights=(85, 5, 5, 5))[0],
                mobile=f"139{number:08}",
                email=f"{user_name}@{short_name}.example",
                work_place=dice.choice(PLACES[tongue]),
                entry_date=f"{dice.randint(2008, 2025)}-{dice.randint(1, 12)}-{dice.randint(1, 28)}",
            )
        )
    return tuple(hired)
