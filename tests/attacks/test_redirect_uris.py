"""Redirect URIs that look like the registered one: a page, and the browser goes nowhere."""

import pytest

from tests.attacks.asking import ask, assert_page, assert_refused, code_for, error_of
from tests.service.oauth2.relying import Relying, query_of, told

SIMILAR = [
    "https://crm.example.com/callback/",
    "https://crm.example.com/callback/more",
    "https://crm.example.com/callbac",
    "https://crm.example.com/callback2",
    "https://crm.example.com/callback?next=https://evil.example",
    "https://crm.example.com/callback#fragment",
    "https://crm.example.com/callback#",
    "https://crm.example.com/callback%00",
    "https://crm.example.com/callback\x00",
    "https://crm.example.com/callback\t",
    "https://crm.example.com/callback\n",
    " https://crm.example.com/callback",
    "https://crm.example.com/callback ",
    "https://crm.example.com/%63allback",
    "https://crm.example.com/x/../callback",
    "https://crm.example.com/./callback",
    "https://crm.example.com//callback",
    "https://crm.example.com\\callback",
    "https://crm.example.com/Callback",
    "https://crm.example.com:443/callback",
    "https://crm.example.com:8443/callback",
    "https://crm.example.com./callback",
    "https://CRM.example.com/callback",
    "HTTPS://crm.example.com/callback",
    "http://crm.example.com/callback",
    "https:crm.example.com/callback",
    "//crm.example.com/callback",
    "/callback",
    "callback",
    "https://evil.example/callback",
    "https://crm.example.com.evil.example/callback",
    "https://evil.example/https://crm.example.com/callback",
    "https://crm.example.com@evil.example/callback",
    "https://user@crm.example.com/callback",
    "https://evil.example#@crm.example.com/callback",
    "https://evil.example\\@crm.example.com/callback",
    "https://crm.example.com%2fcallback",
    "https://evil.crm.example.com/callback",
    "https://crm。example.com/callback",
    "https://crm.example.com/callback,https://evil.example/",
    "https://crm.example.com/callback https://evil.example/",
    "javascript:alert(1)//https://crm.example.com/callback",
    "data:text/html,https://crm.example.com/callback",
    "*",
    "",
]

NO_LOOPBACK_OF_THE_APP = [
    "http://127.0.0.1:5000/other",
    "http://127.0.0.1:5000/cb",
    "http://127.0.0.1:5000/cb?way=a&more=b",
    "http://127.0.0.1:5000/cb?way=a#x",
    "http://127.0.0.1:5000/CB?way=a",
    "http://127.0.0.1:5000//cb?way=a",
    "http://127.0.0.1:5000/cb?way=a\n",
    "http://127.0.0.1:/cb?way=a",
    "http://127.0.0.1:123456/cb?way=a",
    "http://127.0.0.1:٣/cb?way=a",
    "http://localhost:5000/cb?way=a",
    "http://127.0.0.2:5000/cb?way=a",
    "http://127.1:5000/cb?way=a",
    "http://2130706433:5000/cb?way=a",
    "http://[::1]:5000/cb?way=a",
    "http://[::ffff:127.0.0.1]:5000/cb?way=a",
    "https://127.0.0.1:5000/cb?way=a",
    "http://127.0.0.1.evil.example:5000/cb?way=a",
    "http://127.0.0.1:5000@evil.example/cb?way=a",
    "http://evil.example:5000/cb?way=a",
    "com.example.app:/cb/",
    "com.example.app://cb",
    "com.example.app:5000/cb",
    "com.example.appx:/cb",
]


async def test_what_looks_like_the_registered_redirect_uri_is_a_page(relying, ann):
    """RFC 9700 2.1 and 4.1: compared character by character, and nothing is sent to what does not fit."""
    for uri in SIMILAR:
        _, request = relying.request(redirect_uri=uri)
        assert_page(await ask(ann, request))
        # Nor when something else is wrong as well.
        assert_page(await ask(ann, request, response_type="token", scope="x"))


async def test_a_redirect_uri_is_never_left_out(relying, ann):
    """RFC 9700 2.1: even with one registered only."""
    _, request = relying.request(redirect_uri=None)
    assert_page(await ask(ann, request))


