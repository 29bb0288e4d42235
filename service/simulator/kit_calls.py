"""The kit interfaces' calls (enterprise, credential, departments, members) in both editions."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from service.simulator.buyers import Frame
from service.simulator.calls import Call, Edition, Surface
from service.simulator.organisations import Department, Member
from service.simulator.reorganisation import Change
from service.simulator.signatures import SHANGHAI, digits
from sso.keys import Padding, encrypt_client_secret

ADD, MODIFY, REMOVE, CANCEL = 1, 2, 0, 3
# The marketplace sends at most so many members in one authSync.
BATCH = 500


def tenant_sync(frame: Frame, *, flag: int = ADD) -> Call:
    """Announce, change or remove the enterprise."""
    buyer = frame.buyer
    members = {
        "tenantId": buyer.tenant_id,
        "tenantCode": buyer.tenant_code,
        "name": buyer.name,
        "domainName": buyer.domain_name,
        "flag": flag,
    }
    # Debug calls know neither an instance nor an order.
    bought = {} if frame.is_debug else {"instanceId": buyer.instance_id, "orderId": buyer.order_id}
    return kit_call(frame, "tenantSync", bought | members)


def application_sync(
    frame: Frame, *, public_key_line: str, flag: int = ADD, padding: Padding = Padding.SHA256
) -> Call:
    """Announce, change or remove the application's credential; the secret is encrypted for the vendor.

    Raises KeyRefused when the public key is none.
    """
    buyer = frame.buyer
    secret = encrypt_client_secret(buyer.client_secret, public_key_line, padding)
    members = {"appId": buyer.app_id, "clientId": buyer.client_id, "clientSecret": secret, "flag": flag}
    return kit_call(frame, "applicationSync", _scope(frame) | members)


def auth_syncs(frame: Frame, members: Sequence[Member], *, flag: int = ADD) -> Iterator[Call]:
    """Authorise, change, cancel or remove members, in batches of at most 500."""
    for start in range(0, len(members), BATCH):
        users = [user(frame.edition, member) for member in members[start : start + BATCH]]
        yield auth_sync(frame, users, flag=flag)


def auth_sync(frame: Frame, users: Sequence[dict[str, Any]], *, flag: int = ADD) -> Call:
    """Make one authSync of users in the wire's form; V1 sends the list as text and has no cancelling."""
    listed: object = list(users)
    if frame.edition is Edition.V1:
        listed, flag = msgspec.json.encode(users).decode(), REMOVE if flag == CANCEL else flag
    members = {"appId": frame.buyer.app_id, "userList": listed, "currentSyncTime": "", "flag": flag}
    return kit_call(frame, "authSync", _scope(frame) | members)


def single_org_sync(frame: Frame, change: Change) -> Call:
    """Tell one incremental change of a department."""
    flag = {"add": ADD, "rename": MODIFY, "move": MODIFY, "remove": REMOVE}[change.kind]
    call = kit_call(frame, "singleOrgSync", _scope(frame) | _department(change.department) | {"flag": flag})
    return msgspec.structs.replace(call, note=f"{change.kind} {change.department.code}")


def all_org_sync(frame: Frame, departments: Sequence[Department]) -> Call:
    """Tell the whole tree at once."""
    if frame.edition is Edition.V1:
        rows = [
            {"orgCode": item.code, "name": item.name, "parentCode": item.parent_code} for item in departments
        ]
        listed: dict[str, object] = {"orgInfo": msgspec.json.encode(rows).decode()}
    else:
        listed = {"orgInfoList": [_department(item) for item in departments]}
    call = kit_call(frame, "allOrgSync", _scope(frame) | listed)
    return msgspec.structs.replace(call, note=f"{len(departments)} departments")


def kit_call(frame: Frame, interface: str, members: dict[str, Any]) -> Call:
    """Make a kit call of any interface; adds testFlag and the times, which are UTC+8 with 17 digits."""
    time_stamp = digits(frame.tick().astimezone(SHANGHAI))
    times = {"currentSyncTime": time_stamp} if "currentSyncTime" in members else {}
    fields = members | times | {"testFlag": int(frame.is_debug), "timeStamp": time_stamp}
    surface = Surface.V1_KIT if frame.edition is Edition.V1 else Surface.V2_KIT
    return Call(surface=surface, name=interface, body=msgspec.json.encode(fields))


def user(edition: Edition, member: Member) -> dict[str, Any]:
    """Print a member as the marketplace does: flat in V2, with a nested extension and text only in V1."""
    known = {
        "userName": member.user_name,
        "name": member.name,
        "orgCode": member.department_code,
        "position": member.position,
        "role": member.role,
        "enable": "true" if member.enabled else "false",
        "employeeCode": member.employee_code,
        "mobile": member.mobile,
        "email": member.email,
    }
    if edition is Edition.V1:
        extension = {
            "entryDate": member.entry_date,
            "employeeType": str(member.employee_type),
            "workPlace": member.work_place,
        }
        return known | {"extension": extension}
    return known | {
        "employeeType": member.employee_type,
        "workPlace": member.work_place,
        "entryDate": member.entry_date,
    }


def _scope(frame: Frame) -> dict[str, Any]:
    return {"instanceId": frame.buyer.instance_id, "tenantId": frame.buyer.tenant_id}


def _department(department: Department) -> dict[str, str]:
    return {
        "orgCode": department.code,
        "orgName": department.name,
        "parentCode": department.parent_code,
    }
