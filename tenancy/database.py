"""The one door to PostgreSQL: a guarded engine, the scope of one tenant and the scope of the system."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine

from tenancy.errors import DatabaseUnavailable, ValueUnstorable
from tenancy.notes import note
from tenancy.transactions import ACQUIRE_SECONDS, OUTAGES, GuardedTransaction

# A pooled asyncpg connection inside an open scope; what every step takes as `db`.
Db: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
# Gets the driver's record of a statement: `query`, `elapsed`, `exception` and more, some of it secret.
QueryLogger: TypeAlias = Callable[[Any], None]

# Pushes and tokens that concern no single tenant are kept under this id.
NO_TENANT = UUID(int=0)

SERVING_ROLE = "tenon_serving"
SYSTEM_ROLE = "tenon_system"

# All queries of the transaction see one and the same instant.
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

_SESSION = {
    "application_name": "tenon",
    "jit": "off",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "60s",
}


class Engine(PostgresEngine):
    """Piccolo's engine without its connection attempt at import and with the guarded transaction."""

    async def check_version(self) -> None:
        """Leave the version to the start-up check."""

    async def prep_database(self) -> None:
        """Create no extensions: the serving role may not."""

    def transaction(
        self, allow_nested: bool = True, *, opening: str = "", is_locking: bool = False
    ) -> GuardedTransaction:
        """Open a guarded transaction; `opening` is SQL without parameters that runs right after BEGIN."""
        return GuardedTransaction(self, allow_nested=allow_nested, opening=opening, is_locking=is_locking)


DB = Engine(config={})


async def open_database(
    url: str,
    *,
    pool_size: int,
    command_seconds: float | None = None,
    query_logger: QueryLogger | None = None,
) -> None:
    """Connect the engine's pool to `url`.

    `command_seconds` bounds the wait for each answer of a server that has fallen silent; give more than
    the statement timeout, which a server that is alive keeps itself. `query_logger` is called for every
    statement once it has ended; without one, connections keep no account of their statements.

    Raises:
        DatabaseUnavailable: nothing answers there, or it refuses the role.
    """
    DB.config = {"dsn": url, "server_settings": _SESSION}
    try:
        DB.pool = await asyncpg.create_pool(
            url,
            min_size=min(2, pool_size),
            max_size=pool_size,
            timeout=ACQUIRE_SECONDS,
            command_timeout=command_seconds,
            init=None if query_logger is None else _logging_to(query_logger),
            reset=_reset,
            server_settings=_SESSION,
        )
    except (*OUTAGES, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"Connecting failed: {type(error).__name__}.") from error


def _logging_to(query_logger: QueryLogger) -> Callable[[Connection], Coroutine[Any, Any, None]]:
    async def add_logger(connection: Connection) -> None:
        connection.add_query_logger(query_logger)

    return add_logger


