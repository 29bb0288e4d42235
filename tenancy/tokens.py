"""Bearer tokens of our API, stored as their SHA-256 and shown once."""

import hashlib
import re
import secrets
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tenancy.acts import Act, record_act
from tenancy.database import NO_TENANT, system_scope, tenant_of
from tenancy.errors import NotFound, TenantUnknown
from tenancy.event_objects import TokenFact
from tenancy.events import Event

Role = Literal["operator", "reader"]

_NAME_DIGITS = 16
_NAME = re.compile(rf"[0-9a-f]{{{_NAME_DIGITS}}}")


class TokenUnknown(NotFound):
    """There is no such token; the audit shows the names of those that were made."""


class TokenOwner(msgspec.Struct, frozen=True, kw_only=True):
    """What a token may do: everything (`operator`) or read (`reader`), for all tenants or one.

    `token` tells it from others in the audit without giving it away.
    """

    token: str
    role: Role
    tenant_id: UUID | None = None


async def make_token(*, role: Role, tenant_id: UUID | None, act: Act) -> str:
    """Make a token; only its hash is kept.

    Raises:
        TenantUnknown: there is no such tenant.
    """
    token = f"tenon_{secrets.token_urlsafe(32)}"
    async with system_scope(changing=tenant_id) as db:
        if tenant_id is not None and not await db.fetchval(
            "SELECT EXISTS (SELECT FROM tenant WHERE id = $1)", tenant_id
        ):
            raise TenantUnknown
        await db.execute(
            "INSERT INTO token (tenant_id, hash, role, created_at) VALUES ($1, $2, $3, $4)",
            tenant_id or NO_TENANT,
            _hash(token),
            role,
            act.at,
        )
        made = Event(type="token.made", subject=_name(_hash(token)), data=TokenFact(role=role))
        await record_act(db, act, [made], tenant_id=tenant_id or NO_TENANT)
    return token


async def revoke_token(name: str, *, act: Act) -> None:
    """Make a token useless from now on; `name` is how the audit calls it, 16 hexadecimal digits.

    Raises:
        TokenUnknown: there is no such token, or not any more.
    """
    if not _NAME.fullmatch(name):
        raise TokenUnknown(f"Name: {name!r}.")
    first = bytes.fromhex(name)
    async with system_scope() as db:
        row = await db.fetchrow(
            "DELETE FROM token WHERE hash >= $1 AND hash < $2 RETURNING tenant_id, role",
            first,
            first + b"\xff" * (hashlib.sha256().digest_size - len(first)),
        )
        if row is None:
            raise TokenUnknown(f"Name: {name}.")
        revoked = Event(type="token.revoked", subject=name, data=TokenFact(role=row["role"]))
        await record_act(db, act, [revoked], tenant_id=row["tenant_id"])


async def find_token_owner(token: str, *, now: datetime) -> TokenOwner | None:
    """What the token may do; None when it is unknown or expired."""
    async with system_scope() as db:
        row = await db.fetchrow(
            "SELECT tenant_id, role FROM token WHERE hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
            _hash(token),
            now,
        )
    if row is None:
        return None
    return TokenOwner(token=_name(_hash(token)), role=row["role"], tenant_id=tenant_of(row["tenant_id"]))


def _name(hashed: bytes) -> str:
    return hashed.hex()[:_NAME_DIGITS]


def _hash(token: str) -> bytes:
    # The token is 256 random bits, so a fast hash is as good as a slow one.
    return hashlib.sha256(token.encode()).digest()
