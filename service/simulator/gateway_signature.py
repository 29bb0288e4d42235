"""The AK/SK signature of the marketplace's own API (SDK-HMAC-SHA256), the receiving side."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

ALGORITHM = "SDK-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+),"
    r" ?Signature=(?P<signature>[0-9a-f]+)"
)


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an `Authorization` header."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def read_authorization(header: str) -> Authorization | None:
    """Read an `Authorization` header; None when it is not of this scheme."""
    found = _AUTHORIZATION.fullmatch(header)
    if found is None:
        return None
    return Authorization(
        access_key=found["access"],
        signed_headers=tuple(found["headers"].lower().split(";")),
        signature=found["signature"],
    )


def sdk_signature(
    secret_key: str,
    *,
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    body: bytes = b"",
) -> str:
    """Compute the signature of a request, lower-case hex.

    Args:
        secret_key: the SK.
        method: in upper case.
        path: decoded path; the signature always sees it with a slash at the end.
        query: decoded names and values.
        headers: by lower-case name; a signed one that is missing counts as empty.
        signed_headers: lower-case names in the order of the `Authorization` header.
        body: the exact bytes.

    Source: the API gateway's request signature, as the order query demands it.
    """
    uri = quote(path if path.endswith("/") else f"{path}/", safe="/-_.~")
    arguments = "&".join(f"{_escape(name)}={_escape(value)}" for name, value in sorted(query))
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed_headers)
    names, body_hash = ";".join(signed_headers), hashlib.sha256(body).hexdigest()
    request = f"{method}\n{uri}\n{arguments}\n{lines}\n{names}\n{body_hash}"
    request_hash = hashlib.sha256(request.encode()).hexdigest()
    text = f"{ALGORITHM}\n{headers.get('x-sdk-date', '')}\n{request_hash}"
    return hmac.new(secret_key.encode(), text.encode(), "sha256").hexdigest()


def _escape(text: str) -> str:
    return quote(text, safe="-_.~")
