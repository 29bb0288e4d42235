"""Parameters, headers and cookies that nobody would send: a page or an error of OAuth, never our fault."""

import base64
import json
import re
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.attacks.garbage import GARBAGE
from tests.faults.raw import ask as send
from tests.service.oauth2.relying import CALLBACK

SOME = settings(max_examples=150)
TRACE = re.compile(rb"Traceback|File \"|\.py\b|asyncpg|msgspec|litestar|redis|SELECT ", re.IGNORECASE)
FORM = (b"content-type", b"application/x-www-form-urlencoded")

PLACES = [
    ("GET", "/oauth2/authorize"),
    ("POST", "/oauth2/authorize"),
    ("GET", "/oauth2/continue"),
    ("POST", "/oauth2/continue"),
    ("GET", "/oauth2/end-session"),
    ("POST", "/oauth2/end-session"),
    ("GET", "/sign-in"),
    ("GET", "/sign-in/koogallery/x"),
    ("GET", "/sign-in/oidc/00000000-0000-0000-0000-000000000000/x"),
    ("POST", "/sign-in/switch"),
    ("GET", "/sign-out"),
    ("POST", "/sign-out"),
    ("GET", "/sign-out/done"),
    ("GET", "/signed-in"),
]
CALLS = [
    ("POST", "/oauth2/token"),
    ("POST", "/oauth2/par"),
    ("POST", "/oauth2/introspect"),
    ("POST", "/oauth2/revoke"),
    ("GET", "/oauth2/userinfo"),
]


@pytest.fixture
async def bases(relying, ann, office):
    """What is right by name, so that one wrong thing beside it gets far."""
    verifier, request = relying.request(tenant=office.tenant_id)
    tokens = await relying.tokens(ann)
    known = {
        **request,
        "code_verifier": verifier,
        "refresh_token": "tenon_rt_" + "A" * 70,
        "token": tokens["access_token"],
        "id_token_hint": tokens["id_token"],
        "grant_type": "authorization_code",
        "code": "tenon_ac_" + "A" * 70,
        "redirect_uri": CALLBACK,
    }
    cookie = f"tenon-session={ann.cookies['tenon-session']}".encode()
    secret = base64.b64encode(f"{relying.client_id}:{relying.secret}".encode())
    return known, cookie, b"Basic " + secret


def encoded(known, garbage, raw):
    """A query or form; what is garbage takes the place of what is right."""
    names = {name for name, _ in garbage}
    right = [(name, value) for name, value in known.items() if name not in names]
    text = urlencode([*right, *garbage]).encode()
    return text + b"&" + raw if raw else text


def is_clean(reply):
    return TRACE.search(reply.body) is None and reply.status < 500


def is_page(reply):
    """A page, or a redirect to a place of ours or of the client."""
    if 300 <= reply.status < 400:
        link = reply.headers["location"]
        return link.isascii() and link.startswith((CALLBACK, "/", "http"))
    return reply.headers["content-type"].startswith("text/html") and "x-frame-options" in reply.headers


REGISTERED = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "invalid_token",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "request_not_supported",
    "request_uri_not_supported",
}


def is_oauth(reply):
    if reply.status == 401 and not reply.body:
        return True
    body = json.loads(reply.body)
    return reply.headers["cache-control"] == "no-store" and (
        reply.status in {200, 201} or body["error"] in REGISTERED
    )


@given(st.sampled_from(PLACES), GARBAGE, st.binary(max_size=30), st.booleans())
@example(("GET", "/oauth2/authorize"), [("scope", b"openid \xff")], b"", True)
@example(("GET", "/sign-in"), [("tenant", b"\0")], b"", False)
@example(("GET", "/sign-in"), [("tenant", b"x\xc3\xa9\0")], b"", False)
@example(("GET", "/sign-in"), [("return_to", '/中文?"<>'.encode())], b"", False)
@example(("GET", "/sign-in/koogallery/x"), [("tenant", b"\0"), ("code", b"\0")], b"", False)
@example(("GET", "/oauth2/end-session"), [("id_token_hint", b"W1tbW1tb" * 300 + b"..")], b"", True)
@SOME
async def test_a_browser_gets_a_page_or_a_redirect_whatever_it_brings(
    app, bases, place, garbage, raw, signed_in
):
    """CWE-209: never a 500 and never a stack trace."""
    method, path = place
    known, cookie, _ = bases
    text = encoded(known, garbage, raw)
    headers = [FORM, *([(b"cookie", cookie)] if signed_in else [])]
    is_form = method == "POST"
    reply = await send(
        app,
        method,
        path,
        query=b"" if is_form else text,
        headers=headers,
        chunks=[text if is_form else b""],
    )
    assert is_clean(reply), (place, text, reply)
    assert is_page(reply), (place, text, reply)