async def _reset(connection: Connection) -> None:
    """Make a connection fit for its next user: everything that a scope sets ends with its transaction."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def close_database() -> None:
    """Close the pool, waiting a bounded time for what still runs."""
    if DB.pool is None:
        return
    try:
        async with asyncio.timeout(10):
            await DB.pool.close()
    except TimeoutError:
        DB.pool.terminate()
    DB.pool = None


@contextlib.asynccontextmanager
async def _transaction(opening: str = "", *, is_locking: bool = False) -> AsyncIterator[Db]:
    try:
        # One expression: the transaction looks up its parent when it is constructed.
        async with DB.transaction(allow_nested=False, opening=opening, is_locking=is_locking) as transaction:
            yield transaction.connection
    except OUTAGES as error:
        raise DatabaseUnavailable(f"{type(error).__name__}.") from error
    except asyncpg.DataError as error:
        raise ValueUnstorable from error


@contextlib.asynccontextmanager
async def tenant_scope(
    tenant_id: UUID, *, changing: bool = False, snapshot: bool = False
) -> AsyncIterator[Db]:
    """One transaction that sees the rows of one tenant and no others.

    With `changing`, takes the tenant's lock first, so that changes of one tenant are serial while
    different tenants run in parallel. With `snapshot`, all its queries see one and the same instant.

    Raises:
        DatabaseUnavailable: the server is away, or the lock was not free in time.
    """
    # The setting lives until the end of the transaction and is set nowhere else. A UUID needs no quoting.
    # Every query has its index. A plan made, and kept, while a table was nearly empty would otherwise read
    # all of it at each step once it is full.
    opening = (
        f"SELECT set_config('app.tenant_id', '{UUID(str(tenant_id))}', true),"
        " set_config('enable_seqscan', 'off', true)"
    )
    if snapshot:
        opening = f"{_SNAPSHOT}; {opening}"
    if changing:
        opening += f", {_lock(tenant_id)}"
    if tenant_id != NO_TENANT:
        note("tenant_id", str(tenant_id))
    async with _transaction(opening, is_locking=changing) as db:
        yield db


@contextlib.asynccontextmanager
async def system_scope(*, changing: UUID | None = None, snapshot: bool = False) -> AsyncIterator[Db]:
    """One transaction that sees what belongs to no tenant, and the few tables listed for the system role.

    With `changing`, takes the lock of that tenant first, as its own scope does. With `snapshot`, all its
    queries see one and the same instant.

    Raises:
        DatabaseUnavailable: the server is away, or the lock was not free in time.
    """
    opening = f"SELECT set_config('role', '{SYSTEM_ROLE}', true)"
    if snapshot:
        opening = f"{_SNAPSHOT}; {opening}"
    if changing is not None:
        opening += f", {_lock(changing)}"
    async with _transaction(opening, is_locking=changing is not None) as db:
        yield db


@contextlib.asynccontextmanager
async def bare_scope() -> AsyncIterator[Db]:
    """One transaction in no scope: for the catalogues, and what else belongs to nobody.

    Raises:
        DatabaseUnavailable: the server is away.
    """
    async with _transaction() as db:
        yield db


def _lock(tenant_id: UUID) -> str:
    return f"pg_advisory_xact_lock(hashtextextended('{UUID(str(tenant_id))}', 0))"


async def become_system(db: Db) -> None:
    """Go on as the system role for the rest of the transaction: what a tenant's scope may not delete."""
    await db.execute("SELECT set_config('role', $1, true)", SYSTEM_ROLE)


def tenant_of(kept: UUID) -> UUID | None:
    """The tenant of what is kept under this id; None when it belongs to none."""
    return None if kept == NO_TENANT else kept


class RoleFinding(msgspec.Struct, frozen=True):
    """Why the serving role is not fit to serve."""

    problem: str
    remedy: str


_ROLE_FACTS = """
SELECT current_user AS name, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
                 AND pg_has_role(current_user, c.relowner, 'MEMBER')) AS owns_tables,
       EXISTS (SELECT FROM pg_roles s WHERE s.rolname = $1
               AND pg_has_role(current_user, s.oid, 'USAGE')) AS serves,
       EXISTS (SELECT FROM pg_roles s WHERE s.rolname = $2
               AND pg_has_role(current_user, s.oid, 'SET')) AS may_become_system,
       EXISTS (SELECT FROM pg_roles s WHERE s.rolname = $2
               AND pg_has_role(current_user, s.oid, 'USAGE')) AS is_system
FROM pg_roles r WHERE r.rolname = current_user
"""


async def inspect_role() -> list[RoleFinding]:
    """Say why the connected role could get past row-level security, or could not serve; empty when fit."""
    async with bare_scope() as db:
        facts = await db.fetchrow(_ROLE_FACTS, SERVING_ROLE, SYSTEM_ROLE)
    assert facts is not None
    grant = f"Run `tenon migrate`, or as the owner: GRANT {SERVING_ROLE} TO {facts['name']}"
    checks = [
        (facts["rolsuper"], "is a superuser", "Connect as an ordinary role."),
        (facts["rolbypassrls"], "may bypass row-level security", "ALTER ROLE … NOBYPASSRLS."),
        (facts["rolcreaterole"], "may create roles", "ALTER ROLE … NOCREATEROLE."),
        (facts["owns_tables"], "owns tables or is a member of their owner", "Serve under a role of its own."),
        (not facts["serves"], f"is not a member of {SERVING_ROLE}", f"{grant}."),
        (
            not facts["may_become_system"],
            f"may not become {SYSTEM_ROLE}",
            f"GRANT {SYSTEM_ROLE} TO {facts['name']} WITH INHERIT FALSE, SET TRUE.",
        ),
        (
            facts["is_system"],
            f"inherits {SYSTEM_ROLE}, so a query outside a scope would see every tenant",
            f"GRANT {SYSTEM_ROLE} TO {facts['name']} WITH INHERIT FALSE, SET TRUE.",
        ),
    ]
    return [
        RoleFinding(f"The serving role {facts['name']} {problem}.", remedy)
        for wrong, problem, remedy in checks
        if wrong
    ]
