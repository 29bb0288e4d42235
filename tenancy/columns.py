"""The kinds of columns that the tables are made of; a default in the class would hide a forgotten value."""

from piccolo.columns import JSONB, UUID, Boolean, Text, Timestamptz


def text_column(*, key: bool = False) -> Text:
    """A text that is always there."""
    return Text(default=None, null=False, primary_key=key)


def maybe_text() -> Text:
    """A text that may be missing."""
    return Text(default=None, null=True)


def time_column() -> Timestamptz:
    """An instant that is always there."""
    return Timestamptz(default=None, null=False)


def maybe_time() -> Timestamptz:
    """An instant that may be missing."""
    return Timestamptz(default=None, null=True)


def flag_column() -> Boolean:
    """Yes or no."""
    return Boolean(default=None, null=False)


def uuid_column(*, key: bool = False) -> UUID:
    """An id."""
    return UUID(default=None, null=False, primary_key=key)


def maybe_uuid() -> UUID:
    """An id that may be missing."""
    return UUID(default=None, null=True)


def maybe_json() -> JSONB:
    """A JSON object that may be missing."""
    return JSONB(default=None, null=True)
