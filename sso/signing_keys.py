"""The keys that sign our tokens: made, changed with notice, sealed at rest and retired.

A key is published as soon as it is made, so that whoever verifies knows it before it signs, and still after
the next one has taken over.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey

from tenancy.acts import SYSTEM, Act, record_act
from tenancy.database import Db, system_scope
from tenancy.event_objects import SigningKeyFact
from tenancy.events import Event, decode, encode
from tenancy.secrets import Keyring

Algorithm: TypeAlias = Literal["RS256", "ES256"]
PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "ES256")

# Others may hold the published keys for an hour, and our own processes theirs for a moment before that.
_NOTICE = timedelta(hours=1, minutes=1)
_VERIFYING = timedelta(hours=24)

_RSA_BITS = 2048
_RSA_EXPONENT = 65537


class StoredSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored: it signs from `active_at` on, and verifies until `retired_at`.

    `id` is the JWK thumbprint (RFC 7638), `public_key` the public half as a JWK (RFC 7517).
    """

    id: str
    algorithm: Algorithm
    private_key: bytes
    public_key: dict[str, str]
    active_at: datetime
    retired_at: datetime | None


async def ensure_signing_keys(*, keyring: Keyring, now: datetime) -> None:
    """Make the first key of each algorithm that has none; it signs at once, for nobody knows another."""
    async with system_scope() as db:
        if not await _lacking(db):
            return
        await _lock(db)
        # Another process may have made them while this one waited.
        lacking = await _lacking(db)
        if lacking:
            act = Act(actor=SYSTEM, at=now)
            await _add(db, lacking, keyring=keyring, active_at=now, act=act)


async def rotate_signing_keys(*, keyring: Keyring, act: Act) -> list[SigningKeyFact]:
    """Make new keys, which are published now and sign an hour later; the old ones verify for another day.

    An algorithm whose newest key does not sign yet keeps it, so that repeating this adds nothing: returned
    are the keys that were made.
    """
    active_at = act.at + _NOTICE
    async with system_scope() as db:
        await _lock(db)
        await db.execute("DELETE FROM signing_key WHERE retired_at <= $1", act.at)
        rows = await db.fetch("SELECT DISTINCT algorithm FROM signing_key WHERE active_at > $1", act.at)
        waiting = {row["algorithm"] for row in rows}
        due = [algorithm for algorithm in ALGORITHMS if algorithm not in waiting]
        if not due:
            return []
        await db.execute(
            "UPDATE signing_key SET retired_at = $2 WHERE algorithm = ANY ($1) AND retired_at IS NULL",
            due,
            active_at + _VERIFYING,
        )
        return await _add(db, due, keyring=keyring, active_at=active_at, act=act)


async def replace_signing_keys(*, keyring: Keyring, act: Act) -> list[SigningKeyFact]:
    """Make new keys that sign at once, and drop all others, for somebody may have taken them.

    Whatever those have signed is refused as soon as the published keys are read anew: by our own processes
    within half a minute, by others when they meet a key that they do not know, or within the hour.
    """
    async with system_scope() as db:
        await _lock(db)
        await db.execute("DELETE FROM signing_key")
        return await _add(db, ALGORITHMS, keyring=keyring, active_at=act.at, act=act)


async def remove_retired_signing_keys(*, now: datetime) -> int:
    """Remove the keys that verify nothing any more; returns how many."""
    async with system_scope() as db:
        rows = await db.fetch("DELETE FROM signing_key WHERE retired_at <= $1 RETURNING id", now)
    return len(rows)


async def reseal_signing_keys(*, keyring: Keyring) -> int:
    """Encrypt all private keys anew under the first key of the keyring; returns how many there are.

    Raises:
        SecretUndecryptable: one is under a key that is not configured; none is changed.
    """
    async with system_scope() as db:
        rows = await db.fetch("SELECT id, private_key FROM signing_key ORDER BY id FOR UPDATE")
        for row in rows:
            purpose = _purpose(row["id"])
            sealed = keyring.seal(keyring.open(row["private_key"], purpose=purpose), purpose=purpose)
            await db.execute("UPDATE signing_key SET private_key = $2 WHERE id = $1", row["id"], sealed)
    return len(rows)


async def list_signing_keys() -> list[StoredSigningKey]:
    """All keys, the newest first."""
    async with system_scope() as db:
        rows = await db.fetch("SELECT * FROM signing_key ORDER BY active_at DESC, id")
    return [
        StoredSigningKey(
            id=row["id"],
            algorithm=row["algorithm"],
            private_key=row["private_key"],
            public_key=decode(row["public_key"]),
            active_at=row["active_at"],
            retired_at=row["retired_at"],
        )
        for row in rows
    ]


def open_private_key(stored: StoredSigningKey, *, keyring: Keyring) -> PrivateKey:
    """Decrypt and load the private half.

    Raises:
        SecretUndecryptable: it is under a key that is not configured.
    """
    der = keyring.open(stored.private_key, purpose=_purpose(stored.id))
    # Sealed, it is what was made here; checking an RSA key once more would take 50 ms.
    key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key


async def _lacking(db: Db) -> list[Algorithm]:
    rows = await db.fetch("SELECT DISTINCT algorithm FROM signing_key WHERE retired_at IS NULL")
    present = {row["algorithm"] for row in rows}
    return [algorithm for algorithm in ALGORITHMS if algorithm not in present]


async def _lock(db: Db) -> None:
    await db.execute("SELECT pg_advisory_xact_lock(hashtextextended('signing_keys', 0))")


async def _add(
    db: Db, algorithms: Iterable[Algorithm], *, keyring: Keyring, active_at: datetime, act: Act
) -> list[SigningKeyFact]:
    facts = []
    for algorithm in algorithms:
        private, public = await asyncio.to_thread(_make, algorithm)
        fact = SigningKeyFact(id=public["kid"], algorithm=algorithm, active_at=active_at)
        await db.execute(
            "INSERT INTO signing_key (id, algorithm, private_key, public_key, created_at, active_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            fact.id,
            algorithm,
            keyring.seal(private, purpose=_purpose(fact.id)),
            encode(public),
            act.at,
            active_at,
        )
        facts.append(fact)
    await record_act(db, act, [Event(type="signing_key.added", subject=fact.id, data=fact) for fact in facts])
    return facts


def _make(algorithm: Algorithm) -> tuple[bytes, Mapping[str, Any]]:
    """A new key: the private half as PKCS#8 DER, the public half as a JWK with its thumbprint as `kid`."""
    key: PrivateKey
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    jwk = RSAKey.import_key(public) if algorithm == "RS256" else ECKey.import_key(public)
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, jwk.as_dict(private=False, kid=jwk.thumbprint(), alg=algorithm, use="sig")


def _purpose(key_id: str) -> str:
    return f"signing_key:{key_id}"
