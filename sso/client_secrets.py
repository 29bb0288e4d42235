"""Secrets of clients: made here, shown once, kept as digests only."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

MOST_SECRETS = 2

_BYTES = 32
_PREFIX = "tenon_cs_"
# No text has it; it is compared where there is nothing, so that this takes as long.
_NO_DIGEST = "0" * 64


def make_secret() -> str:
    """Make a secret of 256 bits; its prefix tells it in logs and repositories."""
    return _PREFIX + secrets.token_urlsafe(_BYTES)


def digest_secret(secret: str) -> str:
    """What is kept of a secret, in hex; it has too many bits to be guessed, so no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_secret(secret: str, digests: Sequence[str]) -> bool:
    """Whether a text is one of the secrets; it takes as long however many there are."""
    digest = digest_secret(secret)
    kept = [*digests, *[_NO_DIGEST] * MOST_SECRETS][:MOST_SECRETS]
    matches = [hmac.compare_digest(digest, other) for other in kept]
    return any(matches)
