"""What a serving process holds while it runs."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from service.draining import Draining
from service.event_waits import EventWaits
from service.health_checks import HealthChecks
from service.koogallery.nonces import NonceStore
from service.koogallery.product_cache import ProductCache
from service.metrics.state import StateReader
from service.settings import Settings
from service.spools import Spools
from service.traces.tracing import Traces
from sso.client_cache import ClientCache
from sso.flows import FlowStore
from sso.replays import AssertionReplays
from sso.sessions import SessionStore
from sso.signing_key_cache import SigningKeyCache
from sso.upstreams import Upstreams
from tenancy.secrets import Keyring

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and the few things with a lifetime, handed to whoever needs them."""

    settings: Settings
    clock: Clock
    keyring: Keyring
    nonces: NonceStore
    products: ProductCache
    waits: EventWaits
    spools: Spools
    sessions: SessionStore
    flows: FlowStore
    signing_keys: SigningKeyCache
    clients: ClientCache
    replays: AssertionReplays
    upstreams: Upstreams
    health: HealthChecks
    draining: Draining
    metrics: StateReader
    traces: Traces | None = None
