"""Sessions: signed-in browsers, each one key in Redis that holds whatever was given out in it.

Ending a session is deleting its key, and with it go its codes and tokens: nothing can be forgotten. That a
session is there says only that somebody has signed in; what the member may do is asked at every use.
"""

import hmac
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec

from sso.session_scripts import ADD_FAMILY, DROP_FAMILIES, KEEP, REPLACE
from sso.store import RedisClient, reaching_redis

_MOST_FAMILIES = 32
_PIPELINED = 500
_USES_APART = timedelta(minutes=1)
_FIELDS = ("session", "upstream", "until", "used")

_Item = TypeVar("_Item")


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the sign-in at the service that did it: sealed, and when it is to be renewed."""

    sealed: bytes
    renew_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser of one member in one tenant; `digest` is of the cookie's secret.

    `authenticated_at` is when the person proved who it is, which may have been before.
    """

    id: UUID
    tenant_id: UUID
    member_id: UUID
    connection: str
    digest: bytes
    authenticated_at: datetime
    started_at: datetime
    until: datetime

    def is_proven_by(self, digest: bytes) -> bool:
        """Whether this is the digest of the cookie's secret."""
        return hmac.compare_digest(self.digest, digest)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it was found, with the family that was asked for as it is kept."""

    session: Session
    upstream: Upstream | None
    family: bytes | None
    used_at: datetime


class Lifetimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session lives without use, and at all."""

    idle: timedelta
    most: timedelta


_encode = msgspec.msgpack.Encoder().encode
_decode_session = msgspec.msgpack.Decoder(Session).decode
_decode_upstream = msgspec.msgpack.Decoder(Upstream).decode


