"""What the database costs in waiting."""

from typing import Final

from prometheus_client import Histogram

LOCK_SECONDS: Final = Histogram(
    "tenon_tenant_lock_seconds",
    "Time to open a transaction that takes the lock of a tenant, nearly all of it waiting for the lock.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
DATABASE_WAIT_SECONDS: Final = Histogram(
    "tenon_database_wait_seconds",
    "Time to get a connection to the database from the pool.",
    buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
