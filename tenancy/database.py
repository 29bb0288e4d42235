"""The one door to PostgreSQL: a guarded engine, the scope of one tenant and the scope of the system."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from tenancy.errors import DatabaseUnavailable, ValueUnstorable

# A pooled asyncpg connection inside an open scope; what every step takes as `db`.
Db: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

# Pushes and tokens that concern no single tenant are kept under this id.
NO_TENANT = UUID(int=0)

SERVING_ROLE = "tenon_serving"
SYSTEM_ROLE = "tenon_system"

_ACQUIRE_SECONDS = 5
_SESSION = {
    "application_name": "tenon",
    "jit": "off",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "120s",
    "idle_in_transaction_session_timeout": "60s",
}
_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class GuardedTransaction(PostgresTransaction):
    """A transaction that gives its connection back whatever happens, a failing COMMIT included.

    `opening` is what sets its scope; it travels with BEGIN, for every message costs more than its statement.
    """

    def __init__(self, engine: PostgresEngine, *, allow_nested: bool, opening: str) -> None:
        super().__init__(engine=engine, allow_nested=allow_nested)
        self._opening = opening

    async def __aenter__(self) -> PostgresTransaction:
        """Begin; inside another transaction, join that one (Piccolo's own migrations rely on it)."""
        if self._parent is not None:
            return self._parent
        self.connection = await self.get_connection()
        try:
            await self.begin()
        except BaseException:
            # Given up while waiting for a lock, the connection is still inside the transaction it began.
            with contextlib.suppress(*_OUTAGES):
                await self.rollback()
            await self._give_back()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def get_connection(self) -> Any:
        """Take a connection from the pool, waiting a bounded time."""
        if self.engine.pool:
            return await self.engine.pool.acquire(timeout=_ACQUIRE_SECONDS)
        return await self.engine.get_new_connection()

    async def begin(self) -> None:
        """Begin, in the scope of the opening."""
        await self.connection.execute(f"BEGIN; {self._opening}")

    async def commit(self) -> None:
        """Commit."""
        await self.connection.execute("COMMIT")

    async def rollback(self) -> None:
        """Roll back."""
        await self.connection.execute("ROLLBACK")

    async def _give_back(self) -> None:
        if self.engine.pool:
            await self.engine.pool.release(self.connection)
        else:
            await self.connection.close()

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Commit, or roll back when something was raised; then give the connection back."""
        if self._parent is not None:
            return False
        try:
            if exception is None:
                await self.commit()
            else:
                # A dead connection cannot roll back; the server already has. The cause matters more.
                with contextlib.suppress(*_OUTAGES):
                    await self.rollback()
        finally:
            self.engine.current_transaction.reset(self.context)
            with contextlib.suppress(*_OUTAGES):
                await asyncio.shield(self._give_back())
        return False


class Engine(PostgresEngine):
    """Piccolo's engine without its connection attempt at import and with the guarded transaction."""

    async def check_version(self) -> None:
        """Leave the version to the start-up check."""

    async def prep_database(self) -> None:
        """Create no extensions: the serving role may not."""

    def transaction(self, allow_nested: bool = True, *, opening: str = "") -> GuardedTransaction:
        """Open a guarded transaction; `opening` is SQL without parameters that runs right after BEGIN."""
        return GuardedTransaction(engine=self, allow_nested=allow_nested, opening=opening)


DB = Engine(config={})


async def open_database(url: str, *, pool_size: int, command_seconds: float | None = None) -> None:
    """Connect the engine's pool to `url`.

    `command_seconds` bounds the wait for each answer of a server that has fallen silent; give more than
    the statement timeout, which a server that is alive keeps itself.

    Raises:
        DatabaseUnavailable: nothing answers there, or it refuses the role.
    """
    DB.config = {"dsn": url, "server_settings": _SESSION}
    try:
        DB.pool = await asyncpg.create_pool(
            url,
            min_size=min(2, pool_size),
            max_size=pool_size,
            timeout=_ACQUIRE_SECONDS,
            command_timeout=command_seconds,
            reset=_reset,
            server_settings=_SESSION,
        )
    except (*_OUTAGES, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(f"Connecting failed: {type(error).__name__}.") from error


async def _reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
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
async def _transaction(opening: str = "") -> AsyncIterator[Db]:
    try:
        # One expression: the transaction looks up its parent when it is constructed.
        async with DB.transaction(allow_nested=False, opening=opening) as transaction:
            yield transaction.connection
    except _OUTAGES as error:
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
        opening = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; {opening}"
    if changing:
        opening += f", {_lock(tenant_id)}"
    async with _transaction(opening) as db:
        yield db


@contextlib.asynccontextmanager
async def system_scope(*, changing: UUID | None = None) -> AsyncIterator[Db]:
    """One transaction that sees what belongs to no tenant, and the few tables listed for the system role.

    With `changing`, takes the lock of that tenant first, as its own scope does.

    Raises:
        DatabaseUnavailable: the server is away, or the lock was not free in time.
    """
    opening = f"SELECT set_config('role', '{SYSTEM_ROLE}', true)"
    if changing is not None:
        opening += f", {_lock(changing)}"
    async with _transaction(opening) as db:
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
    async with _transaction() as db:
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
