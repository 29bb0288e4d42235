"""Transactions that give their connection back whatever happens."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Final

import asyncpg
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from tenancy.measures import DATABASE_WAIT_SECONDS, LOCK_SECONDS

ACQUIRE_SECONDS: Final = 5
# What says that the database is away, or too busy: nothing that a request has done.
OUTAGES: Final = (
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
    What takes the lock of a tenant there is timed.
    """

    def __init__(self, engine: PostgresEngine, *, allow_nested: bool, opening: str, is_locking: bool) -> None:
        super().__init__(engine=engine, allow_nested=allow_nested)
        self._opening = opening
        self._is_locking = is_locking
        self._pool = engine.pool

    async def __aenter__(self) -> PostgresTransaction:
        """Begin; inside another transaction, join that one (Piccolo's own migrations rely on it)."""
        if self._parent is not None:
            return self._parent
        self.connection = await self.get_connection()
        try:
            await self.begin()
        except BaseException:
            # Given up while waiting for a lock, the connection is still inside the transaction it began.
            await self._abandon()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def get_connection(self) -> Any:
        """Take a connection from the pool, waiting a bounded time."""
        if self._pool:
            with DATABASE_WAIT_SECONDS.time():
                return await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        return await self.engine.get_new_connection()

    async def begin(self) -> None:
        """Begin, in the scope of the opening."""
        with LOCK_SECONDS.time() if self._is_locking else contextlib.nullcontext():
            await self.connection.execute(f"BEGIN; {self._opening}")

    async def commit(self) -> None:
        """Commit."""
        await self.connection.execute("COMMIT")

    async def rollback(self) -> None:
        """Roll back."""
        await self.connection.execute("ROLLBACK")

    async def _abandon(self) -> None:
        try:
            # A dead connection cannot roll back; the server already has. The cause matters more.
            with contextlib.suppress(*OUTAGES):
                await self.rollback()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        giving = self._pool.release(self.connection) if self._pool else self.connection.close()
        with contextlib.suppress(*OUTAGES):
            await asyncio.shield(giving)

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Commit, or roll back when something was raised; then give the connection back."""
        if self._parent is not None:
            return False
        self.engine.current_transaction.reset(self.context)
        if exception is not None:
            await self._abandon()
            return False
        try:
            await self.commit()
        finally:
            await self._give_back()
        return False
