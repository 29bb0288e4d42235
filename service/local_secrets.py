"""The embedded servers' passwords and encryption keys, made once and kept in the data directory."""

import base64
import secrets
from pathlib import Path

import msgspec

from service.local_account import EmbeddedUnavailable
from service.local_files import write_private
from service.setting_values import EncryptionKey, parse_encryption_keys


class Passwords(msgspec.Struct, frozen=True, kw_only=True):
    """The random passwords of the embedded servers, so that no other local user can connect."""

    superuser: str
    owner: str
    app: str
    valkey: str

    def __repr__(self) -> str:
        return "Passwords(…)"


def make_passwords(data_dir: Path) -> Passwords:
    """Return the servers' passwords, made at the first call; call it under `exclusive_start`.

    Raises:
        EmbeddedUnavailable: If the file is unreadable, or gone although there is a database.
    """
    path = data_dir / "passwords.json"
    if not path.exists():
        _refuse_to_replace(path)
        fields = {name: secrets.token_urlsafe(24) for name in Passwords.__struct_fields__}
        write_private(path, msgspec.json.encode(fields).decode())
    try:
        return msgspec.json.decode(path.read_bytes(), type=Passwords)
    except (OSError, msgspec.MsgspecError) as error:
        raise _unreadable(path, error) from error


def make_encryption_keys(data_dir: Path) -> tuple[EncryptionKey, ...]:
    """Return the encryption keys, made at the first call; call it under `exclusive_start`.

    Raises:
        EmbeddedUnavailable: If the file is unreadable, or gone although there is a database.
    """
    path = data_dir / "encryption_keys"
    if not path.exists():
        _refuse_to_replace(path)
        write_private(path, f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}\n")
    try:
        return parse_encryption_keys(path.read_text("utf-8").strip())
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _refuse_to_replace(path: Path) -> None:
    database = path.parent / "postgres" / "data"
    if database.exists():
        raise EmbeddedUnavailable(
            f"{path} is gone, but the database in {database} needs it; restore it from a backup, "
            f"or remove {path.parent} to begin anew without the data."
        )


def _unreadable(path: Path, error: Exception) -> EmbeddedUnavailable:
    return EmbeddedUnavailable(f"{path} cannot be read: {error}. Restore it, or start Tenon as its owner.")
