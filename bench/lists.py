"""Full lists of departments as a real organisation has them, and how they change from one to the next."""

import random
from collections.abc import Iterator
from typing import TypeAlias

from service.simulator.organisations import make_organisation

Row: TypeAlias = tuple[str, str, str | None]


def department_lists(size: int, *, changed: float, seed: int) -> Iterator[list[Row]]:
    """Yield (code, name, parent code) lists: first the whole tree, then one changed version after another.

    Of the changes 60 % are new names, 20 % new parents, 10 % new and 10 % removed departments. Leaves only
    are moved and removed, so that every version is a proper tree.
    """
    organisation = make_organisation(departments=size, members=0, seed=seed, language="zh")
    rows: dict[str, Row] = {
        item.code: (item.code, item.name, item.parent_code or None) for item in organisation.departments
    }
    dice = random.Random(seed)
    version = 0
    while True:
        yield list(rows.values())
        version += 1
        _reorganise(rows, round(size * changed), version, dice)


def _reorganise(rows: dict[str, Row], changes: int, version: int, dice: random.Random) -> None:
    inner = {parent for _, _, parent in rows.values() if parent is not None}
    parents = sorted(inner)
    codes = list(rows)
    leaves = [code for code in codes if code not in inner]
    for code in dice.sample(codes, changes * 6 // 10):
        rows[code] = (code, f"{rows[code][1].partition('·')[0]}·{version}", rows[code][2])
    moved_or_gone = dice.sample(leaves, changes * 2 // 10 + changes // 10)
    for code in moved_or_gone[: changes * 2 // 10]:
        elsewhere = dice.choice([parent for parent in dice.sample(parents, 2) if parent != rows[code][2]])
        rows[code] = (code, rows[code][1], elsewhere)
    for code in moved_or_gone[changes * 2 // 10 :]:
        del rows[code]
    for number in range(changes // 10):
        code = f"N{version}-{number}"
        rows[code] = (code, f"新部门{number}", dice.choice(parents))