class SessionStore:
    """The sessions of all tenants; every method raises SessionsUnavailable while Redis is away."""

    def __init__(self, redis: RedisClient, lifetimes: Lifetimes) -> None:
        """Use a client with short time limits and no retries: a browser waits."""
        self.lifetimes = lifetimes
        self._redis = redis
        self._keep_script = redis.register_script(KEEP)
        self._add_script = redis.register_script(ADD_FAMILY)
        self._replace_script = redis.register_script(REPLACE)
        self._drop_script = redis.register_script(DROP_FAMILIES)

    async def start(self, session: Session, upstream: Upstream | None) -> None:
        """Keep a new session."""
        fields: dict[Any, Any] = {
            "session": _encode(session),
            "until": _ms(session.until),
            "used": _ms(session.started_at),
        }
        if upstream is not None:
            fields["upstream"] = _encode(upstream)
        age = session.until - session.started_at
        async with reaching_redis(self._redis), self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(_key(session.id), mapping=fields)
            pipe.pexpire(_key(session.id), min(age, self.lifetimes.idle))
            for index in _indexes(session.tenant_id, session.member_id):
                pipe.zadd(index, {str(session.id): _ms(session.started_at)})
                pipe.zremrangebyscore(index, "-inf", _ms(session.started_at - self.lifetimes.most))
                pipe.pexpire(index, age)
            await pipe.execute()

    async def find(self, session_id: UUID, *, family: str = "", now: datetime) -> Held | None:
        """A session that has not run out; None when it has ended.

        Whoever proves it then uses it (`keep`): knowing a session's id must not keep it alive.
        """
        async with reaching_redis(self._redis):
            row = await self._redis.hmget(_key(session_id), [*_FIELDS, _family_field(family)])
        return self._held(row, now=now)

    async def keep(self, held: Held, *, now: datetime) -> None:
        """Count a use of a session, so that its idle time begins anew; once in a while is enough."""
        if now - held.used_at < min(_USES_APART, self.lifetimes.idle / 10):
            return
        left = min(self.lifetimes.idle, held.session.until - now)
        async with reaching_redis(self._redis):
            await self._keep_script(
                keys=[_key(held.session.id)], args=[_ms(now), max(1, int(left.total_seconds() * 1000))]
            )

    async def end(self, session: Session) -> bool:
        """Forget a session with all that was given out in it; False when it had ended already."""
        return bool(await self.forget(session.tenant_id, [(session.member_id, session.id)]))

    async def forget(self, tenant_id: UUID, sessions: Sequence[tuple[UUID, UUID]]) -> int:
        """Forget sessions of a tenant, each as (member, id), with all of theirs; how many were there."""
        forgotten = 0
        for some in _chunks(sessions):
            async with reaching_redis(self._redis), self._redis.pipeline(transaction=False) as pipe:
                for member_id, session_id in some:
                    pipe.delete(_key(session_id))
                    for index in _indexes(tenant_id, member_id):
                        pipe.zrem(index, str(session_id))
                answers = await pipe.execute()
            forgotten += sum(answers[::3])
        return forgotten

    async def add_family(self, session_id: UUID, family: str, value: bytes) -> bool:
        """Keep a new family in a session; False when the session has ended."""
        async with reaching_redis(self._redis):
            return bool(
                await self._add_script(
                    keys=[_key(session_id)], args=[_family_field(family), value, _MOST_FAMILIES]
                )
            )

    async def replace_family(self, session_id: UUID, family: str, old: bytes, new: bytes) -> bool:
        """Replace a family that is still as it was read; False when it is not."""
        return await self._replace(session_id, _family_field(family), old, new)

    async def drop_family(self, session_id: UUID, family: str) -> None:
        """Forget a family, whatever has become of it meanwhile."""
        async with reaching_redis(self._redis):
            await self._redis.hdel(_key(session_id), _family_field(family))

    async def drop_families(self, session_id: UUID, start: bytes) -> int:
        """Forget the families whose kept value begins so; how many there were."""
        async with reaching_redis(self._redis):
            return int(await self._drop_script(keys=[_key(session_id)], args=[start]))

    async def replace_upstream(self, session_id: UUID, old: Upstream, new: Upstream) -> bool:
        """Replace what is kept of the upstream sign-in, if it is still as it was read."""
        return await self._replace(session_id, "upstream", _encode(old), _encode(new))

    async def _replace(self, session_id: UUID, field: str, old: bytes, new: bytes) -> bool:
        async with reaching_redis(self._redis):
            return bool(await self._replace_script(keys=[_key(session_id)], args=[field, old, new]))

    async def list_ids(
        self, tenant_id: UUID, *, member_id: UUID | None = None, after: tuple[int, str] | None, limit: int
    ) -> list[tuple[int, str]]:
        """Sessions of a tenant, or of one member, in the order of their start: (milliseconds, id).

        Some may have run out: they are noticed when read.
        """
        tenant, member = _indexes(tenant_id, member_id or tenant_id)
        index = tenant if member_id is None else member
        async with reaching_redis(self._redis):
            start = 0 if after is None else after[0]
            found: list[tuple[int, str]] = []
            offset = 0
            while len(found) < limit:
                page = await self._redis.zrangebyscore(
                    index, start, "+inf", start=offset, num=limit, withscores=True
                )
                scored = cast("list[tuple[bytes, float]]", page)
                entries = [(int(score), name.decode()) for name, score in scored]
                found += [entry for entry in entries if after is None or entry > after]
                offset += limit
                if len(page) < limit:
                    break
        return found[:limit]

    async def list_of_members(self, tenant_id: UUID, members: Sequence[UUID]) -> list[UUID]:
        """The sessions of these members of a tenant; some may have run out."""
        found: list[UUID] = []
        for some in _chunks(members):
            async with reaching_redis(self._redis), self._redis.pipeline(transaction=False) as pipe:
                for member_id in some:
                    pipe.zrange(_indexes(tenant_id, member_id)[1], 0, -1)
                rows = await pipe.execute()
            found += [UUID(name.decode()) for row in rows for name in row]
        return found

    async def find_kept(self, ids: Collection[UUID]) -> set[UUID]:
        """Those of these sessions that are there; one that has run out may still be."""
        present: set[UUID] = set()
        for some in _chunks(list(ids)):
            async with reaching_redis(self._redis), self._redis.pipeline(transaction=False) as pipe:
                for session_id in some:
                    pipe.exists(_key(session_id))
                rows = await pipe.execute()
            present.update(session_id for session_id, there in zip(some, rows, strict=True) if there)
        return present

    async def read(self, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, Held]:
        """Those of these sessions that have not run out, without using them."""
        rows: list[Any] = []
        for some in _chunks(ids):
            async with reaching_redis(self._redis), self._redis.pipeline(transaction=False) as pipe:
                for session_id in some:
                    pipe.hmget(_key(session_id), list(_FIELDS))
                rows += await pipe.execute()
        held = {one: self._held([*row, None], now=now) for one, row in zip(ids, rows, strict=True)}
        return {one: each for one, each in held.items() if each is not None}

    def _held(self, row: Sequence[Any], *, now: datetime) -> Held | None:
        session, upstream, until, used, family = row
        if session is None:
            return None
        used_at = datetime.fromtimestamp(int(used) / 1000, UTC)
        if _ms(now) >= int(until) or now >= used_at + self.lifetimes.idle:
            return None
        return Held(
            session=_decode_session(session),
            upstream=None if upstream is None else _decode_upstream(upstream),
            family=family,
            used_at=used_at,
        )


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """What one pipeline takes at a time, so that its answers come within the client's short limit."""
    return (items[start : start + _PIPELINED] for start in range(0, len(items), _PIPELINED))


def _key(session_id: UUID) -> str:
    return f"tenon:session:{session_id}"


def _indexes(tenant_id: UUID, member_id: UUID) -> tuple[str, str]:
    return f"tenon:sessions:{tenant_id}", f"tenon:sessions:{tenant_id}:{member_id}"


def _family_field(family: str) -> str:
    return f"family:{family}"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
