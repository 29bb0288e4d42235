"""Authorization requests that were pushed (RFC 9126), by others or twice."""

from datetime import timedelta

from tests.attacks.asking import ask, assert_page, assert_refused
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import CALLBACK, Relying, query_of, sign_in, told


async def push(relying, **changes):
    verifier, request = relying.request(**changes)
    answer = await relying.call("par", request)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return verifier, request, answer.json()["request_uri"]


async def test_a_pushed_request_is_answered_once(relying, ann):
    """RFC 9126 7.3: replay."""
    verifier, request, uri = await push(relying)
    short = {"client_id": relying.client_id, "request_uri": uri}
    code = told(await ask(ann, short), request)["code"]
    assert (await relying.exchange(code, verifier)).status_code == 200
    assert_page(await ask(ann, short))


async def test_a_pushed_request_of_another_client_is_a_page(relying, sister, ann):
    """RFC 9126 7.2: swapping requests between clients."""
    _, _, uri = await push(relying)
    assert_page(await ask(ann, {"client_id": sister.client_id, "request_uri": uri}))
    assert_page(await ask(ann, {"request_uri": uri}))


async def test_a_pushed_request_that_is_guessed_is_a_page(relying, ann):
    """RFC 9126 7.1."""
    _, _, uri = await push(relying)
    for made_up in (
        uri[:-1],
        uri.upper(),
        f"{uri}A",
        uri.rpartition(":")[0] + ":",
        "urn:ietf:params:oauth:request_uri:*",
    ):
        assert_page(await ask(ann, {"client_id": relying.client_id, "request_uri": made_up}))


async def test_a_pushed_request_runs_out(relying, ann, runtime, http):
    """RFC 9126 2.2: what is told is what is kept."""
    _, request = relying.request()
    answer = (await relying.call("par", request)).json()
    assert answer["expires_in"] == 90
    name = f"tenon:flow:PushedRequest:{answer['request_uri'].rpartition(':')[2]}"
    assert 0 < await runtime.flows._redis.ttl(name) <= 90
    await runtime.flows._redis.delete(name)
    assert_page(await ask(ann, {"client_id": relying.client_id, "request_uri": answer["request_uri"]}))


async def test_what_stands_beside_a_pushed_request_is_not_looked_at(relying, ann):
    """RFC 9126 7, RFC 9101 5: whoever has the browser cannot change what was pushed."""
    verifier, request, uri = await push(relying, prompt="none")
    _, other = relying.request(redirect_uri="https://evil.example/", state="evil", scope="openid groups")
    answer = await ask(ann, {**other, "request_uri": uri})
    tokens = await relying.exchange(told(answer, request)["code"], verifier)
    assert tokens.json()["scope"] == request["scope"]


async def test_a_client_that_has_to_push_cannot_do_without(api, http, product, ann):
    """RFC 9126 6: neither by query nor by form."""
    strict = await Relying.register(api, http, product, require_pushed_authorization_requests=True)
    _, request = strict.request()
    assert_page(await ask(ann, request))
    assert_page(await ann.post("/oauth2/authorize", data=request))
    _, request, uri = await push(strict)
    assert "code" in told(await ask(ann, {"client_id": strict.client_id, "request_uri": uri}), request)


async def test_a_request_is_refused_when_it_is_pushed_as_it_would_be_later(relying):
    """RFC 9126 2.3."""
    _, request = relying.request()
    for changes, error in (
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"request": "x"}, "request_not_supported"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, None),
    ):
        form = {name: value for name, value in {**request, **changes}.items() if value is not None}
        answer = await relying.call("par", form)
        assert_refused(answer, error or answer.json()["error"])
        assert "request_uri" not in answer.json()


async def test_a_client_cannot_push_for_another(relying, sister):
    """RFC 9126 2.1."""
    _, request = relying.request()
    assert_refused(await sister.call("par", request), "invalid_client", 401)


async def test_a_pushed_request_keeps_no_secret_of_its_client(api, http, product, runtime):
    """RFC 9126 2.1: proof of the client is no part of the request."""
    posting = await Relying.register(api, http, product, token_endpoint_auth_method="client_secret_post")
    _, request = posting.request()
    form = {**request, "client_secret": posting.secret}
    uri = (await posting.call("par", form, auth=False)).json()["request_uri"]
    kept = await runtime.flows._redis.get(f"tenon:flow:PushedRequest:{uri.rpartition(':')[2]}")
    assert posting.secret.encode() not in kept


async def test_a_redirect_uri_that_is_taken_back_meanwhile_gets_nothing(relying, ann, api, product):
    """RFC 9126 2.4: the registration is asked when the browser comes."""
    _, _, uri = await push(relying)
    body = {"product": product, "name": "CRM", "redirect_uris": ["https://crm.example.com/new"]}
    assert (await api.put(f"/v1/clients/{relying.client_id}", json=body)).status_code == 200
    assert_page(await ask(ann, {"client_id": relying.client_id, "request_uri": uri}))


async def test_a_pushed_request_waits_for_its_person_in_one_browser_only(relying, app, office):
    """RFC 9700 4.7: the handle of a waiting request is of no use in another browser."""
    await office.authorise("ann")
    _, _, uri = await push(relying)
    victim = Browser(app)
    answer = await ask(victim, {"client_id": relying.client_id, "request_uri": uri})
    handle = query_of(answer.headers["location"])["request"]
    other = await sign_in(app, office, "ann", ago=timedelta(seconds=1))
    refused = await other.get("/oauth2/continue", params={"request": handle})
    assert "location" not in refused.headers
    assert CALLBACK not in refused.text
