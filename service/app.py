"""The web application: routes, errors and the lifetime of what it holds."""

import contextlib
from collections.abc import AsyncIterator

import structlog
from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import ScalarRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from service import (
    apps,
    audit,
    clients,
    connections,
    endpoints,
    events,
    groups,
    health,
    instances,
    products,
    push_acts,
    push_bodies,
    pushes,
    sessions,
    snapshots,
    syncs,
    tenants,
)
from service.koogallery.routes import receive_push
from service.logs import level_changed_by_signal
from service.metrics import routes
from service.metrics.listener import open_listener
from service.oauth2 import authorize, metadata, tokens, userinfo
from service.problems import domain_problem, http_problem, unexpected_problem, unreadable_problem
from service.requests import Requests
from service.runtime import Clock, system_clock
from service.settings import Settings
from service.sign_in import finishing, landing, signing_out, starting
from service.wiring import open_runtime
from service.worker import run_worker
from tenancy.errors import DomainError

log = structlog.get_logger(__name__)


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Litestar:
    """Make the application; it connects when its lifespan starts, and fails there if it cannot."""

    @contextlib.asynccontextmanager
    async def hold_runtime(app: Litestar) -> AsyncIterator[None]:
        async with _told_why(), open_runtime(settings, clock=clock) as runtime:
            app.state.runtime = runtime
            working = run_worker(runtime) if settings.worker else contextlib.nullcontext()
            # Last, for it says that this process is ready.
            async with working, open_listener(runtime):
                with runtime.draining.before_sigterm(), level_changed_by_signal(level=settings.log_level):
                    yield

    app = Litestar(
        route_handlers=[
            receive_push,
            products.router,
            instances.router,
            tenants.router,
            apps.router,
            groups.router,
            audit.router,
            pushes.router,
            push_acts.router,
            push_bodies.router,
            syncs.router,
            endpoints.router,
            sessions.router,
            connections.router,
            clients.router,
            events.router,
            snapshots.router,
            metadata.router,
            authorize.router,
            tokens.router,
            userinfo.router,
            starting.router,
            finishing.router,
            landing.router,
            signing_out.router,
            routes.read_metrics,
            health.read_liveness,
            health.read_readiness,
        ],
        lifespan=[hold_runtime],
        exception_handlers={
            DomainError: domain_problem,
            HTTPException: http_problem,
            RecursionError: unreadable_problem,
            UnicodeDecodeError: unreadable_problem,
            Exception: unexpected_problem,
        },
        openapi_config=OpenAPIConfig(
            title="Tenon",
            version="1",
            path="/",
            render_plugins=[ScalarRenderPlugin(path="/docs")],
            components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"token": []}],
        ),
        logging_config=None,
        request_max_body_size=1024 * 1024,
    )
    # Outside of routing, so that what no route takes is seen too.
    app.asgi_handler = Requests(app.asgi_handler)
    return app


@contextlib.asynccontextmanager
async def _told_why() -> AsyncIterator[None]:
    """Say in a line of its own why it cannot start: the server shows only where in the code."""
    try:
        yield
    except DomainError as error:
        log.error("not_started", code=error.code, cause=str(error))  # noqa: TRY400 - the server logs the rest
        raise
