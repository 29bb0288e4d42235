"""JSON Web Tokens signed with our own keys, and the keys ready for use.

Source: RFC 7515 (3.1, 5.1), RFC 7518 (3.3, 3.4). Assembled here, for a library's checks of a key that is ours
cost more than an ES256 signature itself.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

from sso.signing_keys import Algorithm, PrivateKey

_NUMBER_BYTES = 32


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A private key, ready to sign with the one algorithm that it is for; `id` is its `kid`."""

    id: str
    algorithm: Algorithm
    private_key: PrivateKey


class VerifyingKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key, ready to verify with the one algorithm that it is for."""

    algorithm: Algorithm
    public_key: RSAKey | ECKey


def load_verifying_key(algorithm: Algorithm, jwk: Mapping[str, Any]) -> VerifyingKey:
    """Make a public key ready that is stored as a JWK."""
    kind = RSAKey if algorithm == "RS256" else ECKey
    return VerifyingKey(algorithm=algorithm, public_key=kind.import_key(dict(jwk)))


def sign_jwt(key: SigningKey, claims: Mapping[str, Any], *, kind: str) -> str:
    """Sign `claims` as a JWT in compact form whose header says that it is of this kind (`typ`)."""
    header = {"alg": key.algorithm, "kid": key.id, "typ": kind}
    signed = f"{encode_part(msgspec.json.encode(header))}.{encode_part(msgspec.json.encode(claims))}"
    return f"{signed}.{encode_part(_sign(key.private_key, signed.encode()))}"


def encode_part(data: bytes) -> str:
    """Base64url without padding, as RFC 7515 (2) has it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _sign(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    # A JWS has both numbers side by side (RFC 7518 3.4), not in ASN.1.
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")
