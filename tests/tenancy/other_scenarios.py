"""Scenarios of the use cases that change no object of an enterprise, but are told all the same."""

from datetime import timedelta
from uuid import uuid4

import msgspec

from tenancy.attempts import Attempt
from tenancy.claims import claim_streams
from tenancy.endpoint_secrets import remove_old_secret, rotate_secret
from tenancy.endpoints import change_endpoint, disable_endpoint, remove_endpoint
from tenancy.failures import record_failure
from tenancy.feed import feed_events
from tenancy.groups import put_group
from tenancy.instances import Activation, activate_instance, change_order, check_change
from tenancy.products import ProductSettings, put_product, remove_product
from tenancy.pushes import UNCHANGED, record_base_push, record_refused_push
from tenancy.replays import replay_events
from tenancy.resealing import reseal_secrets
from tenancy.retention import erase_tenant
from tenancy.sync_policies import SyncPolicy, put_policy
from tenancy.tokens import find_token_owner, make_token, revoke_token
from tenancy.unbinding import unbind_tenant
from tests.tenancy.pushing import order
from tests.tenancy.scenarios import scenario

# These write a push or look after others, and may tell nothing by themselves.
SILENT = {"instances.check_change", "pushes.record_base_push", "pushes.record_refused_push"}


@scenario("instances.check_change")
async def _(world):
    yield
    await check_change(**world.purchase)


@scenario("pushes.record_base_push")
async def _(world):
    yield
    await record_base_push(world.push(), UNCHANGED)


@scenario("pushes.record_refused_push")
async def _(world):
    yield
    await record_refused_push(world.tenant_id, world.push(), verdict="refused", message="No.")


@scenario("instances.open_instance")
async def _(world):
    yield
    line = uuid4().hex
    await order(world.product, world.runtime, order_id=line, order_line_id=line, business_id=str(uuid4()))


@scenario("instances.activate_instance")
async def _(world):
    yield
    activation = Activation(memo="Ready.")
    await activate_instance(world.home.instance_id, activation, act=world.act())


@scenario("instances.change_order")
async def _(world):
    yield
    await change_order(**world.purchase, order_id="o", order_line_id="l", ask_for_order=False)


@scenario("products.put_product")
async def _(world):
    settings, keyring = ProductSettings(), {"keyring": world.keyring}
    slug = f"told-{uuid4().hex[:12]}"
    yield
    for name in ("One", "Two"):
        same = {"settings": settings, "merge": lambda secrets: secrets}
        await put_product(slug, name=name, **same, **keyring, act=world.act())


@scenario("products.remove_product")
async def _(world):
    slug = f"told-{uuid4().hex[:12]}"
    same = {"settings": ProductSettings(), "merge": lambda secrets: secrets}
    await put_product(slug, name="One", **same, keyring=world.keyring, act=world.act())
    yield
    await remove_product(slug, act=world.act())


@scenario("tokens.make_token")
async def _(world):
    yield
    for tenant_id in (world.tenant_id, None):
        await make_token(role="reader", tenant_id=tenant_id, act=world.act())


@scenario("tokens.revoke_token")
async def _(world):
    tokens = [
        await make_token(role="reader", tenant_id=tenant_id, act=world.act())
        for tenant_id in (world.tenant_id, None)
    ]
    names = [(await find_token_owner(token, now=world.act().at)).token for token in tokens]
    yield
    for name in names:
        await revoke_token(name, act=world.act())


@scenario("resealing.reseal_secrets")
async def _(world):
    yield
    await reseal_secrets(keyring=world.keyring, act=world.act())


@scenario("sync_policies.put_policy")
async def _(world):
    yield
    await put_policy(world.tenant_id, SyncPolicy(max_removed=1), act=world.act())


@scenario("retention.erase_tenant")
async def _(world):
    for place in world.places:
        await unbind_tenant(place, **world.said())
    yield
    later = world.act().at + timedelta(seconds=1)
    assert await erase_tenant(world.tenant_id, before=later, now=later)


@scenario("endpoints.make_endpoint")
async def _(world):
    yield
    await world.make_endpoint()


@scenario("endpoints.change_endpoint")
async def _(world):
    endpoint_id = await world.make_endpoint()
    yield
    for change in ({"description": "Ours"}, {"enabled": False}, {"enabled": True}):
        await change_endpoint(
            endpoint_id, lambda was, change=change: msgspec.structs.replace(was, **change), act=world.act()
        )


@scenario("endpoints.disable_endpoint")
async def _(world):
    endpoint_id = await world.make_endpoint()
    yield
    await disable_endpoint(endpoint_id, reason="It is gone.", act=world.act())


@scenario("endpoints.remove_endpoint")
async def _(world):
    endpoint_id = await world.make_endpoint()
    yield
    await remove_endpoint(endpoint_id, act=world.act())


@scenario("endpoint_secrets.rotate_secret")
async def _(world):
    endpoint_id = await world.make_endpoint()
    yield
    secret = {"secret": "whsec_YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0", "keyring": world.keyring}
    await rotate_secret(endpoint_id, **secret, act=world.act())


@scenario("endpoint_secrets.remove_old_secret")
async def _(world):
    endpoint_id = await world.make_endpoint()
    secret = {"secret": "whsec_YW5vdGhlci1zZWNyZXQtb2YtYS10ZXN0", "keyring": world.keyring}
    await rotate_secret(endpoint_id, **secret, act=world.act())
    yield
    await remove_old_secret(endpoint_id, keyring=world.keyring, act=world.act())


@scenario("replays.replay_events")
async def _(world):
    endpoint_id = await world.make_endpoint()
    yield
    await replay_events(endpoint_id, tenant_id=world.tenant_id, after=1, act=world.act())


@scenario("failures.record_failure")
async def _(world):
    await world.make_endpoint()
    await put_group(world.tenant_id, "new", name="New", expected_revision=None, act=world.act())
    now = world.act().at
    await feed_events(now=now)
    bounds = {"held": {}, "most_per_endpoint": 8, "most_healthy": 100, "most_failing": 100}
    claim = await claim_streams(**bounds, now=now, duration=timedelta(minutes=1))
    [lease] = [lease for lease in claim.leases if lease.tenant_id == world.tenant_id]
    yield
    attempt = Attempt(number=1, at=now, duration_ms=1, status=410, answer="", error=None)
    assert await record_failure(lease, attempt, now=now, jitter=0)
