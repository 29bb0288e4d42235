"""The serving process: embedded servers if needed, migrations for those, then uvicorn."""

import asyncio
import contextlib
import logging
import os
import sys
from base64 import b64encode
from collections.abc import Iterator

import uvicorn
from litestar.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.embedded import complete_settings, start_embedded
from service.logs import configure_logs, ignore_level_signals
from service.migrate import migrate
from service.settings import PREFIX, Settings, read_settings

_KEEP_ALIVE_SECONDS = 75
_DRAIN_SECONDS = 30
# How a parent hands what it has started to the processes that serve.
_HANDED_DOWN = ("DATABASE_URL", "REDIS_URL", "ENCRYPTION_KEYS")


@contextlib.contextmanager
def ready_settings(settings: Settings) -> Iterator[Settings]:
    """Settings with nothing missing: starts, migrates and at the end stops the embedded servers."""
    if settings.database_url is not None and settings.redis_url is not None:
        yield settings
        return
    is_embedded = settings.database_url is None
    with start_embedded(
        settings.data_dir, postgres=is_embedded, valkey=settings.redis_url is None
    ) as embedded:
        complete = complete_settings(settings, embedded)
        if is_embedded:
            assert complete.migration_database_url is not None
            asyncio.run(migrate(complete.migration_database_url, serving_url=complete.database_url))
        yield complete


def serve(settings: Settings) -> None:
    """Serve until told to stop; requests that were accepted are answered first."""
    ignore_level_signals()
    with ready_settings(settings) as complete:
        # uvicorn's workers read their settings from the environment, like any other process.
        os.environ.update(serving_environment(complete))
        config = uvicorn.Config(
            "service.serve:make_app",
            factory=True,
            host=complete.bind_host,
            port=complete.bind_port,
            workers=complete.workers,
            loop="uvloop",
            http="service.protocol:Connection",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        if complete.workers > 1:
            _Parent(config, sockets=[config.bind_socket()]).run()
            return
        server = uvicorn.Server(config)
        # Ctrl+C comes back after an orderly end, when nothing is left to interrupt.
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        if not server.started:
            sys.exit(STARTUP_FAILURE)


class _Parent(Multiprocess):
    """Starts the processes that serve, and goes when they have gone."""

    def terminate_all(self) -> None:
        """Tell them to go, and keep the address no longer than they do: nobody here answers at it."""
        super().terminate_all()
        for listening in self.sockets:
            listening.close()


def make_app() -> ASGIApp:
    """The application of one serving process, from its environment."""
    settings = read_settings(os.environ)
    configure_logs(format=settings.log_format, level=settings.log_level)
    logging.getLogger("uvicorn.access").disabled = True
    return create_app(settings)


def serving_environment(settings: Settings) -> dict[str, str]:
    """The variables that hand complete settings to a process that serves."""
    keys = ",".join(f"{key.id}:{b64encode(key.key).decode()}" for key in settings.encryption_keys)
    values = (settings.database_url, settings.redis_url, keys)
    return {f"{PREFIX}{name}": value or "" for name, value in zip(_HANDED_DOWN, values, strict=True)}
