"""The rule that finds every way from a grant down to a member; pure, to be tested without a database."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

import msgspec

MOST_PATHS = 1000


class Node(NamedTuple):
    """A department or a group."""

    type: str
    id: str


class Step(msgspec.Struct, frozen=True):
    """One link of the chain through which a grant reaches a member."""

    type: Literal["department", "group", "instance"]
    id: str


def find_chains(
    holders: Iterable[Node], containers: Mapping[Node, list[Node]], granted: AbstractSet[Node]
) -> list[list[Node]]:
    """Chains of departments and groups, each from a granted one down to one that holds the member directly.

    `holders` hold the member directly, `containers` names what each lies in. No chain passes a node twice.
    There can be exponentially many, so the search stops after `MOST_PATHS`.
    """
    leading = _leading_to(granted, containers)
    chains: list[list[Node]] = []
    for start in holders:
        if start not in leading:
            continue
        walked = [start]
        on_walk = {start}
        pending = [iter(containers.get(start, ()))]
        if start in granted:
            chains.append([start])
        while pending and len(chains) < MOST_PATHS:
            node = next((node for node in pending[-1] if node in leading and node not in on_walk), None)
            if node is None:
                pending.pop()
                on_walk.discard(walked.pop())
                continue
            walked.append(node)
            on_walk.add(node)
            pending.append(iter(containers.get(node, ())))
            if node in granted:
                chains.append(walked[::-1])
    return chains


def _leading_to(granted: AbstractSet[Node], containers: Mapping[Node, list[Node]]) -> set[Node]:
    """The nodes from which a granted one can be reached, so that no walk ends in vain."""
    contents: dict[Node, list[Node]] = {}
    for node, above in containers.items():
        for container in above:
            contents.setdefault(container, []).append(node)
    leading = set(granted)
    pending = list(granted)
    while pending:
        for node in contents.get(pending.pop(), ()):
            if node not in leading:
                leading.add(node)
                pending.append(node)
    return leading
