"""What came in a push: compressed and sealed as it comes, read and sealed anew as long as it is kept."""

import asyncio
import zlib
from datetime import UTC, datetime
from uuid import UUID

from tenancy.acts import Act, note_act
from tenancy.database import NO_TENANT, system_scope, tenant_scope
from tenancy.errors import PushBodyUnknown, PushUnknown
from tenancy.secrets import Keyring
from tenancy.tenants import demand_tenant

# What is larger than this when compressed is not kept: every such push would burden the history for weeks.
MOST_BYTES = 8 * 1024 * 1024

# Most pushes are smaller than this: packing one costs more time than all the rest of keeping it.
_WORTH_PACKING = 512
_PLAIN, _PACKED = b"=", b"z"
_FASTEST = 1
_PAGE = 500
_PAGE_BYTES = 2 * MOST_BYTES


def seal_body(push_id: UUID, plain: bytes, *, keyring: Keyring) -> bytes | None:
    """Compress, unless it is small, and encrypt what came in a push; None when it is too large to keep."""
    packed = _PLAIN + plain if len(plain) < _WORTH_PACKING else _PACKED + zlib.compress(plain, _FASTEST)
    return keyring.seal(packed, purpose=_purpose(push_id)) if len(packed) <= MOST_BYTES else None


def open_body(push_id: UUID, sealed: bytes, *, keyring: Keyring) -> bytes:
    """What `seal_body` was given.

    Raises:
        SecretUndecryptable: its key is not configured, or it is not the body of this push.
    """
    packed = keyring.open(sealed, purpose=_purpose(push_id))
    return packed[1:] if packed.startswith(_PLAIN) else zlib.decompress(packed[1:])


async def read_body(tenant_id: UUID | None, push_id: UUID, *, keyring: Keyring, act: Act) -> bytes:
    """Read what came in a push, and note in the audit who did.

    Raises:
        PushUnknown: there is no such push.
        PushBodyUnknown: what came in it is not kept, or not any more.
    """
    async with tenant_scope(tenant_id or NO_TENANT) as db:
        if tenant_id is not None:
            await demand_tenant(db, tenant_id)
        row = await db.fetchrow(
            "SELECT body FROM push WHERE tenant_id = $1 AND id = $2", tenant_id or NO_TENANT, push_id
        )
        if row is None:
            raise PushUnknown
        if row["body"] is None:
            raise PushBodyUnknown
        await note_act(db, act, "push.body_read", str(push_id), tenant_id=tenant_id or NO_TENANT)
    return await asyncio.to_thread(open_body, push_id, row["body"], keyring=keyring)


# Bounded by number and by size: a page is held in memory.
_NEXT = """
SELECT received_at, tenant_id, id, body FROM (
    SELECT received_at, tenant_id, id, body,
           sum(octet_length(body)) OVER (ORDER BY received_at, id) - octet_length(body) AS before
    FROM (SELECT received_at, tenant_id, id, body FROM push
          WHERE body IS NOT NULL AND (received_at, id) > ($1, $2)
          ORDER BY received_at, id LIMIT $3) AS page
) AS measured
WHERE before < $4
ORDER BY received_at, id
"""

# Retention may have removed it meanwhile; it must not come back.
_REPLACE = """
UPDATE push p SET body = s.body
FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS s (tenant_id, id, body)
WHERE p.tenant_id = s.tenant_id AND p.id = s.id AND p.body IS NOT NULL
"""


async def reseal_bodies(*, keyring: Keyring) -> int:
    """Encrypt all bodies that are kept anew under the first key, page by page; returns how many there are."""
    done, after = 0, (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    while True:
        async with system_scope() as db:
            rows = await db.fetch(_NEXT, *after, _PAGE, _PAGE_BYTES)
            sealed = [_reseal(row["id"], row["body"], keyring) for row in rows]
            await db.execute(
                _REPLACE, [row["tenant_id"] for row in rows], [row["id"] for row in rows], sealed
            )
        if not rows:
            return done
        done, after = done + len(rows), (rows[-1]["received_at"], rows[-1]["id"])


def _reseal(push_id: UUID, sealed: bytes, keyring: Keyring) -> bytes:
    purpose = _purpose(push_id)
    return keyring.seal(keyring.open(sealed, purpose=purpose), purpose=purpose)


def _purpose(push_id: UUID) -> str:
    return f"push:{push_id}"
