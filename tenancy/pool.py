"""The pool of connections to the database, as it is used at a moment."""

import msgspec

from tenancy.database import DB


class PoolUse(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections are open, how many of them in use, and how many there may be."""

    busy: int
    idle: int
    limit: int


def pool_use() -> PoolUse | None:
    """How the pool is used at this moment; None while the database is closed."""
    pool = DB.pool
    if pool is None:
        return None
    idle = pool.get_idle_size()
    return PoolUse(busy=pool.get_size() - idle, idle=idle, limit=pool.get_max_size())


def is_pool_full() -> bool:
    """Whether all connections that there may be are in use, so that whoever asks has to wait."""
    use = pool_use()
    return use is not None and use.busy >= use.limit