async def test_the_redirect_uri_of_another_client_is_a_page(relying, ann, api, http, product):
    """RFC 9700 4.1."""
    other = await Relying.register(api, http, product, redirect_uris=["https://other.example.com/callback"])
    _, request = relying.request(redirect_uri="https://other.example.com/callback")
    assert_page(await ask(ann, request))
    _, request = other.request()
    assert_page(await ask(ann, request))


@pytest.fixture
async def native(api, http, product):
    return await Relying.register(
        api,
        http,
        product,
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/cb?way=a", "com.example.app:/cb"],
    )


@pytest.mark.parametrize("port", ["", ":1", ":49152"])
async def test_a_native_app_has_any_port_of_its_own_machine(native, ann, port):
    """RFC 8252 7.3, and the code is for exactly that port."""
    uri = f"http://127.0.0.1{port}/cb?way=a"
    code, verifier = await code_for(native, ann, redirect_uri=uri)
    other = "http://127.0.0.1:2/cb?way=a"
    assert_refused(await native.exchange(code, verifier, redirect_uri=other), "invalid_grant")
    assert (await native.exchange(code, verifier, redirect_uri=uri)).status_code == 200


async def test_a_native_app_has_only_its_own_path_on_its_own_machine(native, ann):
    """RFC 8252 7.3 and 8.10: everything but the port is as registered."""
    for uri in NO_LOOPBACK_OF_THE_APP:
        _, request = native.request(redirect_uri=uri)
        assert_page(await ask(ann, request))


async def test_a_web_client_has_no_other_port(api, http, product, ann):
    """RFC 9700 2.1: the port is free on loopback only."""
    relying = await Relying.register(
        api, http, product, redirect_uris=["https://crm.example.com:8443/callback"]
    )
    for port in ("", ":443", ":8444"):
        _, request = relying.request(redirect_uri=f"https://crm.example.com{port}/callback")
        assert_page(await ask(ann, request))


async def test_a_native_apps_own_scheme_gets_the_answer(native, ann):
    """RFC 8252 7.1."""
    _, request = native.request(redirect_uri="com.example.app:/cb")
    assert "code" in told(await ask(ann, request), request)


HOSTILE = [
    "&code=evil",
    "#fragment",
    "a b+c",
    "%26code%3Devil",
    '"><script>',
    "é€𝔞",
    "\u202e",
    "a\r\nSet-Cookie: x=y",
    "\0",
    "=" * 50,
]


async def test_a_hostile_state_comes_back_as_it_was_and_changes_nothing_else(relying, ann):
    """RFC 6749 10.12 and 10.14; header injection by state."""
    for state in HOSTILE:
        _, request = relying.request(state=state)
        answer = await ask(ann, request)
        assert told(answer, request).keys() == {"code"}
        assert "x=y" not in answer.headers.get("set-cookie", "")
        assert await error_of(ann, request, scope="none") == "invalid_scope"


async def test_without_a_state_none_comes_back(relying, ann):
    """RFC 6749 4.1.2."""
    _, request = relying.request(state=None)
    assert told(await ask(ann, request), request).keys() == {"code"}


async def test_every_answer_says_who_gives_it(relying, ann, runtime):
    """RFC 9207 2, RFC 9700 4.4: mix-up; errors too."""
    _, request = relying.request()
    for changes in ({}, {"scope": "none"}, {"response_type": "token"}, {"prompt": "none", "app": "x"}):
        answer = await ask(ann, request, **changes)
        assert query_of(answer.headers["location"])["iss"] == runtime.settings.public_url
        assert answer.headers["location"].count("iss=") == 1


async def test_a_query_that_is_registered_stays_in_front_of_the_answer(api, http, product, ann):
    """RFC 6749 3.1.2."""
    uri = "https://crm.example.com/callback?way=a&iss=mine"
    relying = await Relying.register(api, http, product, redirect_uris=[uri])
    _, request = relying.request(redirect_uri=uri)
    assert (await ask(ann, request)).headers["location"].startswith(f"{uri}&code=tenon_ac_")


async def test_the_redirect_forgets_where_it_came_from_and_turns_a_post_into_a_get(relying, ann):
    """RFC 9700 4.2.4, 4.12."""
    _, request = relying.request()
    answer = await ann.post("/oauth2/authorize", data=request)
    assert answer.status_code == 303
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
