"""Tokens of the API: what they may do, and that a revoked one may nothing."""

import pytest

from tenancy.acts import Act
from tenancy.database import system_scope
from tenancy.tokens import TokenUnknown, find_token_owner, make_token, revoke_token
from tests.service.webhooks.deliveries import new_tenant


@pytest.fixture
def act(app, clock):
    return lambda: Act(actor="operator:test", at=clock())


async def test_a_revoked_token_is_nobodys_and_others_stay(act, clock):
    token, other = [await make_token(role="reader", tenant_id=None, act=act()) for _ in range(2)]
    name = (await find_token_owner(token, now=clock())).token
    await revoke_token(name, act=act())
    assert await find_token_owner(token, now=clock()) is None
    assert await find_token_owner(other, now=clock()) is not None
    with pytest.raises(TokenUnknown):
        await revoke_token(name, act=act())


async def test_the_audit_of_its_tenant_says_who_revoked_it(act, clock):
    tenant_id = await new_tenant(clock)
    token = await make_token(role="operator", tenant_id=tenant_id, act=act())
    name = (await find_token_owner(token, now=clock())).token
    told = act()
    await revoke_token(name, act=told)
    async with system_scope() as db:
        row = await db.fetchrow("SELECT * FROM audit WHERE id = $1", told.id)
    assert (row["tenant_id"], row["action"], row["subject"]) == (tenant_id, "token.revoked", name)


@pytest.mark.parametrize("name", ["", "%", "0" * 16, "0" * 15, "G" * 16, "0" * 64, "0" * 32, "abcdef\n"])
async def test_a_name_that_is_none_revokes_nothing(act, name):
    with pytest.raises(TokenUnknown):
        await revoke_token(name, act=act())
