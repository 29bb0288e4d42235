"""Whether an address leads to this installation: by what it says of itself, and by the keys it publishes."""

import asyncio
import ssl
from collections.abc import Collection
from typing import TypeVar

import httpx2
import msgspec

from service.doctor.findings import Finding, Trouble, not_checked, ok
from service.doctor.places import is_local

CHECK = "address.leads_here"

Shape = TypeVar("Shape")

_SECONDS = 5.0
_METADATA = "/.well-known/openid-configuration"
_KEYS = "/oauth2/jwks"

NOBODY = Trouble(
    check=CHECK,
    level="error",
    cause="No process serves there, or a firewall or a proxy before it lets nothing through.",
    remedy="Start `tenon serve` and let the ingress or load balancer of the address lead to it.",
)
NOBODY_LOCAL = Trouble(
    check=CHECK,
    level="hint",
    cause="The address is of this machine, and no process serves here at this moment.",
    remedy="Start `tenon serve`, or set TENON_PUBLIC_URL to where it is served.",
)
SOMETHING_ELSE = Trouble(
    check=CHECK,
    level="error",
    cause="Something answers at the address, but it is not Tenon, or it is under another path.",
    remedy="Let every path of the address lead to Tenon unchanged; none may be taken by something else.",
)
OTHER_ISSUER = Trouble(
    check=CHECK,
    level="error",
    cause="The processes that serve there have another TENON_PUBLIC_URL than this one.",
    remedy="Give all processes of an installation the same TENON_PUBLIC_URL.",
)
OTHER_INSTALLATION = Trouble(
    check=CHECK,
    level="error",
    cause="A Tenon answers whose database is another one than that of TENON_DATABASE_URL.",
    remedy="Let the address lead to the processes of this installation, or correct TENON_DATABASE_URL.",
)


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str


class _Key(msgspec.Struct, frozen=True):
    kid: str


class _Keys(msgspec.Struct, frozen=True):
    keys: list[_Key]


class _NotOurs(Exception):
    pass


async def check_leads_here(
    public_url: str, *, trust: ssl.SSLContext, key_ids: Collection[str] | None
) -> list[Finding]:
    """Ask the address who it is; `key_ids` are those in our database, None when that is away."""
    try:
        async with (
            asyncio.timeout(2 * _SECONDS),
            httpx2.AsyncClient(verify=trust, timeout=_SECONDS, trust_env=False) as client,
        ):
            metadata = _read(await client.get(f"{public_url}{_METADATA}"), _Metadata)
            published = _read(await client.get(f"{public_url}{_KEYS}"), _Keys)
    except _NotOurs as error:
        return [SOMETHING_ELSE.found(str(error))]
    except (httpx2.HTTPError, OSError, TimeoutError) as error:
        trouble = NOBODY_LOCAL if is_local(public_url) else NOBODY
        return [trouble.found(f"Nothing answers at {public_url}: {type(error).__name__}.")]
    if metadata.issuer != public_url:
        return [OTHER_ISSUER.found(f"{public_url} calls itself {metadata.issuer[:200]!r}.")]
    if key_ids is None:
        return not_checked([CHECK], "the database is away, so whose processes answer cannot be told")
    if not {key.kid for key in published.keys} & set(key_ids):
        return [OTHER_INSTALLATION.found(f"{public_url} publishes other keys than this database has.")]
    return [ok(CHECK, f"{public_url} leads to this installation.")]


def _read(answer: httpx2.Response, shape: type[Shape]) -> Shape:
    if answer.status_code != httpx2.codes.OK:
        raise _NotOurs(f"{answer.request.url} answers {answer.status_code}.")
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except (msgspec.DecodeError, ValueError) as error:
        raise _NotOurs(f"{answer.request.url} does not answer as Tenon does.") from error
