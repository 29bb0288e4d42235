"""Parsers of single setting values: text in, value out, `ValueError` with what is wrong and what to do.

No message repeats a secret value: it may end in a log or a terminal's history.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec

MIN_TOKEN_LENGTH = 32
KEY_BYTES = 32
MAX_DIGITS = 15
MAX_PORT = 65535
_BAD_PLACE = "names no valid host and port; give {} and percent-encode special characters"
_KEY_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class EncryptionKey(msgspec.Struct, frozen=True, kw_only=True):
    """A named AES-256 key of 32 bytes; secrets at rest carry the name of the key that encrypted them."""

    id: str
    key: bytes

    def __repr__(self) -> str:
        return f"EncryptionKey(id={self.id!r}, key=…)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("id", self.id), ("key", "…")]


def parse_number(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of a plain decimal number from `low` to `high`."""

    def parse(text: str) -> int:
        # int() alone would also take signs, underscores and other alphabets' digits.
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and low <= int(text) <= high):
            raise ValueError(f"is {text!r}; give a whole number from {low} to {high}")
        return int(text)

    return parse


def parse_choice(*choices: str) -> Callable[[str], str]:
    """Make a parser of one word out of `choices`, in any letter case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"is {text!r}; give one of: {', '.join(choices)}")
        return text.lower()

    return parse


def parse_switch(text: str) -> bool:
    """Parse `on` or `off`."""
    return parse_choice("on", "off")(text) == "on"


def parse_bind(text: str) -> tuple[str, int]:
    """Parse `host:port`, an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    numeric = port.isascii() and port.isdigit() and len(port) <= MAX_DIGITS and 0 < int(port) <= MAX_PORT
    if not bare or not numeric or (":" in bare) != bracketed:
        raise ValueError(f"is {text!r}; give host:port such as 127.0.0.1:8000, or [::1]:8000 for IPv6")
    return bare, int(port)


def parse_public_url(text: str) -> str:
    """Parse the address under which browsers and the marketplace reach this service."""
    example = "give an address such as https://tenon.example.com"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(f"is not a URL; {example}") from None
    if url.scheme not in {"http", "https"} or not host or port == 0:
        raise ValueError(f"is not an http(s) URL; {example}")
    if url.username is not None or url.query or url.fragment or text != text.strip():
        raise ValueError(f"must not hold a user, a query, a fragment or blanks; {example}")
    if text.endswith("/"):
        raise ValueError("ends with a slash; remove it")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("uses http for a host other than this machine; use https")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or an address is of this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_database_url(text: str) -> str:
    """Parse a PostgreSQL URL; several hosts by commas, or a socket as `?host=/path`, are fine."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("has the wrong scheme; it must start with postgresql:// or postgres://")
    place = text.partition("://")[2]
    hosts = _find_hosts(place).split(",")
    if hosts == [""] and "?host=" in place:
        return text
    if not all(_is_host(host) for host in hosts) or text != text.strip():
        raise ValueError(_BAD_PLACE.format("postgresql://user:password@host:5432/database"))
    return text


def parse_redis_url(text: str) -> str:
    """Parse the URL of a Valkey or Redis server (`rediss` = over TLS) or of one node of a cluster."""
    if not text.startswith(("redis://", "rediss://", "redis+cluster://")):
        raise ValueError("has the wrong scheme; it must start with redis://, rediss:// or redis+cluster://")
    if not _is_host(_find_hosts(text.partition("://")[2])) or text != text.strip():
        raise ValueError(_BAD_PLACE.format("redis://:password@host:6379/0"))
    return text


def _find_hosts(place: str) -> str:
    return re.split(r"[/?#]", place)[0].rpartition("@")[2]


def _is_host(host: str) -> bool:
    try:
        url = urlsplit(f"//{host}")
        return bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def parse_token(text: str) -> str:
    """Parse a bearer token: at least 32 visible ASCII characters."""
    if len(text) < MIN_TOKEN_LENGTH:
        raise ValueError(f"has {len(text)} characters; give at least {MIN_TOKEN_LENGTH} random ones")
    if not all("!" <= character <= "~" for character in text):
        raise ValueError("holds blanks or characters outside ASCII; such a token cannot be sent in a header")
    return text


def parse_encryption_keys(text: str) -> tuple[EncryptionKey, ...]:
    """Parse comma-separated `id:base64` keys; the first encrypts, all decrypt."""
    keys: list[EncryptionKey] = []
    for number, entry in enumerate(text.split(","), start=1):
        key_id, colon, encoded = entry.strip().partition(":")
        if not colon or not _KEY_ID.fullmatch(key_id):
            raise ValueError(
                f"entry {number} is not id:base64; an id is of letters, digits and . _ -, at most 64"
            )
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(
                f"entry {number} is not {KEY_BYTES} bytes in base64; make a key with: openssl rand -base64 32"
            )
        if any(key_id == other.id for other in keys):
            raise ValueError(f"entry {number} repeats the id {key_id!r}; give each key an id of its own")
        keys.append(EncryptionKey(id=key_id, key=key))
    return tuple(keys)
