"""Encryption of secrets at rest: AES-256-GCM, several keys, the first encrypts and all decrypt."""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenancy.errors import SecretUndecryptable

_NONCE_BYTES = 12


class Keyring:
    """Encrypts with its first key and decrypts with any; a sealed value names its key.

    A sealed value is `length of key id (1 byte) | key id | nonce (12 bytes) | ciphertext and tag`. The
    purpose is authenticated too, so a value cannot be moved from one column or row to another.
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        """Take (id, 32 bytes) pairs, the encrypting one first."""
        self.first = keys[0][0]
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        """Encrypt `plain` for `purpose`, such as `product:crm`."""
        name = self.first.encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.first].encrypt(nonce, plain, purpose.encode())
        return bytes([len(name)]) + name + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt what `seal` made for the same purpose.

        Raises:
            SecretUndecryptable: its key is not configured, or the value is not what was sealed.
        """
        name = sealed[1 : 1 + sealed[0]].decode(errors="replace")
        rest = sealed[1 + sealed[0] :]
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SecretUndecryptable(f"Key id: {name!r}.")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], purpose.encode())
        except InvalidTag as error:
            raise SecretUndecryptable(f"Key id: {name!r}; the value does not fit the key.") from error
