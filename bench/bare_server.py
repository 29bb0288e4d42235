"""The real application with one more route, which reads one row by its key: the limit of an access check.

`python -m bench.bare_server` serves it exactly as `tenon serve` does, from the same settings.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
from litestar import Litestar, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

import service.serve
from bench.calls import OPERATOR_TOKEN
from bench.servers import bare_environ, free_port, running, wait_until_ready
from service.app import create_app
from service.callers import demand_token
from service.logs import configure_logs
from service.settings import read_settings
from tenancy.database import tenant_scope


class Row(msgspec.Struct, frozen=True):
    """One member."""

    user_name: str
    name: str


@get("/bare/{tenant_id:uuid}/{member_id:uuid}", guards=[demand_token], opt={"caller": "token"})
async def read_row(tenant_id: FromPath[UUID], member_id: FromPath[UUID]) -> Row:
    """Read a member by its primary key."""
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow(
            "SELECT user_name, name FROM member WHERE tenant_id = $1 AND id = $2", tenant_id, member_id
        )
    if row is None:
        raise NotFoundException
    return Row(**row)


def make_app() -> Litestar:
    """The application of one serving process, from its environment."""
    settings = read_settings(os.environ)
    configure_logs(format=settings.log_format, level=settings.log_level)
    logging.getLogger("uvicorn.access").disabled = True  # as the service does
    app = create_app(settings)
    app.register(read_row)
    return app


@contextmanager
def serving_bare(database_url: str, keys: str, folder: Path) -> Iterator[int]:
    """Serve a database with the keys of its secrets; its Valkey lives in the folder. Gives the port."""
    port = free_port()
    environ = bare_environ() | {
        "TENON_DATABASE_URL": database_url,
        "TENON_DATA_DIR": str(folder),
        "TENON_ENCRYPTION_KEYS": keys,
        "TENON_BIND": f"127.0.0.1:{port}",
        "TENON_OPERATOR_TOKEN": OPERATOR_TOKEN,
        "TENON_WORKER": "off",
        "TENON_LOG_FORMAT": "json",
    }
    command = [sys.executable, "-m", "bench.bare_server"]
    with running(command, environ, folder / "serve.log") as process:
        wait_until_ready(process, port)
        yield port


if __name__ == "__main__":
    # uvicorn finds its application under this name, and so keeps all other settings.
    service.serve.make_app = make_app
    service.serve.serve(read_settings(os.environ))
