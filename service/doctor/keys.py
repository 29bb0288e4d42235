"""The encryption keys: whether they open every stored secret, and which of them are still needed.

And the keys that sign tokens, of which one of each algorithm has to be there.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from service.doctor.findings import Finding, Trouble, found_or_ok, ok
from sso.sealed_values import inspect_sealed_credentials, read_signing_keys
from sso.signing_keys import ALGORITHMS, StoredSigningKey
from tenancy.sealed_values import SealedValues, inspect_sealed_values
from tenancy.secrets import Keyring

PRESENT = "keys.present"
SECRETS = "keys.secrets"
ROTATION = "keys.rotation"
OF_ENCRYPTION = (PRESENT, SECRETS, ROTATION)
SIGNING = "signing_keys.present"
CHECKS = (*OF_ENCRYPTION, SIGNING)

MISSING = Trouble(
    check=PRESENT,
    level="error",
    cause="A key was taken out of TENON_ENCRYPTION_KEYS while stored secrets are still under it.",
    remedy="Put the key back, at the end of the list; only `tenon keys rotate` makes it superfluous.",
)
BROKEN = Trouble(
    check=SECRETS,
    level="error",
    cause="The key of that id is another one than it was, or the row has been altered or badly restored.",
    remedy="Give the key its former value; if that is lost, put the products and connections anew.",
)
UNUSED = Trouble(
    check=ROTATION,
    level="hint",
    cause="Nothing that is stored in the database is under the key any more.",
    remedy="Take it out of TENON_ENCRYPTION_KEYS once TENON_SESSION_HOURS have passed since the rotation.",
)
UNROTATED = Trouble(
    check=ROTATION,
    level="hint",
    cause="A new first key was set, and what was stored before is still under the old one.",
    remedy="Run `tenon keys rotate`; it may be repeated.",
)
NO_SIGNING_KEY = Trouble(
    check=SIGNING,
    level="warning",
    cause="The first process that serves makes them, and none has served on this database yet.",
    remedy="Start `tenon serve`; no token can be signed until then.",
)


async def check_keys(keyring: Keyring, key_ids: Sequence[str]) -> list[Finding]:
    """Open every stored secret; `key_ids` are those of the keyring, the encrypting one first.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the role may not read.
    """
    values = [
        *await inspect_sealed_values(keyring=keyring),
        *await inspect_sealed_credentials(keyring=keyring),
    ]
    return judge_keys(values, key_ids)


def judge_keys(values: Sequence[SealedValues], key_ids: Sequence[str]) -> list[Finding]:
    """Say which keys are missing, wrong or no longer needed."""
    used = sum((Counter(each.counts) for each in values), Counter[str]())
    missing = [
        MISSING.found(f"{_told(each.kind)}: {count} values are under the key {key_id!r}, which is not given.")
        for each in values
        for key_id, count in each.counts.items()
        if key_id not in key_ids
    ]
    broken = [
        BROKEN.found(f"{_told(each.kind)}: {count} values do not open with the key {key_id!r}.")
        for each in values
        for key_id, count in each.broken.items()
        if key_id in key_ids
    ]
    shares = ", ".join(f"{key_id}: {count}" for key_id, count in sorted(used.items())) or "none"
    return [
        *found_or_ok(PRESENT, missing, f"Every key in use is given; stored values by key: {shares}."),
        *found_or_ok(SECRETS, broken, "Stored secrets open with the keys at hand."),
        *found_or_ok(ROTATION, _old_keys(used, key_ids), "No old key is left."),
    ]


def _old_keys(used: Counter[str], key_ids: Sequence[str]) -> list[Finding]:
    return [
        UNROTATED.found(f"{used[key_id]} values are under the old key {key_id!r}.")
        if used[key_id]
        else UNUSED.found(f"The old key {key_id!r} is used by nothing.")
        for key_id in key_ids[1:]
    ]


async def check_signing_keys(now: datetime) -> list[Finding]:
    """Look at whether tokens can be signed at this moment.

    Raises:
        DatabaseUnavailable: the server is away.
        DatabaseRefused: the role may not read.
    """
    return judge_signing_keys(await read_signing_keys(), now)


def judge_signing_keys(stored: Sequence[StoredSigningKey], now: datetime) -> list[Finding]:
    """Say for which algorithms no key signs."""
    signing = {
        key.algorithm
        for key in stored
        if key.active_at <= now and (key.retired_at is None or key.retired_at > now)
    }
    lacking = [algorithm for algorithm in ALGORITHMS if algorithm not in signing]
    if lacking:
        return [NO_SIGNING_KEY.found(f"No key signs now for {' and '.join(lacking)}.")]
    return [ok(SIGNING, f"Tokens are signed with {' and '.join(ALGORITHMS)}.")]


def _told(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
