"""The steps that conformance cases of signing in are made of."""

import secrets

import msgspec

from service.simulator import kit_calls
from service.simulator.auth_centre_visits import with_query
from service.simulator.browser import Browser, Visit
from service.simulator.buyers import Frame
from service.simulator.context import Context
from service.simulator.enterprises import Enterprise
from service.simulator.organisations import Member
from service.simulator.sign_ins import SignIns, expect_signed_in
from service.simulator.tickets import ACCESS_SECONDS

WANG = Member(
    user_name="wang.fang",
    name="王芳",
    department_code="D100200",
    position="系统管理员",
    role="admin",
    enabled=True,
    employee_code="E1",
    employee_type=1,
    mobile="13900000001",
    email="wang.fang@xinghe.example",
    work_place="深圳",
    entry_date="2025-9-1",
)


async def prepare(context: Context, *, told_seconds: int = ACCESS_SECONDS) -> tuple[Frame, Enterprise]:
    """Bring an enterprise whose domain name is the auth centre's, and authorise one member."""
    sign_ins, line = context.sign_ins, context.public_key_line
    frame = await context.bought()
    buyer = msgspec.structs.replace(frame.buyer, domain_name=sign_ins.centre.url)
    frame = msgspec.structs.replace(frame, buyer=buyer)
    await context.call(kit_calls.tenant_sync(frame), to="tenantSync (to prepare)")
    application = kit_calls.application_sync(frame, public_key_line=line)
    await context.call(application, to="applicationSync (to prepare)")
    (members,) = kit_calls.auth_syncs(frame, [WANG])
    await context.call(members, to="authSync (to prepare)")
    enterprise = Enterprise(
        buyer=buyer,
        login_url=sign_ins.login_url,
        members={WANG.user_name: WANG},
        told_seconds=told_seconds,
    )
    return frame, sign_ins.centre.admit(enterprise)


async def start(sign_ins: SignIns, enterprise: Enterprise, browser: Browser) -> Visit:
    """Sign in at the auth centre and be sent to the vendor, as from the workbench."""
    return await browser.open(sign_ins.centre.workbench_link(enterprise, WANG.user_name))


async def sign_in(sign_ins: SignIns, enterprise: Enterprise) -> Visit:
    """Sign in as a person who may, to compare with."""
    async with sign_ins.browser() as browser:
        visit = await start(sign_ins, enterprise, browser)
    expect_signed_in(visit, to="a member's sign-in (to prepare)")
    return visit


async def try_wrong_code(sign_ins: SignIns, enterprise: Enterprise) -> Visit:
    """Come to the vendor with a code that the auth centre refuses."""
    link = with_query(enterprise.login_url, code=secrets.token_urlsafe(24), tenant=enterprise.buyer.tenant_id)
    async with sign_ins.browser() as browser:
        return await browser.open(link)
