"""A session ends with the way by which it began: the connection, or the link of the account."""

import pytest

from tests.service.oauth2.relying import Relying, sign_in
from tests.service.sign_in.test_starting import ACME


async def unlink(office):
    await office.delete("/connections/acme/identities/ann")


async def remove(office):
    await office.delete("/connections/acme")


async def switch_off(office):
    await office.put("/connections/koogallery", {"kind": "koogallery", "enabled": False})


ENDS = [("acme", unlink), ("acme", remove), ("koogallery", switch_off)]


@pytest.mark.parametrize(("connection", "end"), ENDS, ids=["unlinked", "removed", "switched off"])
async def test_the_very_next_use_is_refused_and_the_clients_are_told(
    app, api, http, product, office, connection, end
):
    relying = await Relying.register(api, http, product, backchannel_logout_uri="http://127.0.0.1:9/logout")
    await office.authorise("ann")
    await office.put("/connections/acme", ACME)
    browser = await sign_in(app, office, "ann", connection=connection)
    tokens = await relying.tokens(browser)
    await end(office)
    assert not (await relying.introspect(tokens["access_token"]))["active"]
    assert (await relying.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await relying.userinfo(tokens["access_token"])).status_code == 401
    _, request = relying.request(prompt="none")
    silent = await browser.get("/oauth2/authorize", params=request)
    assert "error=login_required" in silent.headers["location"]
    [receipt] = (await office.get("/logouts"))["items"]
    assert (receipt["reason"], receipt["user_name"]) == ("connection_ended", "ann")
    assert receipt["due_at"] is not None


async def test_another_way_of_the_same_person_goes_on(app, relying, office):
    await office.authorise("ann")
    await office.put("/connections/acme", ACME)
    browser = await sign_in(app, office, "ann", connection="koogallery")
    await sign_in(app, office, "ann", connection="acme")
    tokens = await relying.tokens(browser)
    await remove(office)
    assert (await relying.introspect(tokens["access_token"]))["active"]
