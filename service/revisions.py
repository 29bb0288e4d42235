"""`ETag` and `If-Match`: whoever edits says what was read, so that nobody overwrites unseen changes."""

from typing import Annotated

from litestar.params import HeaderParameter

IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", max_length=64, description="The `ETag` last read.")
]

# No revision has it: a tag that is not ours never matches.
_UNREADABLE = -1


def etag(revision: int) -> dict[str, str]:
    """The header that tells a revision."""
    return {"ETag": f'"{revision}"'}


def expected_revision(if_match: str | None) -> int | None:
    """The revision that a request wants to replace; None when it does not care."""
    if if_match is None:
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    return int(digits) if digits.isascii() and digits.isdigit() else _UNREADABLE
