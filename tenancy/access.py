"""Who may use an app: computed from the facts at the moment of asking."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from tenancy.authorisations import WORD
from tenancy.database import tenant_scope
from tenancy.errors import AppUnknown


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """A reason why a member may use an app; `by` is the push behind it."""

    kind: str
    via: list[str]
    since: datetime
    by: UUID


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A reason that wins over every path; `by` is the push behind it where one is known."""

    kind: str
    since: datetime | None = None
    by: UUID | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a member may use an app, with all reasons for and against."""

    allowed: bool
    paths: list[Path]
    blocks: list[Block]


# One row for each binding of the app; what ended with a binding does not count for the next one.
_FACTS = f"""
SELECT p.instance_id, p.enabled AS app_enabled, p.removed_at AS app_removed_at,
       i.state AS instance_state, i.changed_at AS instance_changed_at, i.expires_at,
       coalesce(b.ended, true) AS unbound,
       m.id IS NOT NULL AND m.source_time IS NOT NULL AS member_known, m.enabled AS member_enabled,
       m.removed_at AS member_removed_at, {WORD} AS state, a.changed_at, a.push_id
FROM app p
LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = p.instance_id
LEFT JOIN instance i ON i.instance_id = p.instance_id
LEFT JOIN member m ON m.tenant_id = $1 AND m.user_name = $3
LEFT JOIN authorisation a
       ON a.tenant_id = $1 AND a.app_id = p.id AND a.instance_id = p.instance_id AND a.member_id = m.id
WHERE p.tenant_id = $1 AND p.id = $2
ORDER BY p.instance_id
"""


async def explain_access(tenant_id: UUID, app_id: str, user_name: str, *, now: datetime) -> Access:
    """Say whether the member may use the app now, and why; several bindings of one app are alternatives.

    Raises:
        AppUnknown: the tenant has no such app.
    """
    async with tenant_scope(tenant_id) as db:
        rows = await db.fetch(_FACTS, tenant_id, app_id, user_name)
    if not any(row["app_removed_at"] is None for row in rows):
        raise AppUnknown
    allowed = False
    paths: list[Path] = []
    blocks: list[Block] = []
    for row in rows:
        against = _blocks(row, now)
        path = _path(row)
        allowed = allowed or (path is not None and not against)
        paths += [path] if path is not None else []
        blocks += [block for block in against if block not in blocks]
    return Access(allowed=allowed, paths=paths, blocks=blocks)


def _path(row: asyncpg.Record) -> Path | None:
    if row["state"] != "granted":
        return None
    return Path(kind="marketplace", via=[row["instance_id"]], since=row["changed_at"], by=row["push_id"])


def _blocks(row: asyncpg.Record, now: datetime) -> list[Block]:
    """An instance that is not ours is a shadow tenant's: debug and seller calls have no purchase."""
    state, expires_at = row["instance_state"], row["expires_at"]
    checks = [
        (row["app_removed_at"] is not None, "app_removed", row["app_removed_at"], None),
        (not row["app_enabled"], "app_stopped", None, None),
        (row["unbound"], "unbound", None, None),
        (
            state in {"frozen", "released", "provisioning"},
            f"instance_{state}",
            row["instance_changed_at"],
            None,
        ),
        (expires_at is not None and expires_at <= now, "instance_expired", expires_at, None),
        (not row["member_known"], "member_unknown", None, None),
        (row["member_enabled"] is False, "member_disabled", None, None),
        (row["member_removed_at"] is not None, "member_removed", row["member_removed_at"], None),
        (row["state"] == "cancelled", "authorisation_cancelled", row["changed_at"], row["push_id"]),
        (row["state"] == "removed", "authorisation_removed", row["changed_at"], row["push_id"]),
    ]
    return [Block(kind=kind, since=since, by=by) for blocked, kind, since, by in checks if blocked]
