"""Conformance cases about enterprises and application credentials (V2 tenantSync and applicationSync)."""

import base64
import secrets

import msgspec

from service.simulator import kit_calls
from service.simulator.buyers import Frame
from service.simulator.calls import UNAUTHENTICATED, UNDECRYPTABLE, Call
from service.simulator.cases import Level, Registry
from service.simulator.context import Context, edited, with_instance
from service.simulator.organisations import Department
from service.simulator.reorganisation import Change
from sso.keys import Padding

registry = Registry()


def _with_broken_secret(frame: Frame) -> Call:
    members = {
        "instanceId": frame.buyer.instance_id,
        "tenantId": frame.buyer.tenant_id,
        "appId": frame.buyer.app_id,
        "clientId": frame.buyer.client_id,
        "clientSecret": base64.b64encode(secrets.token_bytes(384)).decode(),
        "flag": kit_calls.ADD,
    }
    return kit_calls.kit_call(frame, "applicationSync", members)


@registry.case(34, Level.DOCUMENTED, unseen="that the enterprise is stored with its domain")
async def announce(context: Context) -> None:
    """Announce an enterprise with a Chinese name (tenantSync flag 1)."""
    await context.call(kit_calls.tenant_sync(await context.bought()))


@registry.case(35, Level.DOCUMENTED, unseen="that there is still one enterprise")
async def announce_again(context: Context) -> None:
    """Announce the same enterprise again with a new nonce."""
    call = kit_calls.tenant_sync(await context.bought())
    await context.call(call)
    await context.call(call, to="tenantSync again")


@registry.case(36, Level.DOCUMENTED, unseen="the new name and domain, and that nothing else changed")
async def change_enterprise(context: Context) -> None:
    """Change an enterprise's name and domain (tenantSync flag 2)."""
    frame = await context.bound()
    changed = edited(
        kit_calls.tenant_sync(frame, flag=kit_calls.MODIFY),
        name="一致性测试企业二",
        domainName=f"{frame.buyer.domain_name}.new.example",
    )
    await context.call(changed)


@registry.case(37, Level.DOCUMENTED, unseen="that its members cannot sign in through this instance")
async def remove_twice(context: Context) -> None:
    """Remove an enterprise twice (tenantSync flag 0)."""
    frame = await context.bound()
    await context.call(kit_calls.tenant_sync(frame, flag=kit_calls.REMOVE))
    await context.call(kit_calls.tenant_sync(frame, flag=kit_calls.REMOVE), to="tenantSync flag 0 again")


@registry.case(38, Level.DOCUMENTED)
async def remove_unknown(context: Context) -> None:
    """Remove an enterprise that was never seen, for an instance that was never seen."""
    frame = with_instance(context.frame(), f"none-{secrets.token_hex(8)}")
    await context.call(kit_calls.tenant_sync(frame, flag=kit_calls.REMOVE))


@registry.case(39, Level.DOCUMENTED, unseen="that nothing of production changed")
async def debug_enterprise(context: Context) -> None:
    """A debug tenantSync without instanceId and orderId succeeds."""
    await context.call(kit_calls.tenant_sync(context.frame(is_debug=True)))


@registry.case(40, Level.DOCUMENTED, unseen="that it is kept apart from buyers' enterprises")
async def seller_enterprise(context: Context) -> None:
    """A seller's own tenantSync with empty instanceId and orderId succeeds."""
    frame = context.frame()
    buyer = msgspec.structs.replace(frame.buyer, order_id="", instance_id="")
    await context.call(kit_calls.tenant_sync(msgspec.structs.replace(frame, buyer=buyer)))


@registry.case(41, Level.RECOMMENDED, unseen="that the decrypted secret is the one sent")
async def three_paddings(context: Context) -> None:
    """A client secret is read in each of the three OAEP variants."""
    line = context.public_key_line
    frame = await context.bound()
    for padding in Padding:
        call = kit_calls.application_sync(frame, public_key_line=line, padding=padding)
        await context.call(call, to=f"applicationSync with {padding.name}")


@registry.case(42, Level.SAMPLE)
async def undecryptable_secret(context: Context) -> None:
    """A client secret that cannot be decrypted is answered with a code of its own."""
    await context.call(_with_broken_secret(await context.bound()), UNDECRYPTABLE)


@registry.case(43, Level.DOCUMENTED, unseen="that signing in uses the new pair")
async def change_credential(context: Context) -> None:
    """Change an application's client id and secret (applicationSync flag 2)."""
    frame = await context.with_app()
    buyer = msgspec.structs.replace(
        frame.buyer, client_id=secrets.token_hex(16), client_secret=secrets.token_hex(32)
    )
    changed = msgspec.structs.replace(frame, buyer=buyer)
    line = context.public_key_line
    await context.call(kit_calls.application_sync(changed, public_key_line=line, flag=kit_calls.MODIFY))


@registry.case(44, Level.RECOMMENDED)
async def signature_before_secret(context: Context) -> None:
    """With a wrong signature and a broken secret the signature is what is refused."""
    call = _with_broken_secret(await context.bound())
    await context.call(msgspec.structs.replace(call, has_wrong_key=True), UNAUTHENTICATED)


@registry.case(73, Level.RECOMMENDED, unseen="that members still sign in through the second instance")
async def two_instances(context: Context) -> None:
    """An enterprise bound to two instances outlives the end of its first binding."""
    first = await context.bound()
    other = await context.bought()
    buyer = msgspec.structs.replace(
        first.buyer, order_id=other.buyer.order_id, instance_id=other.buyer.instance_id
    )
    second = msgspec.structs.replace(first, buyer=buyer)
    await context.call(kit_calls.tenant_sync(second), to="tenantSync of the second instance")
    await context.call(
        kit_calls.tenant_sync(first, flag=kit_calls.REMOVE), to="tenantSync flag 0 of the first"
    )
    department = Department(code="D100200", name="质检部", parent_code="")
    change = kit_calls.single_org_sync(second, Change(kind="add", department=department))
    await context.call(change, to="singleOrgSync of the second instance")
