"""What is kept of a proven call, so that it can be read, and carried out again after a fault of ours."""

import hashlib
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec

from service.koogallery.calls import Call, parse_query
from tenancy.products import Product
from tenancy.push_bodies import seal_body
from tenancy.secrets import Keyring

_TOKEN = "authToken"  # noqa: S105 - the name of a parameter
_FINGERPRINT_BYTES = 8


class KeptCall(msgspec.Struct, frozen=True, array_like=True):
    """A call without what proved it: `raw` is its body or, of a V1 base call, its query without the token.

    `key` tells which of the product's keys had signed it, without giving the key away.
    """

    is_kit: bool
    is_query: bool
    key: bytes
    raw: bytes

    def to_call(self, product: Product, edition: str) -> Call:
        """The call as it came; nothing in it can be proven again."""
        return Call(
            product=product,
            edition="V1" if edition == "V1" else "V2",
            is_kit=self.is_kit,
            query=parse_query(self.raw) if self.is_query else {},
            headers={},
            body=b"" if self.is_query else self.raw,
        )

    def find_key(self, call: Call) -> int | None:
        """The position of the key that had signed it; None when the product has it no longer."""
        marks = [_fingerprint(key) for key in call.keys]
        return marks.index(self.key) if self.key in marks else None


def keep_call(call: Call, query_string: bytes, key_index: int) -> KeptCall:
    """What is to be kept of a call, without anything that would let somebody send it again."""
    is_query = call.edition == "V1" and not call.is_kit
    return KeptCall(
        is_kit=call.is_kit,
        is_query=is_query,
        key=_fingerprint(call.keys[key_index]),
        raw=unsigned_query(query_string) if is_query else call.body,
    )


def unsigned_query(query_string: bytes) -> bytes:
    """A query string without its token, however that is written, and otherwise as it came."""
    return b"&".join(part for part in query_string.split(b"&") if _name(part) != _TOKEN)


def _name(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[0].decode("latin-1"))


def seal_call(push_id: UUID, kept: KeptCall, *, keyring: Keyring) -> bytes | None:
    """The call as the history keeps it; None when it is too large for that."""
    return seal_body(push_id, msgspec.msgpack.encode(kept), keyring=keyring)


def read_kept_call(plain: bytes) -> KeptCall:
    """The call that was kept."""
    return msgspec.msgpack.decode(plain, type=KeptCall)


def _fingerprint(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:_FINGERPRINT_BYTES]
