"""What another site, another browser or a neighbour can make of a person's session."""

import base64
from datetime import timedelta

import pytest

from tests.attacks.asking import BROWSER, SESSION, ask, assert_page, csrf_in, field_in, is_signed_in
from tests.attacks.conftest import SECOND_APP
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import AFTER, query_of, sign_in, told


async def test_a_cookie_that_somebody_has_chosen_never_becomes_a_session(relying, app, ann):
    """RFC 9700 4.7, session fixation: of the right shape, of a dead session, of the right id."""
    good = ann.cookies[SESSION]
    raw = bytearray(_decode(good))
    raw[-1] ^= 1
    chosen = [
        "A" * 54,
        "",
        "x",
        _encode(bytes(40)),
        _encode(bytes(raw)),
        good[:-1],
        f"{good}A",
        f"{good}=",
        good.swapcase(),
    ]
    for cookie in chosen:
        browser = Browser(app)
        browser.cookies[SESSION] = cookie
        assert not await is_signed_in(browser), cookie
        _, request = relying.request(prompt="none")
        assert told(await ask(browser, request), request)["error"] == "login_required"
    assert await is_signed_in(ann)


async def test_the_id_of_a_session_that_clients_know_is_no_cookie(relying, app, ann):
    """`sid` is in every ID token; only the secret beside it proves anything."""
    sid = (await relying.claims((await relying.tokens(ann))["id_token"]))["sid"]
    browser = Browser(app)
    for cookie in (sid, _encode(bytes.fromhex(sid.replace("-", "")) + bytes(24))):
        browser.cookies[SESSION] = cookie
        assert not await is_signed_in(browser)


async def test_a_token_is_no_cookie_and_a_cookie_no_token(relying, app, ann):
    """RFC 9700 4.10: each secret is good for one thing."""
    tokens = await relying.tokens(ann)
    browser = Browser(app)
    for text in (tokens["access_token"], tokens["refresh_token"], tokens["access_token"][9:]):
        browser.cookies[SESSION] = text
        assert not await is_signed_in(browser)
    for text in (ann.cookies[SESSION], f"tenon_at_{ann.cookies[SESSION]}"):
        assert (await relying.userinfo(text)).status_code == 401


async def test_a_session_that_has_ended_is_not_revived_by_its_cookie(ann):
    """The cookie may have been copied."""
    cookie = ann.cookies[SESSION]
    page = await ann.get("/sign-out")
    await ann.post("/sign-out", data={"csrf": csrf_in(page)})
    assert SESSION not in ann.cookies
    ann.cookies[SESSION] = cookie
    assert not await is_signed_in(ann)


@pytest.mark.parametrize("token", [None, "", "x", "0" * 64, "é"])
async def test_signing_out_cannot_be_forced(ann, token):
    """RP-Initiated Logout 6, CSRF: another site has no token."""
    form = {} if token is None else {"csrf": token}
    assert_page(await ann.post("/sign-out", data=form), 400)
    assert await is_signed_in(ann)


async def test_signing_out_cannot_be_forced_with_a_token_of_another_session(ann, app, office):
    """The attacker has an account of his own."""
    await office.authorise("eve")
    eve = await sign_in(app, office, "eve")
    stolen = csrf_in(await eve.get("/sign-out"))
    assert_page(await ann.post("/sign-out", data={"csrf": stolen}), 400)
    assert_page(await ann.post(f"/sign-out?csrf={csrf_in(await ann.get('/sign-out'))}", data={"x": "1"}), 400)
    assert await is_signed_in(ann)


async def test_a_get_signs_nobody_out(relying, ann, app, office):
    """RP-Initiated Logout 2: without a hint of this session the person is asked; an image cannot answer."""
    await office.authorise("eve")
    other = await relying.tokens(await sign_in(app, office, "eve"))
    older = await relying.tokens(await sign_in(app, office, "ann"))
    for params in (
        {},
        {"client_id": relying.client_id},
        {"id_token_hint": other["id_token"]},
        {"id_token_hint": older["id_token"]},
        {"client_id": relying.client_id, "post_logout_redirect_uri": AFTER},
    ):
        answer = await ann.get("/oauth2/end-session", params=params)
        assert answer.status_code == 200
        assert 'name="csrf"' in answer.text
        assert await is_signed_in(ann)
    assert (await ann.get("/sign-out")).status_code == 200
    assert await is_signed_in(ann)


