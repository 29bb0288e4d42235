"""Claims: what a client is told of a person, by scope."""

from collections.abc import Sequence
from typing import Any

from sso.sessions import Session
from tenancy.standings import Standing, read_affiliation


async def read_claims(
    session: Session, standing: Standing, *, app_id: str, scopes: Sequence[str]
) -> dict[str, Any]:
    """The claims of a person in a tenant, `sub` excepted, which is the member's id.

    `openid` tells `tenant`, `app` and `sid`; `profile` tells `user_name`, `name`, `role` and `tenant_code`;
    `departments` the codes of departments, `groups` the ids of groups that hold the person somehow.
    """
    claims: dict[str, Any] = {"tenant": str(session.tenant_id), "app": app_id, "sid": str(session.id)}
    if "profile" in scopes:
        claims |= {
            "user_name": standing.user_name,
            "name": standing.name,
            "role": standing.role,
            "tenant_code": standing.tenant_code,
        }
    if {"departments", "groups"} & set(scopes):
        affiliation = await read_affiliation(session.tenant_id, session.member_id)
        if "departments" in scopes:
            claims["departments"] = list(affiliation.departments)
        if "groups" in scopes:
            claims["groups"] = list(affiliation.groups)
    return claims