@given(st.sampled_from(CALLS), GARBAGE, st.binary(max_size=30), st.booleans())
@example(("POST", "/oauth2/token"), [("code_verifier", "é".encode())], b"", True)
@example(("POST", "/oauth2/token"), [("client_assertion", b"e30.e30.e30"), ("grant_type", b"x")], b"", False)
@SOME
async def test_a_client_gets_an_error_of_oauth_whatever_it_sends(app, bases, place, garbage, raw, proven):
    """RFC 6749 5.2."""
    method, path = place
    known, _, authorization = bases
    text = encoded(known, garbage, raw)
    headers = [FORM, *([(b"authorization", authorization)] if proven else [])]
    reply = await send(app, method, path, headers=headers, chunks=[text])
    assert is_clean(reply), (place, text, reply)
    assert is_oauth(reply), (place, text, reply)


@given(st.binary(max_size=60), st.sampled_from([b"", b"Basic ", b"Bearer ", b"Bearer tenon_at_", b"DPoP "]))
@SOME
async def test_any_authorization_header_is_an_answer(app, value, scheme):
    """RFC 6749 2.3.1, RFC 6750 2.1."""
    header = (b"authorization", scheme + value.replace(b"\r", b"").replace(b"\n", b""))
    for method, path in CALLS:
        reply = await send(app, method, path, headers=[FORM, header], chunks=[b"token=x&grant_type=x"])
        assert is_clean(reply), (path, header, reply)
        assert is_oauth(reply), (path, header, reply)


@given(st.binary(max_size=80), st.sampled_from(["session", "browser", "enterprises"]))
@example(b"\xff" * 54, "session")
@example(b"....", "enterprises")
@example(b"\xc3\xa9", "browser")
@SOME
async def test_any_cookie_is_a_browser_that_is_not_signed_in(app, value, name):
    """CWE-209, and no garbage is a session."""
    cookie = f"tenon-{name}=".encode() + value.replace(b"\r", b"").replace(b"\n", b"")
    for path in ("/sign-in", "/sign-out", "/signed-in", "/oauth2/continue", "/oauth2/end-session"):
        reply = await send(app, "GET", path, headers=[(b"cookie", cookie)])
        assert is_clean(reply), (path, cookie, reply)
        assert is_page(reply), (path, cookie, reply)
        assert b"sign-out" not in reply.body or path == "/sign-out"


async def test_what_is_no_utf8_is_refused_and_nothing_of_it_comes_back(app, bases):
    """CWE-176, RFC 6749 appendix B."""
    known, cookie, authorization = bases
    for raw in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"a\xe4"):
        query = encoded(known, [("state", raw)], b"")
        reply = await send(app, "GET", "/oauth2/authorize", query=query, headers=[(b"cookie", cookie)])
        assert (reply.status, is_page(reply)) == (400, True), (raw, reply)
        form = encoded(known, [("code", raw)], b"")
        headers = [FORM, (b"authorization", authorization)]
        reply = await send(app, "POST", "/oauth2/token", headers=headers, chunks=[form])
        assert (reply.status, json.loads(reply.body)["error"]) == (400, "invalid_request"), (raw, reply)


async def test_a_body_without_end_is_refused(app, relying):
    """CWE-400."""
    for method, path in (*PLACES, *CALLS):
        if method == "POST":
            reply = await send(app, method, path, headers=[FORM], chunks=[b"x=" + b"y" * 65_536] * 4)
            assert reply.status in {400, 413}, (path, reply)
            assert is_clean(reply)


async def test_a_thousand_parameters_are_refused(app):
    """CWE-400: hash flooding and quadratic work."""
    text = "&".join(f"p{number}=1" for number in range(1000)).encode()
    for method, path in (*PLACES, *CALLS):
        is_form = method == "POST"
        reply = await send(
            app,
            method,
            path,
            query=b"" if is_form else text,
            headers=[FORM],
            chunks=[text if is_form else b""],
        )
        assert reply.status < 500, (path, reply)


async def test_what_somebody_has_typed_is_text_on_our_pages(app, relying, ann):
    """CWE-79."""
    script = "\"'><script>alert(1)</script>"
    for path in (
        f"/sign-in?{urlencode({'tenant': script})}",
        f"/sign-in?{urlencode({'tenant': script, 'return_to': '/x' + script})}",
        f"/oauth2/authorize?{urlencode({'client_id': script})}",
        f"/oauth2/authorize?{urlencode([(script, '1'), (script, '2')])}",
        f"/oauth2/end-session?{urlencode({'client_id': script})}",
        f"/oauth2/authorize?{urlencode({**relying.request()[1], 'app': script})}",
    ):
        answer = await ann.get(path)
        assert "<script" not in answer.text, path
        assert answer.headers["content-type"].startswith("text/html"), path


@given(
    st.binary(max_size=60) | st.sampled_from([b"zh;q=x", b";;;,,,", b"en;q=1e999", b"*;q=nan", b"z" * 5000])
)
@settings(max_examples=60)
async def test_any_language_is_answered_in_one_of_ours(app, value):
    """CWE-20."""
    header = (b"accept-language", value.replace(b"\r", b"").replace(b"\n", b""))
    reply = await send(app, "GET", "/sign-in", headers=[header])
    assert reply.status == 200, (header, reply)
    assert reply.headers["content-language"] in {"en", "zh-CN"}
