"""Why a member may use an app or not: every grant path and every block, from the facts themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from tenancy.access_paths import Node, Step, find_chains
from tenancy.authorisations import WORD, given_by
from tenancy.database import tenant_scope
from tenancy.errors import AppUnknown
from tenancy.events import Author, author_of
from tenancy.subjects import CONTAINERS, containers_above


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why a member may use an app.

    `kind` says to what the grant was given, or `marketplace`; `via` leads from there down to the member;
    `since` and `by` are those of the grant.
    """

    kind: str
    via: list[Step]
    since: datetime
    by: Author


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A reason that wins over the paths, with since when and by whom, where that is known."""

    kind: str
    since: datetime | None = None
    by: Author | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a member may use an app, with all reasons for and against.

    Several bindings of one app are alternatives, so that there can be blocks although it is allowed.
    """

    allowed: bool
    paths: list[Path]
    blocks: list[Block]


# One row for each binding of the app, and for each instance of which only a word about the member is left.
# What ended with a binding does not count for the next one.
_FACTS = f"""
SELECT t.instance_id, p.id IS NULL AS only_word,
       p.removed_at AS app_removed_at, p.removed_by AS app_removed_by,
       s.stopped_at, s.stopped_by,
       i.state AS instance_state, i.state_at, i.state_by, i.expires_at, i.expires_by,
       coalesce(b.ended, true) AS unbound, b.ended_at, b.ended_by,
       m.id IS NOT NULL AND m.source_time IS NOT NULL AS member_known, m.enabled AS member_enabled,
       m.enabled_at, m.enabled_by, m.removed_at AS member_removed_at, m.removed_by AS member_removed_by,
       {WORD} AS word, a.changed_at, {given_by("a.push_id")} AS changed_by
FROM (SELECT instance_id FROM app WHERE tenant_id = $1 AND id = $2
      UNION
      SELECT w.instance_id FROM authorisation w
      JOIN member o ON o.tenant_id = $1 AND o.id = w.member_id AND o.user_name = $3
      WHERE w.tenant_id = $1 AND w.app_id = $2) AS t
LEFT JOIN app p ON p.tenant_id = $1 AND p.id = $2 AND p.instance_id = t.instance_id
LEFT JOIN stopped_app s ON s.tenant_id = $1 AND s.app_id = p.id
LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = t.instance_id
LEFT JOIN instance i ON i.instance_id = t.instance_id
LEFT JOIN member m ON m.tenant_id = $1 AND m.user_name = $3
LEFT JOIN authorisation a
       ON a.tenant_id = $1 AND a.app_id = $2 AND a.instance_id = t.instance_id AND a.member_id = m.id
ORDER BY t.instance_id
"""

# What holds the member at any height, and what each lies in; a row without a parent is a container itself.
_MEMBER = "SELECT id AS member_id, user_name FROM member WHERE tenant_id = $1 AND user_name = $2"
_CONTAINERS = f"""
WITH RECURSIVE {containers_above(_MEMBER)}
SELECT c.kind, c.id, e.parent_kind, e.parent_id
FROM container c LEFT JOIN LATERAL ({CONTAINERS}) AS e ON true
"""

_HOLDERS = """
SELECT 'department' AS kind, s.department_code AS id
FROM membership s JOIN member m ON m.tenant_id = $1 AND m.id = s.member_id AND m.user_name = $2
WHERE s.tenant_id = $1
UNION ALL
SELECT 'group', g.group_id FROM group_member g
WHERE g.tenant_id = $1 AND g.subject_type = 'member' AND g.subject = $2
ORDER BY kind, id
"""

_GRANTS = """
SELECT g.subject_type, g.subject, g.granted_at, g.granted_by FROM grant_ g
WHERE g.tenant_id = $1 AND g.app_id = $2
  AND (g.subject_type = 'everyone' OR g.subject_type = 'member' AND g.subject = $3
       OR g.subject_type || ':' || g.subject = ANY($4))
"""


