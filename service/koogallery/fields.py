"""AES encryption of single fields (mobilePhone, email, credentials) as V1 of the marketplace does it.

A value is a 16-character initialisation vector followed by the base64 of the AES-CBC ciphertext; the AES key
comes from the access key through Java's SHA1PRNG.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_KEY_BYTES = {"1": 32, "2": 16}
_IV_LENGTH = 16
_BLOCK_BITS = 128


class FieldNotDecryptable(ValueError):
    """An encrypted field cannot be read with this key; check the access key and encryptType."""


def decrypt_field(value: str, *, access_key: str, encrypt_type: str) -> str:
    """Decrypt one field.

    Args:
        value: initialisation vector and base64 ciphertext as transmitted, after URL-decoding.
        access_key: the product's key, which seeds the AES key.
        encrypt_type: `1` for AES-256, `2` for AES-128.

    Raises:
        FieldNotDecryptable: the value is malformed, made with another key, or the type is unknown.
    """
    key = _field_key(access_key, encrypt_type)
    try:
        ciphertext = base64.b64decode(value[_IV_LENGTH:], validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(value[:_IV_LENGTH].encode("ascii"))).decryptor()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError as error:
        raise FieldNotDecryptable(
            "The field cannot be decrypted with this key; check the access key and encryptType."
        ) from error


def encrypt_field(plain: str, *, access_key: str, encrypt_type: str, iv: str) -> str:
    """Encrypt one field; the inverse of `decrypt_field`.

    Args:
        plain: the text to protect.
        access_key: the product's key, which seeds the AES key.
        encrypt_type: `1` for AES-256, `2` for AES-128.
        iv: 16 ASCII letters or digits, fresh for every value.

    Raises:
        FieldNotDecryptable: the type is unknown.
        ValueError: the initialisation vector is not 16 ASCII letters or digits.
    """
    if not (len(iv) == _IV_LENGTH and iv.isascii() and iv.isalnum()):
        raise ValueError("The initialisation vector is malformed; give 16 ASCII letters or digits.")
    key = _field_key(access_key, encrypt_type)
    padder = PKCS7(_BLOCK_BITS).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv.encode())).encryptor()
    return iv + base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def _field_key(access_key: str, encrypt_type: str) -> bytes:
    length = _KEY_BYTES.get(encrypt_type)
    if length is None:
        raise FieldNotDecryptable(f"encryptType {encrypt_type[:20]!r} is unknown; send 1 or 2.")
    return _sha1prng(access_key, length)


@lru_cache(maxsize=64)
def _sha1prng(seed: str, length: int) -> bytes:
    """Return what Java's KeyGenerator("AES") yields when its SHA1PRNG is seeded with the text."""
    state = bytearray(_sha1(seed.encode()))
    output = b""
    while len(output) < length:
        block = _sha1(state)
        output += block
        _advance(state, block)
    return output[:length]


def _advance(state: bytearray, block: bytes) -> None:
    """Add block and 1 to the state in place, byte 0 first, carrying as Java does with its signed bytes."""
    before = bytes(state)
    carry = 1
    for index, (own, added) in enumerate(zip(before, block, strict=True)):
        total = _signed(own) + _signed(added) + carry
        state[index] = total & 0xFF
        carry = total >> 8
    if state == before:
        state[0] = (state[0] + 1) & 0xFF


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte  # noqa: PLR2004 - the largest signed byte


def _sha1(data: bytes | bytearray) -> bytes:
    # The generator is the marketplace's choice; nothing here relies on collision resistance.
    return hashlib.sha1(data, usedforsecurity=False).digest()
