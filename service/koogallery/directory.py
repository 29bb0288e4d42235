"""The five kit interfaces: enterprises, application credentials, members and departments."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from service.koogallery import wire
from service.koogallery.calls import Proven
from service.koogallery.members import member_facts
from service.koogallery.results import INVALID, SECRET_UNDECRYPTABLE, SUCCESS, Answer, Refusal
from service.koogallery.times import CHINA, clamp, parse_time
from service.koogallery.work import Work
from service.runtime import Runtime
from sso.keys import decrypt_client_secret, load_private_key
from tenancy.apps import put_app, remove_app
from tenancy.bindings import KOOGALLERY, SELLER, Place, TenantFacts, bind_tenant
from tenancy.departments import put_department, remove_department
from tenancy.members import cancel_members, put_members, remove_members
from tenancy.pushes import UNCHANGED, Outcome, Push, record_base_push
from tenancy.syncs import sync_departments
from tenancy.tree import Department
from tenancy.unbinding import unbind_tenant

REMOVE, ADD, MODIFY, CANCEL = range(4)


def read_kit_call(interface: str, proven: Proven, push: Push, runtime: Runtime) -> Work:
    """Read a kit message.

    Raises:
        Refusal: the interface is unknown or the message is not valid.
    """
    reader = _READERS.get(interface)
    if reader is None:
        raise Refusal(INVALID, "There is no such interface.")
    body = proven.call.body.removeprefix(b"\xef\xbb\xbf")
    wire.refuse_nul(body)
    kind, read = reader
    message: wire.KitMessage = wire.decode(body, kind)
    flag = wire.small_number(message.flag, "flag")
    place = _place(message, proven)
    push = msgspec.structs.replace(
        push,
        flag=flag,
        is_test=place.is_debug,
        instance_id=place.instance_id,
        source_time=_source_time(message, proven.received_at),
    )
    act = read(message, place, push, runtime, proven)

    async def run() -> Answer:
        outcome = await act()
        if outcome is None:
            # A removal for an instance that nobody knows: there is nothing to remember.
            outcome = UNCHANGED
            await record_base_push(push, outcome)
        return Answer(SUCCESS, outcome.message)

    return Work(push=push, place=place, run=run)


Act = Callable[[], Awaitable[Outcome | None]]


def _place(message: wire.KitMessage, proven: Proven) -> Place:
    test_flag = wire.small_number(message.testFlag, "testFlag")
    if test_flag not in {None, 0, 1}:
        raise Refusal(INVALID, "Parameter invalid: testFlag is neither 0 nor 1.")
    instance_id = (message.instanceId or "").strip()
    debug, seller = test_flag == 1, not instance_id
    return Place(
        product=proven.call.product.slug,
        instance_id=instance_id,
        external_id=_required(message.tenantId, "tenantId"),
        source=SELLER if seller and not debug else KOOGALLERY,
        is_test=debug or seller,
    )


def _source_time(message: wire.KitMessage, now: datetime) -> datetime:
    said = message.timeStamp
    if isinstance(message, wire.AuthSync):
        said = message.currentSyncTime or said
    try:
        return clamp(parse_time(str(said or "").strip(), CHINA), now)
    except ValueError as error:
        raise Refusal(INVALID, f"Parameter invalid: timeStamp. {error}") from error


def _required(value: str | None, field: str) -> str:
    text = (value or "").strip()
    if not text:
        raise Refusal(INVALID, f"Parameter invalid: {field} is missing.")
    return text


def _refuse_flag() -> Refusal:
    return Refusal(INVALID, "Parameter invalid: flag is none of this interface's values.")


def _at(push: Push) -> datetime:
    assert push.source_time is not None
    return push.source_time


def _read_tenant(
    message: wire.TenantSync, place: Place, push: Push, _runtime: Runtime, _proven: Proven
) -> Act:
    if push.flag == REMOVE:
        return lambda: unbind_tenant(place, at=_at(push), push=push)
    if push.flag not in {ADD, MODIFY}:
        raise _refuse_flag()
    domain = _required(message.domainName, "domainName").rstrip("/")
    facts = TenantFacts(
        code=_required(message.tenantCode, "tenantCode"),
        name=_required(message.name, "name"),
        domain_name=domain if "://" in domain else f"https://{domain}",
        order_id=(message.orderId or "").strip(),
    )
    return lambda: bind_tenant(place, facts, at=_at(push), push=push)


def _read_application(
    message: wire.ApplicationSync, place: Place, push: Push, runtime: Runtime, proven: Proven
) -> Act:
    app_id = _required(message.appId, "appId")
    if push.flag == REMOVE:
        return lambda: remove_app(place, app_id, at=_at(push), push=push)
    if push.flag not in {ADD, MODIFY}:
        raise _refuse_flag()
    client_id = _required(message.clientId, "clientId")
    ciphertext = _required(message.clientSecret, "clientSecret")

    async def act() -> Outcome:
        keys = [load_private_key(pem) for pem in proven.call.product.secrets.rsa_private_keys]
        secret = await asyncio.to_thread(decrypt_client_secret, ciphertext, keys)
        if secret is None:
            raise Refusal(SECRET_UNDECRYPTABLE, "The clientSecret does not decrypt with the product's keys.")
        return await put_app(
            place,
            app_id,
            client_id=client_id,
            client_secret=secret,
            keyring=runtime.keyring,
            at=_at(push),
            push=push,
        )

    return act


def _read_members(
    message: wire.AuthSync, place: Place, push: Push, _runtime: Runtime, _proven: Proven
) -> Act:
    app_id = _required(message.appId, "appId")
    if push.flag not in {REMOVE, ADD, MODIFY, CANCEL}:
        raise _refuse_flag()
    describing = push.flag in {ADD, MODIFY}
    users = wire.decode_list(message.userList, wire.User, "userList")
    members = [member_facts(user, describing=describing) for user in users]
    if describing:
        grant = push.flag == ADD
        return lambda: put_members(place, app_id, members, grant=grant, at=_at(push), push=push)
    withdraw = cancel_members if push.flag == CANCEL else remove_members
    return lambda: withdraw(place, app_id, members, at=_at(push), push=push)


def _read_department(
    message: wire.SingleOrgSync, place: Place, push: Push, _runtime: Runtime, _proven: Proven
) -> Act:
    code = _required(message.orgCode, "orgCode")
    if push.flag == REMOVE:
        return lambda: remove_department(place, code, at=_at(push), push=push)
    if push.flag not in {ADD, MODIFY}:
        raise _refuse_flag()
    parent = (message.parentCode or "").strip() or None
    department = Department(code, _required(message.orgName, "orgName"), parent)
    return lambda: put_department(place, department, at=_at(push), push=push)


def _read_all_departments(
    message: wire.AllOrgSync, place: Place, push: Push, _runtime: Runtime, _proven: Proven
) -> Act:
    raw = message.orgInfo if bytes(message.orgInfoList) == b"null" else message.orgInfoList
    departments = [_listed(entry) for entry in wire.decode_list(raw, wire.OrgInfo, "orgInfoList")]
    return lambda: sync_departments(place, departments, at=_at(push), push=push)


def _listed(entry: wire.OrgInfo) -> Department:
    name = entry.orgName or entry.OrgName or entry.name
    if not name or not name.strip():
        raise Refusal(INVALID, "Parameter invalid: a department of the list has no orgName.")
    parent = entry.parentCode
    return Department(
        _required(entry.orgCode, "orgCode"), name.strip(), (parent.strip() or None) if parent else None
    )


_READERS: dict[str, tuple[type[wire.KitMessage], Callable[..., Act]]] = {
    "tenantSync": (wire.TenantSync, _read_tenant),
    "applicationSync": (wire.ApplicationSync, _read_application),
    "authSync": (wire.AuthSync, _read_members),
    "singleOrgSync": (wire.SingleOrgSync, _read_department),
    "allOrgSync": (wire.AllOrgSync, _read_all_departments),
}
