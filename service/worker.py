"""Work that no request waits for: telling endpoints and clients, asking for orders, retention."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx2
import structlog

from service.koogallery.orders import DEFAULT_URL, OrderNotAnswered, query_order
from service.logouts import tell_departures
from service.metrics.definitions import count_order
from service.metrics.heartbeats import Heart
from service.runtime import Runtime
from service.traces.tracing import calling
from service.webhooks.delivery import deliver_events
from sso.logout_rows import remove_old_client_sessions
from sso.signing_keys import remove_retired_signing_keys
from tenancy.errors import DomainError
from tenancy.gates import settle_bindings, settle_expired
from tenancy.order_queries import OrderQuery, claim_order_query, record_order, record_order_failure
from tenancy.releases import end_released_bindings
from tenancy.retention import (
    erase_tenant,
    list_tenants_to_erase,
    remove_old_attempts,
    remove_old_bodies,
    remove_old_events,
    remove_old_pushes,
)

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = 1.0
_SWEEP_SECONDS = 60.0


@contextlib.asynccontextmanager
async def run_worker(runtime: Runtime) -> AsyncIterator[None]:
    """Work in the background until the block is left."""
    task = asyncio.create_task(work(runtime))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def work(runtime: Runtime) -> None:
    """Work until cancelled; several workers share the work, and an outage only delays it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(deliver_events(runtime))
        group.create_task(tell_departures(runtime))
        group.create_task(settle(runtime))


async def settle(runtime: Runtime) -> None:
    """Ask for orders and settle what time has changed, until cancelled."""
    next_sweep = 0.0
    loop = asyncio.get_running_loop()
    with Heart("settling") as heart:
        async with httpx2.AsyncClient(follow_redirects=False) as client:
            while True:
                heart.beat()
                try:
                    busy = await ask_for_order(runtime, client)
                    await settle_expired(now=runtime.clock())
                    if loop.time() >= next_sweep:
                        await sweep(runtime, beat=heart.beat)
                        next_sweep = loop.time() + _SWEEP_SECONDS
                except DomainError as error:
                    log.warning("worker_waits", code=error.code)
                    busy = False
                except Exception:
                    log.exception("worker_failed")
                    busy = False
                if not busy:
                    await asyncio.sleep(_PAUSE_SECONDS)


async def ask_for_order(runtime: Runtime, client: httpx2.AsyncClient) -> bool:
    """Ask for the details of one order that is due; False when none is."""
    query = await claim_order_query(now=runtime.clock())
    if query is None:
        return False
    try:
        await _ask(runtime, client, query)
        count_order(answered=True)
    except OrderNotAnswered as error:
        count_order(answered=False)
        log.warning("order_not_answered", instance_id=query.instance_id, reason=str(error))
        await record_order_failure(query, error=str(error), now=runtime.clock())
    return True


async def _ask(runtime: Runtime, client: httpx2.AsyncClient, query: OrderQuery) -> None:
    product = await runtime.products.find(query.product)
    secrets = product.secrets if product else None
    if product is None or secrets is None or not (secrets.order_access_key and secrets.order_secret_key):
        raise OrderNotAnswered("The product has no access key for order queries.")
    with calling(runtime.traces, "order query", method="GET", attributes={"product": query.product}):
        answer = await query_order(
            client,
            product.settings.order_query_url or DEFAULT_URL,
            order_id=query.order_id,
            order_line_id=query.order_line_id,
            access_key=secrets.order_access_key,
            secret_key=secrets.order_secret_key,
            now=runtime.clock(),
        )
    await record_order(query, details=answer.details, expires_at=answer.expires_at, now=runtime.clock())


async def sweep(runtime: Runtime, *, beat: Callable[[], None] = lambda: None) -> None:
    """Erase what has been kept long enough and finish what a crash has left.

    However much that is, `beat` is called again and again.
    """
    now = runtime.clock()
    await end_released_bindings(now=now)
    await settle_bindings(now=now)
    await remove_retired_signing_keys(now=now)
    before = now - timedelta(days=runtime.settings.retention_days)
    for tenant_id in await list_tenants_to_erase(before=before):
        beat()
        try:
            if await erase_tenant(tenant_id, before=before, now=now):
                log.info("tenant_erased", tenant_id=str(tenant_id))
        except DomainError as error:
            log.warning("tenant_not_erased", tenant_id=str(tenant_id), code=error.code)
    for remove, days in (
        (remove_old_pushes, runtime.settings.push_retention_days),
        (remove_old_bodies, runtime.settings.body_retention_days),
        (remove_old_events, runtime.settings.event_retention_days),
        (remove_old_attempts, runtime.settings.event_retention_days),
        (remove_old_client_sessions, runtime.settings.event_retention_days),
    ):
        while await remove(before=now - timedelta(days=days)):
            beat()
