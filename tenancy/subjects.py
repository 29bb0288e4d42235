"""Subjects: what a grant is given to and what a group contains, and whom each stands for."""

from typing import Final, Literal, get_args
from uuid import UUID

import msgspec

from tenancy.database import Db
from tenancy.errors import DepartmentUnknown, GroupUnknown, Invalid, MemberUnknown

SubjectType = Literal["department", "everyone", "group", "member"]

EVERYONE: Final = "*"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A member by user name, a department with all below it by code, a group by id, or everyone (`*`)."""

    type: SubjectType
    id: str


class SubjectTypeUnknown(Invalid):
    """A subject is a department, a member or a group; access can also be granted to everyone."""


class EveryoneNamed(Invalid):
    """Everyone is written as an asterisk."""


def read_subject(kind: str, identifier: str) -> Subject:
    """A subject as a path names it.

    Raises:
        SubjectTypeUnknown: there is no such type.
        EveryoneNamed: everyone, but not written `*`.
    """
    if kind not in get_args(SubjectType):
        raise SubjectTypeUnknown
    if kind == "everyone" and identifier != EVERYONE:
        raise EveryoneNamed
    return msgspec.convert({"type": kind, "id": identifier}, Subject)


_UNKNOWN: Final = {"department": DepartmentUnknown, "member": MemberUnknown, "group": GroupUnknown}
_PRESENT: Final = {
    "department": "SELECT FROM department WHERE tenant_id = $1 AND code = $2 AND removed_at IS NULL",
    "member": "SELECT FROM member WHERE tenant_id = $1 AND user_name = $2 AND removed_at IS NULL",
    "group": "SELECT FROM group_ WHERE tenant_id = $1 AND id = $2",
}
# Tombstones of things never heard of do not count.
_EVER: Final = _PRESENT | {
    "department": "SELECT FROM department WHERE tenant_id = $1 AND code = $2"
    " AND (removed_at IS NULL OR name <> '')",
    "member": "SELECT FROM member WHERE tenant_id = $1 AND user_name = $2 AND source_time IS NOT NULL",
}


async def demand_subject(db: Db, tenant_id: UUID, subject: Subject, *, gone_too: bool = False) -> None:
    """Refuse a subject that is not there; with `gone_too`, only one that never was.

    Raises:
        DepartmentUnknown, MemberUnknown, GroupUnknown: the tenant has no such subject.
    """
    if subject.type == "everyone":
        return
    statement = (_EVER if gone_too else _PRESENT)[subject.type]
    if not await db.fetchval(f"SELECT EXISTS ({statement})", tenant_id, subject.id):
        raise _UNKNOWN[subject.type]


# What a department or group `c` lies in directly: its parent department, and groups. Removed departments hold
# nothing and lie in nothing. Here and below, OFFSET 0 keeps each step a lookup by key: without statistics, as
# after a first sync, the planner would join whole tables at each level.
CONTAINERS: Final = """
SELECT 'department' AS parent_kind, p.code AS parent_id
FROM (SELECT d.parent_code, d.removed_at FROM department d
      WHERE d.tenant_id = $1 AND d.code = c.id AND c.kind = 'department' OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT p.code, p.removed_at FROM department p
      WHERE p.tenant_id = $1 AND p.code = d.parent_code OFFSET 0) AS p
WHERE d.removed_at IS NULL AND p.removed_at IS NULL
UNION ALL
SELECT 'group', g.group_id
FROM (SELECT g.group_id FROM group_member g
      WHERE g.tenant_id = $1 AND g.subject_type = c.kind AND g.subject = c.id OFFSET 0) AS g
"""

# The departments and groups that lie in a department or group `c` directly.
CONTENTS: Final = """
SELECT 'department' AS kind, d.code AS id
FROM (SELECT d.code FROM department d
      WHERE c.kind = 'department' AND d.tenant_id = $1 AND d.parent_code = c.id AND d.removed_at IS NULL
      OFFSET 0) AS d
UNION ALL
SELECT g.subject_type, g.subject
FROM (SELECT g.subject_type, g.subject FROM group_member g
      WHERE c.kind = 'group' AND g.tenant_id = $1 AND g.group_id = c.id OFFSET 0) AS g
WHERE g.subject_type = 'group'
   OR g.subject_type = 'department'
      AND EXISTS (SELECT FROM department d
                  WHERE d.tenant_id = $1 AND d.code = g.subject AND d.removed_at IS NULL)
"""


def containers_above(people: str) -> str:
    """SQL: `container (kind, id)`, the departments and groups that hold any of the people, at any height."""
    return f"""
    holding AS ({people}),
    container (kind, id) AS (
        SELECT 'department', d.code
        FROM holding h JOIN membership s ON s.tenant_id = $1 AND s.member_id = h.member_id
        JOIN department d ON d.tenant_id = $1 AND d.code = s.department_code AND d.removed_at IS NULL
        UNION
        SELECT 'group', g.group_id
        FROM holding h JOIN group_member g
          ON g.tenant_id = $1 AND g.subject_type = 'member' AND g.subject = h.user_name
        UNION
        SELECT e.parent_kind, e.parent_id FROM container c CROSS JOIN LATERAL ({CONTAINERS}) AS e
    )"""


def subjects_below(starts: str) -> str:
    """SQL: `members_below (member_id)`, whom the subjects `starts` (kind, id) stand for."""
    return f"""
    start_ (kind, id) AS ({starts}),
    below (kind, id) AS (
        SELECT kind, id FROM start_
        UNION
        SELECT e.kind, e.id FROM below c CROSS JOIN LATERAL ({CONTENTS}) AS e
    ),
    members_below (member_id) AS (
        SELECT s.member_id FROM below JOIN membership s
          ON s.tenant_id = $1 AND s.department_code = below.id AND below.kind = 'department'
        UNION
        SELECT m.id FROM below
        JOIN group_member g ON g.tenant_id = $1 AND g.group_id = below.id AND g.subject_type = 'member'
        JOIN member m ON m.tenant_id = $1 AND m.user_name = g.subject
        WHERE below.kind = 'group'
        UNION
        SELECT m.id FROM start_ JOIN member m ON m.tenant_id = $1 AND m.user_name = start_.id
        WHERE start_.kind = 'member'
        UNION
        SELECT m.id FROM member m
        WHERE m.tenant_id = $1 AND EXISTS (SELECT FROM start_ WHERE kind = 'everyone')
    )"""


def groups_above(start: str) -> str:
    """SQL: `above (id)`, the group of the parameter `start` and all groups in which it lies."""
    return f"""
    above (id) AS (
        SELECT {start}::text
        UNION
        SELECT g.group_id FROM above CROSS JOIN LATERAL (
            SELECT g.group_id FROM group_member g
            WHERE g.tenant_id = $1 AND g.subject_type = 'group' AND g.subject = above.id OFFSET 0
        ) AS g
    )"""
