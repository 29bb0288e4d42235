"""Incremental changes of an organisation, as its administrator makes them department by department."""

import random
from typing import Literal

import msgspec

from service.simulator.organisations import Department, Member, Organisation


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change; `department` is as it is afterwards (for a removal: as it was)."""

    kind: Literal["add", "rename", "move", "remove"]
    department: Department


class Reorganisation(msgspec.Struct, frozen=True, kw_only=True):
    """What changes and what it leads to.

    `moved_members` leave departments that are about to be removed, so they are told before `changes`.
    """

    moved_members: tuple[Member, ...]
    changes: tuple[Change, ...]
    organisation: Organisation


def reorganise(organisation: Organisation, *, seed: int, changes: int) -> Reorganisation:
    """Make that many incremental changes: after each of them the departments are still one valid tree.

    Only departments without children are removed, and their members move to the parent first. The mix is
    about 3 additions, 3 renamings, 2 moves and 2 removals in ten; a tree too small for a kind gets another
    kind. The same arguments give the same changes.
    """
    dice = random.Random(f"{seed}:{changes}:{organisation.short_name}")
    tree = _Tree(organisation.departments)
    leaves = tree.leaves()
    doomed = dice.sample(leaves, min(len(leaves) // 2, changes // 5))
    steady = changes - len(doomed)
    kinds = ["remove"] * len(doomed) + dice.choices(("add", "rename", "move"), weights=(3, 3, 2), k=steady)
    dice.shuffle(kinds)
    emptied = frozenset(doomed)
    lasting = sorted(tree.departments.keys() - emptied)
    made: list[Change] = []
    for kind in kinds:
        if kind == "remove":
            made.append(Change(kind="remove", department=tree.departments.pop(doomed.pop())))
        else:
            made.append(tree.change(kind, lasting, dice))
    parents = {item.code: item.parent_code for item in organisation.departments}
    moved = {
        member.user_name: msgspec.structs.replace(member, department_code=parents[member.department_code])
        for member in organisation.members
        if member.department_code in emptied
    }
    return Reorganisation(
        moved_members=tuple(moved.values()),
        changes=tuple(made),
        organisation=msgspec.structs.replace(
            organisation,
            departments=tuple(tree.departments.values()),
            members=tuple(moved.get(member.user_name, member) for member in organisation.members),
        ),
    )


class _Tree:
    """The departments while they change; a name once taken among siblings is not given again."""

    def __init__(self, departments: tuple[Department, ...]) -> None:
        self.departments = {item.code: item for item in departments}
        self._names = {(item.parent_code, item.name) for item in departments}
        self._codes = set(self.departments)
        self._added = 0

    def leaves(self) -> list[str]:
        parents = {item.parent_code for item in self.departments.values()}
        return [code for code, item in self.departments.items() if code not in parents and item.parent_code]

    def change(self, kind: str, lasting: list[str], dice: random.Random) -> Change:
        """Add, rename or move one of the lasting departments; a department that cannot move is renamed."""
        old = self.departments[dice.choice(lasting)]
        parent_code = dice.choice(lasting)
        if kind == "add" or not old.parent_code:
            stem = "New Department" if old.name.isascii() else "新设部门"
            return self._put("add", Department(code=self._free_code(), name=stem, parent_code=old.code))
        if kind == "move" and parent_code != old.parent_code and not self._is_below(parent_code, old.code):
            return self._put("move", msgspec.structs.replace(old, parent_code=parent_code))
        suffix = " Centre" if old.name.isascii() else "中心"
        return self._put("rename", msgspec.structs.replace(old, name=old.name + suffix))

    def _put(self, kind: Literal["add", "rename", "move"], department: Department) -> Change:
        name, number = department.name, 2
        while (department.parent_code, name) in self._names:
            name, number = f"{department.name} {number}", number + 1
        department = msgspec.structs.replace(department, name=name)
        self._names.add((department.parent_code, name))
        self.departments[department.code] = department
        return Change(kind=kind, department=department)

    def _free_code(self) -> str:
        while (code := f"D{200_000 + self._added}") in self._codes:
            self._added += 1
        self._codes.add(code)
        return code

    def _is_below(self, code: str, ancestor: str) -> bool:
        while code and code != ancestor:
            code = self.departments[code].parent_code
        return code == ancestor
