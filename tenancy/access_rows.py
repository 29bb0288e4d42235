"""The one writer of `access`: recomputes it for the people that a change may concern.

Whoever changes a fact that access depends on calls `refresh_access` in the same transaction, with a set of
people that holds all whom the change may concern; more do no harm. It writes what differs, and tells who
has gained or lost which app in the change set that is being written.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from tenancy.acts import Act, record_act
from tenancy.authorisations import WORD
from tenancy.database import Db
from tenancy.events import LAST, Cause, Event, insert_events
from tenancy.gates import DIFFERENCES, TOLD_GATES
from tenancy.subjects import CONTENTS, Subject, containers_above, subjects_below


class People(msgspec.Struct, frozen=True):
    """A set of members: table expressions that end in `concerned (member_id)`, parameters, how many.

    No member is concerned twice.
    """

    sql: str
    values: tuple[Any, ...]
    count: int | None = None


# Whether anything is granted in tenant $1; if not, only the marketplace's word gives access.
ANY_GRANT: Final = "EXISTS (SELECT FROM grant_ WHERE tenant_id = $1)"

_LISTED = "concerned AS (SELECT unnest($4::uuid[]) AS member_id)"

_OF_SUBJECT = f"""
{subjects_below("SELECT $4::text, $5::text")},
concerned AS (SELECT member_id FROM members_below)
"""

# The departments that have been moved, added, removed or brought back, as the change set being written says.
_MOVED = f"""
SELECT 'department', e.subject FROM event e
WHERE e.tenant_id = $1 AND e.number > {LAST} AND e.type LIKE 'department.%' AND e.type <> 'department.renamed'
"""

_OF_MOVED_DEPARTMENTS = f"""
{subjects_below(_MOVED)},
concerned AS (SELECT member_id FROM members_below)
"""

_AUTHORISED_THROUGH = """
concerned AS (SELECT DISTINCT member_id FROM authorisation WHERE tenant_id = $1 AND instance_id = $4)
"""


def members_listed(ids: list[UUID]) -> People:
    """These members."""
    return People(_LISTED, (ids,), len(ids))


def members_of(subject: Subject) -> People:
    """Everybody that the subject stands for."""
    return People(_OF_SUBJECT, (subject.type, subject.id))


_MEMBERS_MOVED: Final = People(_OF_MOVED_DEPARTMENTS, ())
EVERYBODY: Final = members_of(Subject(type="everyone", id="*"))


def members_authorised_through(instance_id: str) -> People:
    """Everybody of whom the marketplace has ever said something through this instance."""
    return People(_AUTHORISED_THROUGH, (instance_id,))


_PEOPLE_IF_ANY_GRANT = f"SELECT member_id, user_name FROM people WHERE {ANY_GRANT}"

# $1 tenant, $2 time, $3 how many events of the change set come before, then what the people need.
_REFRESH = f"""
people AS MATERIALIZED (
    SELECT m.id AS member_id, m.user_name
    FROM concerned c JOIN member m ON m.tenant_id = $1 AND m.id = c.member_id
    WHERE m.enabled AND m.removed_at IS NULL AND m.source_time IS NOT NULL
),
-- What the marketplace says of them.
word AS MATERIALIZED (
    SELECT a.member_id, a.app_id, a.instance_id, {WORD} AS word
    FROM people JOIN authorisation a ON a.tenant_id = $1 AND a.member_id = people.member_id
    LEFT JOIN binding b ON b.tenant_id = $1 AND b.instance_id = a.instance_id
),
-- The departments and groups that hold them, directly or not, and which apps a grant to one of these or to
-- one above it gives. Downwards again, because a grant reaches a tree of any depth in one pass.
{containers_above(_PEOPLE_IF_ANY_GRANT)},
reached (kind, id, app_id) AS (
    SELECT c.kind, c.id, g.app_id
    FROM container c JOIN grant_ g ON g.tenant_id = $1 AND g.subject_type = c.kind AND g.subject = c.id
    UNION
    SELECT e.kind, e.id, c.app_id FROM reached c CROSS JOIN LATERAL ({CONTENTS}) AS e
    -- IS TRUE and DISTINCT keep this a lookup in a hash; else it goes through all containers for each row.
    WHERE ((e.kind, e.id) IN (SELECT DISTINCT kind, id FROM container)) IS TRUE
),
granted AS (
    SELECT s.member_id, r.app_id
    FROM people JOIN membership s ON s.tenant_id = $1 AND s.member_id = people.member_id
    JOIN reached r ON r.kind = 'department' AND r.id = s.department_code
    UNION
    SELECT people.member_id, r.app_id
    FROM people JOIN group_member g
      ON g.tenant_id = $1 AND g.subject_type = 'member' AND g.subject = people.user_name
    JOIN reached r ON r.kind = 'group' AND r.id = g.group_id
    UNION
    SELECT people.member_id, g.app_id
    FROM people JOIN grant_ g
      ON g.tenant_id = $1 AND g.subject_type = 'member' AND g.subject = people.user_name
    UNION
    SELECT people.member_id, g.app_id
    FROM people JOIN grant_ g ON g.tenant_id = $1 AND g.subject_type = 'everyone'
),
due AS MATERIALIZED (
    SELECT w.member_id, w.app_id, w.instance_id
    FROM word w JOIN app p ON p.tenant_id = $1 AND p.id = w.app_id AND p.instance_id = w.instance_id
    WHERE w.word = 'granted'
    UNION
    SELECT g.member_id, g.app_id, p.instance_id
    FROM granted g JOIN app p ON p.tenant_id = $1 AND p.id = g.app_id
    WHERE NOT EXISTS (SELECT FROM word w WHERE w.member_id = g.member_id AND w.app_id = g.app_id
                      AND w.word IN ('cancelled', 'removed'))
),
held AS MATERIALIZED (
    SELECT a.member_id, a.app_id, a.instance_id
    FROM concerned c JOIN access a ON a.tenant_id = $1 AND a.member_id = c.member_id
),
coming AS MATERIALIZED (TABLE due EXCEPT TABLE held),
going AS MATERIALIZED (TABLE held EXCEPT TABLE due),
added AS (
    INSERT INTO access (tenant_id, member_id, app_id, instance_id, since)
    SELECT $1, member_id, app_id, instance_id, $2 FROM coming
),
deleted AS (
    DELETE FROM access a USING going g
    WHERE a.tenant_id = $1 AND a.member_id = g.member_id AND a.app_id = g.app_id
      AND a.instance_id = g.instance_id
),
-- Several bindings of one app are alternatives: only the first is a gain and only the last a loss.
gate AS MATERIALIZED ({TOLD_GATES}),
difference AS (
    SELECT DISTINCT 'access.gained' AS type, c.member_id, c.app_id
    FROM coming c JOIN gate USING (app_id, instance_id)
    WHERE NOT EXISTS (SELECT FROM held h JOIN gate USING (app_id, instance_id)
                      WHERE h.member_id = c.member_id AND h.app_id = c.app_id)
    UNION ALL
    SELECT DISTINCT 'access.lost', g.member_id, g.app_id
    FROM going g JOIN gate USING (app_id, instance_id)
    WHERE NOT EXISTS (SELECT FROM due d JOIN gate USING (app_id, instance_id)
                      WHERE d.member_id = g.member_id AND d.app_id = g.app_id)
),
told AS ({insert_events(DIFFERENCES, first="$3::bigint")})
SELECT type, count(*) FROM difference GROUP BY type
"""


# The planner can only guess how long the lists between the parts are. What it takes for a few rows it joins
# in a nested loop, and with two lists of 100,000 that takes hours; so it must not, from so many people on.
_MANY = 1000

# All parameters are named, so that both statements take the same.
_ARE_MANY = f"""
SELECT count(*) > {_MANY} AND ($1::uuid, $2::timestamptz, $3::bigint) IS NOT NULL
FROM (SELECT FROM concerned LIMIT {_MANY + 1}) AS counted
"""

_EXPECT_MANY = """
SET LOCAL enable_nestloop = off; SET LOCAL enable_seqscan = on; SET LOCAL plan_cache_mode = force_custom_plan
"""
_EXPECT_FEW = """
SET LOCAL enable_nestloop = on; SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = auto
"""


async def refresh_access(
    db: Db, tenant_id: UUID, people: People, cause: Cause, *, first: int
) -> dict[str, int]:
    """Make the stored access of these people what the facts come to; counts who gained and lost an app.

    `first` is how many events of the change set come before those of access.
    """
    values = (tenant_id, cause.at, first, *people.values)
    if people.count is None:
        are_many = await db.fetchval(f"WITH RECURSIVE {people.sql}\n{_ARE_MANY}", *values)
    else:
        are_many = people.count > _MANY
    if are_many:
        await db.execute(_EXPECT_MANY)
    rows = await db.fetch(f"WITH RECURSIVE {people.sql},\n{_REFRESH}", *values)
    if are_many:
        await db.execute(_EXPECT_FEW)
    return {row["type"]: row["count"] for row in rows}


async def refresh_moved(
    db: Db, tenant_id: UUID, told: Mapping[str, int], cause: Cause, *, first: int
) -> dict[str, int]:
    """Refresh the access of whoever is below the departments that the change set being written is about.

    `told` counts its events of departments by type, `first` is how many events come before these. Where
    nothing is granted, or only names have changed, it stays as it is.
    """
    if not told.keys() - {"department.renamed"}:
        return {}
    if not await db.fetchval(f"SELECT {ANY_GRANT}", tenant_id):
        return {}
    return await refresh_access(db, tenant_id, _MEMBERS_MOVED, cause, first=first + sum(told.values()))


async def record_act_on(db: Db, tenant_id: UUID, people: People, act: Act, events: Sequence[Event]) -> None:
    """Record an act that may concern these people's access, with who has gained and lost what."""
    counts = await refresh_access(db, tenant_id, people, act.cause, first=len(events))
    await record_act(db, act, events, tenant_id=tenant_id, differences=counts)


async def forget_access(db: Db, tenant_id: UUID, instance_id: str, app_ids: list[str]) -> None:
    """Drop what is stored for apps that went with their binding; the gates have told whom it concerns."""
    await db.execute(
        "DELETE FROM access WHERE tenant_id = $1 AND instance_id = $2 AND app_id = ANY($3)",
        tenant_id,
        instance_id,
        app_ids,
    )
