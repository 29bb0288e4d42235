"""The marketplace's messages as they come, with every tolerance for how fields are written."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from service.koogallery.results import INVALID, Refusal

Id = Annotated[str, msgspec.Meta(max_length=64)]
T = TypeVar("T")


class KitMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What all five kit messages share; ids absent, null or empty mean the seller's side."""

    instanceId: Id | None = None
    tenantId: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    flag: int | str | None = None
    testFlag: int | str | None = None
    timeStamp: str | int | None = None


class TenantSync(KitMessage, frozen=True, kw_only=True):
    """An enterprise is bound (1), changed (2) or unbound (0)."""

    orderId: Id | None = None
    tenantCode: Id | None = None
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    domainName: Annotated[str, msgspec.Meta(max_length=255)] | None = None


class ApplicationSync(KitMessage, frozen=True, kw_only=True):
    """An application credential is added (1), changed (2) or removed (0)."""

    appId: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    clientId: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    clientSecret: Annotated[str, msgspec.Meta(max_length=8192)] | None = None


class AuthSync(KitMessage, frozen=True, kw_only=True):
    """Members are added (1), changed (2), cancelled (3) or removed (0)."""

    appId: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    userList: msgspec.Raw
    currentSyncTime: str | int | None = None


class SingleOrgSync(KitMessage, frozen=True, kw_only=True):
    """A department is added (1), changed (2) or removed (0)."""

    orgCode: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    orgName: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    parentCode: Id | None = None


class AllOrgSync(KitMessage, frozen=True, kw_only=True):
    """The full list of departments, under its V2 or its V1 name."""

    orgInfoList: msgspec.Raw = msgspec.Raw(b"null")
    orgInfo: msgspec.Raw = msgspec.Raw(b"null")


class OrgInfo(msgspec.Struct, frozen=True, gc=False):
    """A department of a full list; its name goes under three names."""

    orgCode: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    orgName: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    parentCode: Id | None = None
    OrgName: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=128)] | None = None


class Extension(msgspec.Struct, frozen=True):
    """Attributes that V1 nests."""

    employeeType: int | str | None = None
    workPlace: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    entryDate: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class User(msgspec.Struct, frozen=True):
    """A member of a list; absent and null leave an attribute as it is, an empty text clears it."""

    userName: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    orgCode: Id | None = None
    position: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    employeeCode: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    employeeType: int | str | None = None
    role: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    enable: str | bool | int | None = None
    mobile: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    email: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    workPlace: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    entryDate: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    extension: Extension | None = None


_FLAG_DIGITS = 2  # Integer(2) in the marketplace's tables

# A text in quotes, which stays as it is, or a bare name before a colon, which gets its quotes.
# Nothing is looked at twice (a name starts at its first letter, an unclosed text ends with the message,
# no step back): a text of a megabyte must not take minutes.
_BARE_NAME = re.compile(r'("(?:[^"\\]|\\.)*+"?)|((?<![\w$])[A-Za-z_$][\w$]*+)(?=\s*+:)')


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode a message.

    Raises:
        Refusal: a field is missing, too long or of the wrong kind; the message names it.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(INVALID, f"Parameter invalid: {error}") from error


def decode_list(raw: msgspec.Raw, kind: type[T], field: str) -> list[T]:
    """Decode a list sent as an array, as one object, or as text that holds either, even with bare names.

    Raises:
        Refusal: it is none of these.
    """
    text = bytes(raw)
    if text[:1] == b'"':
        text = decode(raw, str).strip().encode()
        if text[:1] in {b"[", b"{"}:
            return _decode_text(text, kind)
    if text[:1] == b"{":
        return [decode(text, kind)]
    if text[:1] != b"[":
        raise Refusal(INVALID, f"Parameter invalid: {field} is not a list.")
    return decode(text, list[kind])  # type: ignore[valid-type]


def _decode_text(text: bytes, kind: type[T]) -> list[T]:
    whole: Any = list[kind] if text[:1] == b"[" else kind  # type: ignore[valid-type]
    try:
        found = msgspec.json.decode(text, type=whole)
    except (msgspec.MsgspecError, RecursionError):
        quoted = _BARE_NAME.sub(lambda match: match[1] or f'"{match[2]}"', text.decode())
        found = decode(quoted.encode(), whole)
    return found if text[:1] == b"[" else [found]


def texts(members: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """The members of a base message as text: strings decoded, all else as its JSON text, null left out."""
    return {
        name: decode(value, str) if bytes(value)[:1] == b'"' else bytes(value).decode()
        for name, value in members.items()
        if bytes(value) != b"null"
    }


def small_number(value: int | str | None, field: str) -> int | None:
    """A flag, which comes as a number or as its digits; None when absent, null or empty.

    Raises:
        Refusal: it is neither.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _FLAG_DIGITS):
        raise Refusal(INVALID, f"Parameter invalid: {field} is not a number of one or two digits.")
    return int(text)


def refuse_unkeepable(*values: str) -> None:
    """Refuse what PostgreSQL cannot keep in a text: U+0000, and what a URL held that is not UTF-8.

    Raises:
        Refusal: it occurs.
    """
    try:
        refuse_nul(*(value.encode() for value in values))
    except UnicodeEncodeError as error:
        raise Refusal(INVALID, "Parameter invalid: a parameter is not UTF-8.") from error


def refuse_nul(*values: bytes) -> None:
    """Refuse U+0000, which PostgreSQL cannot keep in a text.

    Raises:
        Refusal: it occurs, escaped or not.
    """
    if any(b"\\u0000" in value or b"\0" in value for value in values):
        raise Refusal(INVALID, "Parameter invalid: U+0000 is not allowed.")