async def test_the_choice_of_an_app_cannot_be_forced(relying, two_apps, app, office):
    """CSRF: neither without a token, nor with one of another session, nor by a GET."""
    ann = two_apps
    _, request = relying.request()
    page = await ask(ann, request)
    assert page.status_code == 200
    handle = field_in(page, "request")
    await office.authorise("eve")
    eve = await sign_in(app, office, "eve")
    stolen = csrf_in(await eve.get("/sign-out"))
    for csrf in (None, "", "x", stolen):
        form = {"request": handle, "app": SECOND_APP} | ({} if csrf is None else {"csrf": csrf})
        assert_page(await ann.post("/oauth2/continue", data=form))
    again = await ann.get("/oauth2/continue", params={"request": handle, "app": SECOND_APP})
    assert again.status_code == 200
    form = {"request": handle, "app": SECOND_APP, "csrf": csrf_in(page)}
    assert "code" in told(await ann.post("/oauth2/continue", data=form), request)
    # Once.
    assert_page(await ann.post("/oauth2/continue", data=form))


async def test_an_app_that_is_not_offered_cannot_be_chosen(relying, two_apps, app, office):
    """Nor one that the client has not asked for."""
    _, request = relying.request()
    page = await ask(two_apps, request)
    form = {"request": field_in(page, "request"), "csrf": csrf_in(page)}
    assert_page(await two_apps.post("/oauth2/continue", data={**form, "app": "app-of-somebody"}), 403)
    verifier, request = relying.request(app=SECOND_APP, prompt="login")
    handle = query_of((await ask(two_apps, request)).headers["location"])["request"]
    two_apps.cookies[SESSION] = (await sign_in(app, office, "ann")).cookies[SESSION]
    csrf = csrf_in(await two_apps.get("/sign-out"))
    form = {"request": handle, "app": office.app, "csrf": csrf}
    code = told(await two_apps.post("/oauth2/continue", data=form), request)["code"]
    tokens = (await relying.exchange(code, verifier)).json()
    assert (await relying.introspect(tokens["access_token"]))["app"] == SECOND_APP


async def test_a_request_that_waits_is_of_no_use_in_another_browser(relying, app, office, ann):
    """RFC 9700 4.7, login CSRF: neither the attacker's in the victim's browser nor the other way round."""
    _, request = relying.request()
    attacker = Browser(app)
    handle = query_of((await ask(attacker, request)).headers["location"])["request"]
    for browser in (ann, Browser(app)):
        assert_page(await browser.get("/oauth2/continue", params={"request": handle}))
        assert_page(await browser.get("/sign-in", params={"request": handle, "tenant": office.tenant_id}))
    ann.cookies[BROWSER] = "chosen-by-somebody"
    assert_page(await ann.get("/oauth2/continue", params={"request": handle}))


async def test_an_answer_of_a_provider_that_nobody_has_asked_for_signs_nobody_in(app, ann, office):
    """RFC 9700 4.7, login CSRF."""
    cookie = ann.cookies[SESSION]
    queries = [
        "code=x&state=x",
        "state=&code=x",
        "code=x",
        "",
        "error=x",
        "error=x&state=%00",
        "state=*&code=x",
    ]
    for query in queries:
        for browser in (Browser(app), ann):
            assert_page(await browser.get(f"/sign-in/oidc/{office.tenant_id}/work?{query}"))
    assert ann.cookies[SESSION] == cookie
    assert await is_signed_in(ann)


async def test_a_handle_of_one_kind_is_none_of_another(relying, app, ann, office):
    """A waiting request is no pushed one, and none of them a sign-out."""
    _, request = relying.request(prompt="login")
    waiting = query_of((await ask(ann, request)).headers["location"])["request"]
    pushed = (await relying.call("par", relying.request()[1])).json()["request_uri"]
    assert_page(await ann.get("/oauth2/continue", params={"request": pushed.rpartition(":")[2]}))
    uri = f"urn:ietf:params:oauth:request_uri:{waiting}"
    assert_page(await ask(ann, {"client_id": relying.client_id, "request_uri": uri}))
    assert "location" not in (await Browser(app).get("/sign-out/done", params={"state": waiting})).headers
    callback = f"/sign-in/oidc/{office.tenant_id}/work"
    assert_page(await ann.get(callback, params={"state": waiting, "code": "x"}))


async def test_an_idle_session_ends(relying, ann, clock):
    """A browser that was left open."""
    clock.freeze(clock() + timedelta(minutes=119))
    assert await is_signed_in(ann)
    clock.freeze(clock() + timedelta(minutes=120))
    assert not await is_signed_in(ann)
    _, request = relying.request(prompt="none")
    assert told(await ask(ann, request), request)["error"] == "login_required"


async def test_knocking_with_a_wrong_secret_does_not_keep_an_idle_session_alive(relying, ann, app, clock):
    """Clients know its id; only who has the secret is somebody who uses it."""
    sid = (await relying.claims((await relying.tokens(ann))["id_token"]))["sid"]
    stranger = Browser(app)
    stranger.cookies[SESSION] = _encode(bytes.fromhex(sid.replace("-", "")) + bytes(24))
    clock.freeze(clock() + timedelta(minutes=119))
    assert not await is_signed_in(stranger)
    clock.freeze(clock() + timedelta(minutes=2))
    assert not await is_signed_in(ann)


def _decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
