"""RSA keys of a product, and the client secrets the marketplace encrypts to them.

Source: the marketplace's clientSecret encryption (RSA of at least 3072 bit, OAEP, public key as one line of
base64 SubjectPublicKeyInfo) and RFC 8017 section 7.1. The OAEP digests are not documented: we try three.
"""

import base64
import hashlib
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_MINIMUM_BITS = 3072
_PUBLIC_EXPONENT = 65537


class KeyRefused(ValueError):
    """The text is not an RSA key of at least 3072 bit in PKCS#8 or PKCS#1."""


class Padding(Enum):
    """The OAEP variants in use, in the order they are tried: (digest, digest of the mask function)."""

    SHA256 = (hashes.SHA256, hashes.SHA256)
    # What the JDK's "OAEPWithSHA-256AndMGF1Padding" really does.
    SHA256_MGF1_SHA1 = (hashes.SHA256, hashes.SHA1)
    SHA1 = (hashes.SHA1, hashes.SHA1)

    def oaep(self) -> padding.OAEP:
        """Return the variant as the cryptography package wants it."""
        digest, mask_digest = self.value
        return padding.OAEP(mgf=padding.MGF1(algorithm=mask_digest()), algorithm=digest(), label=None)


def make_private_key() -> str:
    """Make a 3072-bit RSA key as PKCS#8 PEM; takes some tenths of a second, so call it in a thread."""
    key = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=_MINIMUM_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@lru_cache(maxsize=64)
def load_private_key(pem: str) -> rsa.RSAPrivateKey:
    """Load a private key from PKCS#8 or PKCS#1, either as PEM or as its base64 on one line.

    Raises:
        KeyRefused: it is no such key, is encrypted with a password, is not RSA or shorter than 3072 bit.
    """
    try:
        if "-----BEGIN" in pem:
            key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
        else:
            key = serialization.load_der_private_key(_decode_base64(pem), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyRefused(
            "The private key cannot be read; give an unencrypted RSA key as PKCS#8 PEM or its base64."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyRefused("The private key is not an RSA key; the marketplace encrypts with RSA only.")
    if key.key_size < _MINIMUM_BITS:
        raise KeyRefused(f"The RSA key has {key.key_size} bit; make one of at least {_MINIMUM_BITS} bit.")
    return key


def public_line(key: rsa.RSAPrivateKey) -> str:
    """Return the public half as it is pasted into the seller center: one line of base64 SPKI DER."""
    return base64.b64encode(_public_der(key)).decode()


def fingerprint(key: rsa.RSAPrivateKey) -> str:
    """Return the first 16 hex digits of the SHA-256 of the public key's DER, to tell keys apart by eye."""
    return hashlib.sha256(_public_der(key)).hexdigest()[:16]


def decrypt_client_secret(ciphertext_b64: str, keys: Sequence[rsa.RSAPrivateKey]) -> str | None:
    """Decrypt a clientSecret with whichever key and OAEP variant fits; None when nothing does.

    Verify the push's signature first: answers to unsigned ciphertexts would make this a decryption oracle.
    """
    try:
        ciphertext = _decode_base64(ciphertext_b64)
    except ValueError:
        return None
    for key in keys:
        for variant in Padding:
            try:
                return key.decrypt(ciphertext, variant.oaep()).decode()
            except ValueError:
                continue
    return None


def encrypt_client_secret(plain: str, public: str, variant: Padding = Padding.SHA256) -> str:
    """Encrypt a client secret as the marketplace does; base64 on one line.

    Args:
        plain: the secret, at most 318 bytes of UTF-8 for a 3072-bit key and SHA-256.
        public: the vendor's public key as `public_line` prints it.
        variant: the OAEP digests to use.

    Raises:
        KeyRefused: the public key is not base64 SubjectPublicKeyInfo of an RSA key.
        ValueError: the secret is too long for the key.
    """
    try:
        key = serialization.load_der_public_key(_decode_base64(public))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused("The public key cannot be read; give base64 SubjectPublicKeyInfo.") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise KeyRefused("The public key is not an RSA key; the marketplace encrypts with RSA only.")
    return base64.b64encode(key.encrypt(plain.encode(), variant.oaep())).decode()


def _public_der(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _decode_base64(text: str) -> bytes:
    # Java's MIME encoder and people pasting break lines.
    return base64.b64decode("".join(text.split()), validate=True)
