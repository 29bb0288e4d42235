"""What the marketplace is answered: result codes, and the domain errors that become one."""

import json
from typing import Any

import msgspec

from tenancy.errors import (
    Conflict,
    DomainError,
    Forbidden,
    InstanceReleased,
    InstanceUnknown,
    Invalid,
    NotFound,
    Unavailable,
)

SUCCESS = "000000"
UNAUTHENTICATED = "000001"
INVALID = "000002"
NO_INSTANCE = "000003"
IN_PROGRESS = "000004"
INTERNAL = "000005"
SECRET_UNDECRYPTABLE = "000101"  # noqa: S105 - a result code


class Answer(msgspec.Struct, frozen=True):
    """A result code with its message, and what an interface adds to it."""

    code: str
    message: str
    more: dict[str, Any] = {}

    def encode(self) -> bytes:
        """The response body; the message cut to what the marketplace takes.

        Whatever is not ASCII is escaped, as the marketplace's description of `memo` demands.
        """
        members = {"resultCode": self.code, "resultMsg": self.message[:255], **self.more}
        return json.dumps(members, separators=(",", ":")).encode("ascii")


class Refusal(Exception):
    """The push is refused with this answer; `reason` is one word for why it was not even read."""

    def __init__(self, code: str, message: str, *, reason: str = "invalid") -> None:
        super().__init__(message)
        self.answer = Answer(code, message)
        self.reason = reason


DONE = Answer(SUCCESS, "success.")

# The first class that fits decides.
_CODES: tuple[tuple[type[DomainError], str], ...] = (
    (InstanceUnknown, NO_INSTANCE),
    (InstanceReleased, NO_INSTANCE),
    (Forbidden, UNAUTHENTICATED),
    (Invalid, INVALID),
    (NotFound, INVALID),
    (Conflict, INVALID),
    (Unavailable, INTERNAL),
)


def answer_of(error: DomainError) -> Answer:
    """The answer to a push that the domain refused; nothing internal is told."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), INTERNAL)
    shown = error.message if isinstance(error, Unavailable) else str(error)
    return Answer(code, shown)
