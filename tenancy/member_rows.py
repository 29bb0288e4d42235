"""Reading and writing lists of members, each with a fixed number of set-based statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec

from tenancy.authorisations import WORD
from tenancy.database import Db
from tenancy.events import Cause
from tenancy.member_facts import DEFAULTS, IMPLIED_AT, KnownMember

T = TypeVar("T")


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member with its internal id, as merged and as it `was`.

    `push_id` is of the push that gave the word that counts, or of the act that brought it back.
    """

    id: UUID
    user_name: str
    known: KnownMember
    was: KnownMember = KnownMember()
    push_id: UUID | None = None
    changed_at: datetime | None = None


_READ = f"""
SELECT m.id, m.user_name, m.name, m.role, m.enabled, m.position, m.employee_code, m.employee_type, m.mobile,
       m.email, m.work_place, m.entry_date, s.department_code, m.attribute_times, m.source_time,
       a.state, a.source_time AS state_time, a.described_time, a.push_id, a.changed_at,
       others.elsewhere, others.removed_elsewhere
FROM member m
LEFT JOIN membership s ON s.tenant_id = $1 AND s.member_id = m.id
LEFT JOIN authorisation a
       ON a.tenant_id = $1 AND a.app_id = $2 AND a.instance_id = $3 AND a.member_id = m.id
CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(word <> 'removed'), false) AS elsewhere,
           coalesce(bool_or(state = 'removed'), false) AS removed_elsewhere
    FROM (SELECT a.state, {WORD} AS word
          FROM authorisation a
          LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
          WHERE a.tenant_id = $1 AND a.member_id = m.id AND (a.app_id, a.instance_id) <> ($2, $3)) AS words
) AS others
WHERE m.tenant_id = $1 AND m.user_name = ANY($4)
"""

_WRITE = """
INSERT INTO member (tenant_id, id, user_name, name, role, enabled, position, employee_code, employee_type,
                    mobile, email, work_place, entry_date, attribute_times, source_time, enabled_at,
                    enabled_by, removed_at, removed_by, created_at)
SELECT $1, u.id, u.user_name, u.name, u.role, u.enabled, u.position, u.employee_code, u.employee_type,
       u.mobile, u.email, u.work_place, u.entry_date, u.attribute_times::jsonb, u.source_time,
       $2, $3, CASE WHEN u.removed THEN $2::timestamptz END, CASE WHEN u.removed THEN $3 END, $2
FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[], $10::text[], $11::text[],
            $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::timestamptz[], $18::bool[])
     AS u (id, user_name, name, role, enabled, position, employee_code, employee_type, mobile, email,
           work_place, entry_date, attribute_times, source_time, removed)
ON CONFLICT (tenant_id, id) DO UPDATE
SET name = excluded.name, role = excluded.role, enabled = excluded.enabled, position = excluded.position,
    employee_code = excluded.employee_code, employee_type = excluded.employee_type,
    mobile = excluded.mobile, email = excluded.email, work_place = excluded.work_place,
    entry_date = excluded.entry_date, attribute_times = excluded.attribute_times,
    source_time = excluded.source_time,
    enabled_at = CASE WHEN member.enabled = excluded.enabled THEN member.enabled_at
                      ELSE excluded.enabled_at END,
    enabled_by = CASE WHEN member.enabled = excluded.enabled THEN member.enabled_by
                      ELSE excluded.enabled_by END,
    removed_at = CASE WHEN excluded.removed_at IS NOT NULL
                      THEN coalesce(member.removed_at, excluded.removed_at) END,
    removed_by = CASE WHEN excluded.removed_at IS NULL THEN NULL
                      WHEN member.removed_at IS NULL THEN excluded.removed_by
                      ELSE member.removed_by END
"""

_LEAVE = "DELETE FROM membership WHERE tenant_id = $1 AND member_id = ANY($2)"

