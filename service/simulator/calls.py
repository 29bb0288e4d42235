"""A call of the marketplace before it is signed, and the vendor's answer to it."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

import msgspec

Pairs = tuple[tuple[str, str], ...]

SUCCESS = "000000"
UNAUTHENTICATED = "000001"
INVALID = "000002"
UNKNOWN_INSTANCE = "000003"
PROCESSING = "000004"
UNDECRYPTABLE = "000101"


# More of a vendor's text than this tells nobody more.
LONGEST_TEXT = 300


class Edition(Enum):
    """The two generations of the marketplace's interfaces; new products get V2 calls, old ones V1."""

    V1 = "v1"
    V2 = "v2"


class Surface(Enum):
    """How a call travels and which key signs it."""

    V2_BASE = "v2-base"
    V2_KIT = "v2-kit"
    V1_BASE = "v1-base"
    V1_KIT = "v1-kit"

    @property
    def is_kit(self) -> bool:
        """Whether the call goes to a sub-path of the production address."""
        return self in {Surface.V2_KIT, Surface.V1_KIT}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call to make: `body` on all surfaces but V1 base, which has a `query` instead.

    `expected` are the result codes of a correct vendor. `skew` (a shift of the signature's clock) and
    `has_wrong_key` (a key nobody knows) are faults to provoke.
    """

    surface: Surface
    name: str
    body: bytes = b""
    query: Pairs = ()
    expected: tuple[str, ...] = (SUCCESS,)
    skew: timedelta = timedelta()
    has_wrong_key: bool = False
    note: str = ""


class SignedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it goes out, byte for byte; `key` is what `Body-Sign` is checked with."""

    call: Call
    method: str
    url: str
    query: Pairs = ()
    headers: Pairs = ()
    content: bytes = b""
    key: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; status 0 means that nothing did, and `result_msg` then says why.

    `body_sign_valid` is None when the answer has no `Body-Sign`; `body_sign_name` is that header's name as
    spelt, because the marketplace compares it exactly. `seconds` is the last attempt's time.
    """

    call: Call
    status: int
    result_code: str
    result_msg: str
    body: bytes
    members: Mapping[str, Any]
    content_type: str
    seconds: float
    body_sign_valid: bool | None
    body_sign_name: str
    attempts: int = 1

    @property
    def as_expected(self) -> bool:
        """Whether a correct vendor could have given this answer."""
        return self.status == 200 and self.result_code in self.call.expected  # noqa: PLR2004 - the only status

    @property
    def instance_id(self) -> str:
        """The instance's id in a newInstance answer; empty when there is none."""
        found = self.members.get("instanceId")
        return found if isinstance(found, str) else ""

    @property
    def summary(self) -> str:
        """The answer in a few words."""
        if self.status == 0:
            return f"no answer: {self.result_msg}"
        code = self.result_code or "no resultCode"
        return f"HTTP {self.status}, {code} {self.result_msg}".rstrip()


def printable(text: str) -> str:
    """Make a vendor's text fit for a terminal or a file: short, and nothing in it that controls either."""
    shown = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