async def explain_access(tenant_id: UUID, app_id: str, user_name: str, *, now: datetime) -> Access:
    """Say whether the member may use the app now, and why; all of one instant.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    async with tenant_scope(tenant_id, snapshot=True) as db:
        rows = await db.fetch(_FACTS, tenant_id, app_id, user_name)
        if not any(row["app_removed_at"] is None and not row["only_word"] for row in rows):
            raise AppUnknown
        lying = await db.fetch(_CONTAINERS, tenant_id, user_name)
        holders = await db.fetch(_HOLDERS, tenant_id, user_name)
        containers: dict[Node, list[Node]] = {}
        for kind, identifier, parent_kind, parent_id in lying:
            above = containers.setdefault(Node(kind, identifier), [])
            if parent_kind is not None:
                above.append(Node(parent_kind, parent_id))
        names = [f"{node.type}:{node.id}" for node in containers]
        grants = await db.fetch(_GRANTS, tenant_id, app_id, user_name, names)
    local = _local_paths([Node(*row) for row in holders], containers, grants)
    is_known = rows[0]["member_known"]
    return _weigh(rows, local if is_known else [], now)


def _local_paths(
    holders: Sequence[Node], containers: Mapping[Node, list[Node]], grants: Sequence[asyncpg.Record]
) -> list[Path]:
    granted = {Node(row["subject_type"], row["subject"]): row for row in grants}
    chains = find_chains(holders, containers, granted.keys())
    paths = [_path(row, []) for node, row in granted.items() if node.type in {"member", "everyone"}]
    return paths + [_path(granted[chain[0]], chain) for chain in chains]


def _path(grant: asyncpg.Record, chain: Sequence[Node]) -> Path:
    by = author_of(grant["granted_by"])
    assert by is not None
    via = msgspec.convert([{"type": node.type, "id": node.id} for node in chain], list[Step])
    return Path(kind=grant["subject_type"], via=via, since=grant["granted_at"], by=by)


def _weigh(rows: Sequence[asyncpg.Record], local: list[Path], now: datetime) -> Access:
    """A cancellation through any binding wins over local grants, not over another binding's authorisation."""
    cancelled = any(row["word"] in {"cancelled", "removed"} for row in rows)
    allowed = False
    paths = list[Path]()
    blocks: list[Block] = []
    for row in rows:
        if row["only_word"]:
            blocks += [block for block in _word_block(row) if block not in blocks]
            continue
        closed = _blocks(row, now)
        is_authorised = row["word"] == "granted"
        allowed = allowed or (not closed and (is_authorised or bool(local and not cancelled)))
        if is_authorised:
            by = author_of(row["changed_by"])
            assert by is not None
            via = [Step("instance", row["instance_id"])]
            paths.append(Path(kind="marketplace", via=via, since=row["changed_at"], by=by))
        word = _word_block(row)
        blocks += [block for block in (*closed, *word) if block not in blocks]
    return Access(allowed=allowed, paths=paths + local, blocks=blocks)


def _word_block(row: asyncpg.Record) -> list[Block]:
    if row["word"] not in {"cancelled", "removed"}:
        return []
    kind = f"authorisation_{row['word']}"
    return [Block(kind=kind, since=row["changed_at"], by=author_of(row["changed_by"]))]


def _blocks(row: asyncpg.Record, now: datetime) -> list[Block]:
    """An instance that is not ours is a shadow tenant's: debug and seller calls have no purchase."""
    state, expires_at = row["instance_state"], row["expires_at"]
    checks: list[tuple[bool, str, datetime | None, Any]] = [
        (row["app_removed_at"] is not None, "app_removed", row["app_removed_at"], row["app_removed_by"]),
        (row["stopped_at"] is not None, "app_stopped", row["stopped_at"], row["stopped_by"]),
        (row["unbound"], "unbound", row["ended_at"], row["ended_by"]),
        (
            state in {"frozen", "released", "provisioning"},
            f"instance_{state}",
            row["state_at"],
            row["state_by"],
        ),
        (
            expires_at is not None and expires_at <= now,
            "instance_expired",
            expires_at,
            row["expires_by"],
        ),
        (not row["member_known"], "member_unknown", None, None),
        (row["member_enabled"] is False, "member_disabled", row["enabled_at"], row["enabled_by"]),
        (
            row["member_removed_at"] is not None,
            "member_removed",
            row["member_removed_at"],
            row["member_removed_by"],
        ),
    ]
    return [Block(kind=kind, since=since, by=author_of(by)) for blocked, kind, since, by in checks if blocked]
