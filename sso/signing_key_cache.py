"""The signing keys, remembered for half a minute so that no token waits for the database."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from sso.jwt_signing import SigningKey, VerifyingKey, load_verifying_key
from sso.signing_keys import Algorithm, StoredSigningKey, list_signing_keys, open_private_key
from tenancy.errors import Unavailable
from tenancy.secrets import Keyring

_SECONDS = 30.0
_AGAIN_SECONDS = 1.0


class SigningKeyMissing(Unavailable):
    """There is no key to sign tokens with; start Tenon anew, which makes one."""


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    keys: tuple[StoredSigningKey, ...]
    read_at: float
    until: float


class SigningKeyCache:
    """What is known of the signing keys; one that another process made is known half a minute later.

    There are never more than the changes of one day leave behind. While the database is away, what was
    known goes on being used.
    """

    def __init__(self, keyring: Keyring, *, ticks: Callable[[], float] = time.monotonic) -> None:
        """Decrypt with this keyring; `ticks` are seconds that never go back."""
        self._keyring = keyring
        self._ticks = ticks
        self._reading = asyncio.Lock()
        self._held: _Held | None = None
        self._signers: dict[str, SigningKey] = {}
        self._verifiers: dict[str, VerifyingKey] = {}

    async def load(self) -> None:
        """Read the keys, so that an outage later on finds them known.

        Raises:
            DatabaseUnavailable: the server is away.
        """
        await self._read_since(self._held)

    async def signer(self, algorithm: Algorithm, now: datetime) -> SigningKey:
        """The key that signs at this moment.

        Raises:
            SigningKeyMissing: there is none.
            SecretUndecryptable: it is sealed under a key that is not configured.
            DatabaseUnavailable: the server is away, and nothing is known yet.
        """
        held = await self._current()
        stored = choose_signer(held.keys, algorithm, now)
        if stored is None:
            stored = choose_signer((await self._renewed(held)).keys, algorithm, now)
        if stored is None:
            raise SigningKeyMissing(f"Algorithm: {algorithm}.")
        signer = self._signers.get(stored.id)
        if signer is None:
            private_key = open_private_key(stored, keyring=self._keyring)
            signer = self._signers[stored.id] = SigningKey(
                id=stored.id, algorithm=algorithm, private_key=private_key
            )
        return signer

    async def published(self, now: datetime) -> list[dict[str, str]]:
        """The public keys that others verify with, as JWKs, the newest first.

        Raises:
            DatabaseUnavailable: the server is away, and nothing is known yet.
        """
        held = await self._current()
        return [stored.public_key for stored in held.keys if _verifies(stored, now)]

    async def verifiers(self, now: datetime, *, key_id: str | None = None) -> Mapping[str, VerifyingKey]:
        """The keys that verify what we signed, by id; `key_id` is looked for anew when it is not known.

        Raises:
            DatabaseUnavailable: the server is away, and nothing is known yet.
        """
        held = await self._current()
        if key_id is not None and all(stored.id != key_id for stored in held.keys):
            held = await self._renewed(held)
        return {stored.id: self._verifier(stored) for stored in held.keys if _verifies(stored, now)}

    def _verifier(self, stored: StoredSigningKey) -> VerifyingKey:
        verifier = self._verifiers.get(stored.id)
        if verifier is None:
            verifier = self._verifiers[stored.id] = load_verifying_key(stored.algorithm, stored.public_key)
        return verifier

    async def _current(self) -> _Held:
        held = self._held
        if held is not None and self._ticks() < held.until:
            return held
        return await self._read_since(held)

    async def _renewed(self, held: _Held) -> _Held:
        """What is known now; whoever asks for keys that do not exist makes us read once a second only."""
        if self._ticks() < held.read_at + _AGAIN_SECONDS:
            return held
        return await self._read_since(held)

    async def _read_since(self, known: _Held | None) -> _Held:
        """Read once, however many ask at the same time."""
        async with self._reading:
            if self._held is not None and self._held is not known:
                return self._held
            began = self._ticks()
            try:
                keys = tuple(await list_signing_keys())
            except Unavailable:
                if known is None:
                    raise
                again = self._ticks() + _AGAIN_SECONDS
                self._held = msgspec.structs.replace(known, until=again, read_at=self._ticks())
                return self._held
            self._held = _Held(keys=keys, read_at=began, until=began + _SECONDS)
            present = {stored.id for stored in keys}
            self._signers = {key_id: each for key_id, each in self._signers.items() if key_id in present}
            self._verifiers = {key_id: each for key_id, each in self._verifiers.items() if key_id in present}
            return self._held


def choose_signer(
    keys: tuple[StoredSigningKey, ...], algorithm: Algorithm, now: datetime
) -> StoredSigningKey | None:
    """The newest key that is active, else the first to become so: a clock behind finds none active."""
    usable = [stored for stored in keys if stored.algorithm == algorithm and _verifies(stored, now)]
    active = [stored for stored in usable if stored.active_at <= now]
    if active:
        return max(active, key=_age)
    return min(usable, key=_age, default=None)


def _age(stored: StoredSigningKey) -> tuple[datetime, str]:
    return stored.active_at, stored.id


def _verifies(stored: StoredSigningKey, now: datetime) -> bool:
    return stored.retired_at is None or now < stored.retired_at
