"""Keyset pages: a list is read on from the last key it showed, so it stays fast and skips nothing."""

import base64
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from tenancy.errors import CursorInvalid

T = TypeVar("T")
Key = TypeVar("Key")

MAX_LIMIT = 1000


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; `next` is the cursor of the following one, null on the last."""

    items: list[T]
    next: str | None = None


def page_of(rows: list[T], limit: int, *, key: Callable[[T], Any]) -> Page[T]:
    """Make a page of `limit` rows from a query that asked for one more."""
    if len(rows) <= limit:
        return Page(rows)
    shown = rows[:limit]
    return Page(shown, encode_cursor(key(shown[-1])))


def encode_cursor(key: Any) -> str:
    """The text that `decode_cursor` reads."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, key_type: type[Key]) -> Key | None:
    """The key after which the page starts; None on the first page.

    Raises:
        CursorInvalid: the text is not a cursor of this list.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=key_type)
    except (ValueError, msgspec.MsgspecError) as error:
        raise CursorInvalid from error
