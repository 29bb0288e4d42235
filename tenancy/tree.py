"""Rules about department trees; pure, so that they are tested without a database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec


class Department(msgspec.Struct, frozen=True, gc=False):
    """A department as a full list names it; no parent means the top."""

    code: str
    name: str
    parent_code: str | None = None


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A department at its place: trees are listed parents first, `depth` 0 at the top."""

    code: str
    name: str
    parent_code: str | None
    depth: int
    orphan: bool


def find_loop(parents: Mapping[str, str | None]) -> str | None:
    """Find a department that is its own ancestor; None in a proper tree.

    Parents that are not listed themselves end a walk: they may arrive later.
    """
    return next((loop[0] for loop in find_loops(parents)), None)


def find_loops(parents: Mapping[str, str | None]) -> Iterator[list[str]]:
    """Find all loops, each from some department upwards until it would come to that one again."""
    sound: set[str] = set()
    for start, parent in parents.items():
        # Nearly all of a list whose parents come first; a walk costs several times as much.
        if parent is None or parent in sound:
            sound.add(start)
            continue
        walked: dict[str, None] = {}
        code: str | None = start
        while code is not None and code in parents and code not in sound:
            if code in walked:
                upwards = list(walked)
                yield upwards[upwards.index(code) :]
                break
            walked[code] = None
            code = parents[code]
        sound.update(walked)


def lay_out(departments: Sequence[Department]) -> list[Node]:
    """Lay the tree out parents first, siblings by code.

    An unknown parent makes an orphan, shown at the top. So does a loop, which a full list can leave
    behind when it meets newer facts, until the missing message arrives: it is opened at its first code.
    """
    by_code = {department.code: department for department in departments}
    children: dict[str | None, list[Department]] = {}
    for department in sorted(departments, key=lambda item: item.code):
        parent = department.parent_code if department.parent_code in by_code else None
        children.setdefault(parent, []).append(department)
    nodes: list[Node] = []
    placed: set[str] = set()

    def place(tops: Iterable[Department]) -> None:
        pending = [(department, 0) for department in tops][::-1]
        while pending:
            department, depth = pending.pop()
            if department.code in placed:
                continue
            placed.add(department.code)
            nodes.append(
                Node(
                    code=department.code,
                    name=department.name,
                    parent_code=department.parent_code,
                    depth=depth,
                    orphan=depth == 0 and department.parent_code is not None,
                )
            )
            pending.extend((child, depth + 1) for child in reversed(children.get(department.code, [])))

    place(children.get(None, []))
    for code in sorted(by_code.keys() - placed):
        if code not in placed:
            place([by_code[_opening(by_code[code], by_code)]])
    return nodes


def _opening(department: Department, by_code: Mapping[str, Department]) -> str:
    """Where the loop above a department is opened: at the first of the codes that go round."""
    walked: dict[str, None] = {}
    while department.code not in walked:
        walked[department.code] = None
        assert department.parent_code is not None
        department = by_code[department.parent_code]
    upwards = list(walked)
    return min(upwards[upwards.index(department.code) :])


def show_path(path: list[str], parent_code: str | None) -> list[str]:
    """The path of a department from the top down, given what stands above it and that one's own parent.

    In a loop it starts where `lay_out` opens the loop.
    """
    if parent_code not in path:
        return path
    return path[path.index(min(path[: path.index(parent_code) + 1])) :]
