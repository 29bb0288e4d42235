"""Host names that an attacker chooses, pages in frames, answers in caches, cookies in the wrong hands."""

from datetime import timedelta

import msgspec
import pytest

from service.sign_in.cookies import make_cookie
from tests.attacks.asking import ask, csrf_in
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import AFTER, sign_in, told

FORGED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "4443",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-For": "203.0.113.7",
    "Forwarded": "host=evil.example;proto=https",
    "X-Original-URL": "/v1/tenants",
    "X-Rewrite-URL": "/v1/tenants",
    "X-HTTP-Method-Override": "POST",
    "X-HTTP-Method": "DELETE",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}


async def test_a_forged_host_changes_no_link_no_issuer_and_no_redirect(relying, ann, app, runtime, office):
    """Password-reset poisoning in its OpenID shape: all that leaves us is made of the public address."""
    verifier, request = relying.request()
    answer = await ann.get("/oauth2/authorize", params=request, headers=FORGED)
    assert "evil" not in answer.headers["location"]
    code = told(answer, request)["code"]
    tokens = (await relying.exchange(code, verifier)).json()
    assert (await relying.claims(tokens["id_token"]))["iss"] == runtime.settings.public_url
    for browser in (ann, Browser(app)):
        for path in (
            "/sign-in",
            f"/sign-in?tenant={office.tenant_id}",
            "/signed-in",
            "/sign-out",
            "/sign-out/done",
            "/oauth2/end-session",
            "/oauth2/continue?request=x",
            "/oauth2/userinfo",
            "/oauth2/jwks",
            "/.well-known/openid-configuration",
            "/no-such-page",
        ):
            answer = await browser.get(path, headers=FORGED)
            assert "evil" not in answer.text + str(answer.headers), path
    answer = await Browser(app).get("/oauth2/authorize", params=request, headers=FORGED)
    assert answer.headers["location"].startswith("/sign-in?request=")


async def test_an_overridden_method_does_nothing(ann):
    """A GET is a GET."""
    csrf = csrf_in(await ann.get("/sign-out"))
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        await ann.get("/sign-out", params={"csrf": csrf, "_method": "POST"}, headers={name: "POST"})
    assert (await ann.get("/signed-in")).status_code == 200


async def test_no_page_can_be_framed_kept_or_sniffed(relying, two_apps, app, office):
    """RFC 9700 4.16, clickjacking; and nothing personal stays in a cache."""
    _, request = relying.request()
    pages = [
        await ask(two_apps, request),
        await two_apps.get("/sign-out"),
        await two_apps.get("/signed-in"),
        await two_apps.get("/oauth2/end-session"),
        await Browser(app).get("/sign-in"),
        await Browser(app).get("/sign-in?tenant=no-such-enterprise"),
        await Browser(app).get("/sign-out"),
        await Browser(app).get("/sign-out/done"),
        await Browser(app).get("/signed-in"),
        await Browser(app).get("/oauth2/authorize"),
        await Browser(app).get("/oauth2/continue"),
        await Browser(app).post("/sign-out", content=b"x", headers={"Content-Type": "text/plain"}),
        await ask(two_apps, request, app="no-such-app"),
    ]
    for page in pages:
        assert page.headers["content-type"].startswith("text/html"), page.url
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in page.text


async def test_nothing_that_is_given_to_one_person_is_kept(relying, ann, app, office):
    """RFC 6749 5.1, RFC 9111 5.2: redirects and errors too."""
    verifier, request = relying.request()
    answer = await ask(ann, request)
    tokens = await relying.exchange(told(answer, request)["code"], verifier)
    token = tokens.json()["access_token"]
    answers = [
        answer,
        tokens,
        await ask(ann, request, scope="x"),
        await ask(Browser(app), request),
        await Browser(app).get("/sign-in", params={"tenant": office.tenant_id}),
        await relying.userinfo(token),
        await relying.userinfo("x"),
        await relying.call("introspect", {"token": token}),
        await relying.call("revoke", {"token": "x"}),
        await relying.call("token", {}),
        await relying.call("par", {}),
        await ann.get("/oauth2/end-session", params={"id_token_hint": tokens.json()["id_token"]}),
    ]
    for one in answers:
        assert one.headers["cache-control"] == "no-store", (one.url, one.status_code)


async def test_no_other_site_may_read_what_is_personal(relying, ann, http):
    """CORS: public keys and metadata are for everybody, nothing else."""
    token = (await relying.tokens(ann))["access_token"]
    origin = {"Origin": "https://evil.example"}
    answers = [
        await ann.get("/signed-in", headers=origin),
        await ann.get("/sign-out", headers=origin),
        await http.get("/oauth2/userinfo", headers={**origin, "Authorization": f"Bearer {token}"}),
        await http.options("/oauth2/token", headers={**origin, "Access-Control-Request-Method": "POST"}),
    ]
    for answer in answers:
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


async def test_cookies_are_for_us_alone(relying, app, office, runtime):
    """RFC 6265bis 4.1.3.2: no script, no post of another site, no neighbour, no plain connection."""
    _, request = relying.request(tenant=office.tenant_id)
    answer = await Browser(app).get("/oauth2/authorize", params=request)
    [line] = answer.headers.get_list("set-cookie")
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    secure = msgspec.structs.replace(runtime.settings, public_url="https://tenon.example")
    for name in ("session", "browser", "enterprises"):
        cookie = make_cookie(msgspec.structs.replace(runtime, settings=secure), name, "x")
        text = cookie.to_header(header="").strip()
        assert text.startswith(f"__Host-tenon-{name}=x")
        assert "Secure" in text
        assert "HttpOnly" in text
        assert "Path=/" in text
        assert "SameSite=lax" in text
        assert "Domain" not in text


async def test_a_session_cookie_goes_with_the_browser(ann):
    """It has no date, so that it is not written down."""
    page = await ann.get("/sign-out")
    answer = await ann.post("/sign-out", data={"csrf": csrf_in(page)})
    [line] = answer.headers.get_list("set-cookie")
    assert line.startswith("tenon-session=")
    assert "Max-Age=0" in line


async def test_two_cookies_of_one_name_are_not_two_chances(ann, app, office):
    """A neighbour's cookie beside ours signs nobody else in."""
    await office.authorise("eve")
    eve = await sign_in(app, office, "eve")
    name = "tenon-session"
    browser = Browser(app)
    browser.cookies["x"] = f"1; {name}={ann.cookies[name]}; {name}=A"
    ann_or_nobody = await browser.get("/signed-in")
    assert "Eve" not in ann_or_nobody.text
    assert eve.cookies[name] not in str(ann_or_nobody.headers)


@pytest.mark.parametrize("ago", [timedelta(0), timedelta(hours=1)])
async def test_signing_out_goes_where_it_was_registered_and_nowhere_with_a_header(relying, app, office, ago):
    """RP-Initiated Logout 3."""
    await office.authorise("ann")
    ann = await sign_in(app, office, "ann", ago=ago)
    hint = (await relying.tokens(ann))["id_token"]
    params = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "&x=https://evil.example#"}
    answer = await ann.follow(await ann.get("/oauth2/end-session", params=params, headers=FORGED))
    assert answer.headers["location"].startswith(f"{AFTER}?state=")
    assert "#" not in answer.headers["location"]
    assert "&" not in answer.headers["location"]
