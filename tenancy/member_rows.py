"""Reading and writing lists of members, each with a fixed number of set-based statements."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from tenancy.database import Db
from tenancy.member_facts import DEFAULTS, IMPLIED_AT, KnownMember
from tenancy.pushes import Push


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member with its internal id, as merged and as it `was`."""

    id: UUID
    user_name: str
    known: KnownMember
    was: KnownMember = KnownMember()


_READ = """
SELECT m.id, m.user_name, m.name, m.role, m.enabled, m.position, m.employee_code, m.employee_type, m.mobile,
       m.email, m.work_place, m.entry_date, s.department_code, m.attribute_times, m.source_time,
       a.state, a.source_time AS state_time,
       EXISTS (SELECT FROM authorisation o
               WHERE o.tenant_id = $1 AND o.member_id = m.id AND o.state <> 'removed'
                 AND (o.app_id, o.instance_id) <> ($2, $3)) AS elsewhere
FROM member m
LEFT JOIN membership s ON s.tenant_id = $1 AND s.member_id = m.id
LEFT JOIN authorisation a
       ON a.tenant_id = $1 AND a.app_id = $2 AND a.instance_id = $3 AND a.member_id = m.id
WHERE m.tenant_id = $1 AND m.user_name = ANY($4)
"""

_WRITE = """
INSERT INTO member (tenant_id, id, user_name, name, role, enabled, position, employee_code, employee_type,
                    mobile, email, work_place, entry_date, attribute_times, source_time, removed_at,
                    created_at)
SELECT $1, u.id, u.user_name, u.name, u.role, u.enabled, u.position, u.employee_code, u.employee_type,
       u.mobile, u.email, u.work_place, u.entry_date, u.attribute_times::jsonb, u.source_time,
       CASE WHEN u.removed THEN $2::timestamptz END, $2
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::bool[])
     AS u (id, user_name, name, role, enabled, position, employee_code, employee_type, mobile, email,
           work_place, entry_date, attribute_times, source_time, removed)
ON CONFLICT (tenant_id, id) DO UPDATE
SET name = excluded.name, role = excluded.role, enabled = excluded.enabled, position = excluded.position,
    employee_code = excluded.employee_code, employee_type = excluded.employee_type,
    mobile = excluded.mobile, email = excluded.email, work_place = excluded.work_place,
    entry_date = excluded.entry_date, attribute_times = excluded.attribute_times,
    source_time = excluded.source_time,
    removed_at = CASE WHEN excluded.removed_at IS NOT NULL
                      THEN coalesce(member.removed_at, excluded.removed_at) END
"""

_LEAVE = "DELETE FROM membership WHERE tenant_id = $1 AND member_id = ANY($2)"

_JOIN = """
INSERT INTO membership (tenant_id, member_id, department_code)
SELECT $1, u.member_id, u.code FROM unnest($2::uuid[], $3::text[]) AS u (member_id, code)
"""

_AUTHORISE = """
INSERT INTO authorisation (tenant_id, app_id, instance_id, member_id, state, source_time, push_id, changed_at)
SELECT $1, $2, $3, u.member_id, u.state, u.source_time, $4, $5
FROM unnest($6::uuid[], $7::text[], $8::timestamptz[]) AS u (member_id, state, source_time)
ON CONFLICT (tenant_id, app_id, instance_id, member_id) DO UPDATE
SET state = excluded.state, source_time = excluded.source_time,
    push_id = CASE WHEN authorisation.state = excluded.state THEN authorisation.push_id
              ELSE excluded.push_id END,
    changed_at = CASE WHEN authorisation.state = excluded.state THEN authorisation.changed_at
                 ELSE excluded.changed_at END
"""

_COLUMNS = tuple(name for name in DEFAULTS if name != "department_code")


async def read_known(
    db: Db, tenant_id: UUID, app_id: str, instance_id: str, user_names: list[str]
) -> dict[str, MemberRow]:
    """What is known of these people with regard to one app, tombstones included."""
    rows = await db.fetch(_READ, tenant_id, app_id, instance_id, user_names)
    return {row["user_name"]: _known(row) for row in rows}


def _known(row: Any) -> MemberRow:
    known = KnownMember(
        attributes={name: row[name] for name in DEFAULTS},
        times=msgspec.json.decode(row["attribute_times"]),
        source_time=row["source_time"],
        state=row["state"],
        state_time=row["state_time"] or IMPLIED_AT,
        elsewhere=row["elsewhere"],
    )
    return MemberRow(id=row["id"], user_name=row["user_name"], known=known)


async def write_members(
    db: Db, tenant_id: UUID, app_id: str, instance_id: str, rows: Sequence[MemberRow], *, push: Push
) -> None:
    """Write merged members, where they belong and what the marketplace says of them for the app."""
    if not rows:
        return
    columns = [[row.known.attributes[name] for row in rows] for name in _COLUMNS]
    await db.execute(
        _WRITE,
        tenant_id,
        push.received_at,
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
    authorised = [
        row for row in rows if (row.known.state, row.known.state_time) != (row.was.state, row.was.state_time)
    ]
    if authorised:
        await db.execute(
            _AUTHORISE,
            tenant_id,
            app_id,
            instance_id,
            push.id,
            push.received_at,
            [row.id for row in authorised],
            [row.known.state for row in authorised],
            [row.known.state_time for row in authorised],
        )


def _department(known: KnownMember) -> str | None:
    code: str | None = known.attributes["department_code"]
    return code