_JOIN = """
INSERT INTO membership (tenant_id, member_id, department_code)
SELECT $1, u.member_id, u.code FROM unnest($2::uuid[], $3::text[]) AS u (member_id, code)
"""

_AUTHORISE = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, described_time,
                           push_id, changed_at)
SELECT $1, $2, $3, u.*
FROM unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::uuid[], $9::timestamptz[]) AS u
ON CONFLICT (tenant_id, app_id, instance_id, member_id) DO UPDATE
SET state = excluded.state, source_time = excluded.source_time, described_time = excluded.described_time,
    push_id = excluded.push_id, changed_at = excluded.changed_at
"""

_COLUMNS = tuple(name for name in DEFAULTS if name != "department_code")


async def read_known(
    db: Db,
    tenant_id: UUID,
    app_id: str,
    instance_id: str,
    user_names: list[str],
    *,
    ended_time: datetime | None,
) -> dict[str, MemberRow]:
    """What is known of these people with regard to one app, tombstones and strangers included."""
    rows = await db.fetch(_READ, tenant_id, app_id, instance_id, user_names)
    known = {row["user_name"]: _known(row, ended_time) for row in rows}
    stranger = KnownMember(ended_time=ended_time)
    return {
        user_name: known.get(user_name) or MemberRow(id=uuid4(), user_name=user_name, known=stranger)
        for user_name in user_names
    }


def _known(row: Any, ended_time: datetime | None) -> MemberRow:
    known = KnownMember(
        attributes={name: row[name] for name in DEFAULTS},
        times=msgspec.json.decode(row["attribute_times"]),
        source_time=row["source_time"],
        state=row["state"],
        state_time=row["state_time"] or IMPLIED_AT,
        described_time=row["described_time"],
        ended_time=ended_time,
        elsewhere=row["elsewhere"],
        removed_elsewhere=row["removed_elsewhere"],
    )
    return MemberRow(
        id=row["id"],
        user_name=row["user_name"],
        known=known,
        push_id=row["push_id"],
        changed_at=row["changed_at"],
    )


async def write_members(
    db: Db, tenant_id: UUID, app_id: str, instance_id: str, rows: Sequence[MemberRow], *, cause: Cause
) -> None:
    """Write merged members, where they belong and what the marketplace says of them for the app."""
    if not rows:
        return
    columns = [[row.known.attributes[name] for row in rows] for name in _COLUMNS]
    await db.execute(
        _WRITE,
        tenant_id,
        cause.at,
        cause.by,
        [row.id for row in rows],
        [row.user_name for row in rows],
        *columns,
        [msgspec.json.encode(row.known.times).decode() for row in rows],
        [row.known.source_time for row in rows],
        [row.known.removed for row in rows],
    )
    moved = [row for row in rows if _department(row.known) != _department(row.was)]
    leaving = [row.id for row in moved if _department(row.was) is not None]
    if leaving:
        await db.execute(_LEAVE, tenant_id, leaving)
    joining = [row for row in moved if _department(row.known) is not None]
    if joining:
        await db.execute(
            _JOIN, tenant_id, [row.id for row in joining], [_department(row.known) for row in joining]
        )
    authorised = [row for row in rows if _words(row.known) != _words(row.was)]
    if authorised:
        await db.execute(
            _AUTHORISE,
            tenant_id,
            app_id,
            instance_id,
            [row.id for row in authorised],
            [row.known.state for row in authorised],
            [row.known.state_time for row in authorised],
            [row.known.described_time for row in authorised],
            [_kept(row, row.push_id) or cause.id for row in authorised],
            [_kept(row, row.changed_at) or cause.at for row in authorised],
        )


def _words(known: KnownMember) -> tuple[Any, ...]:
    return known.state, known.state_time, known.described_time


def _kept(row: MemberRow, value: T | None) -> T | None:
    """The reason behind a word stays while the word does."""
    return value if row.known.word == row.was.word else None


def _department(known: KnownMember) -> str | None:
    code: str | None = known.attributes["department_code"]
    return code
