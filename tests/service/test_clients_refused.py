"""What is refused about clients: wrong settings, stale edits, others' tokens, and products still in use."""

import asyncio
import itertools
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenancy.acts import Act
from tenancy.tokens import make_token
from tests.conftest import OPERATOR_TOKEN
from tests.faults.raw import ask, dump, is_problem, json_values
from tests.service.client_calls import CALLBACK, KEY, KEYS, WITH_KEY, WITHOUT_PROOF, Clients

AUTHORISED = (b"authorization", f"Bearer {OPERATOR_TOKEN}".encode())


@pytest.fixture
def clients(api, product):
    return Clients(api, product)


async def test_an_edit_of_what_has_changed_meanwhile_is_refused(clients):
    await clients.put(headers={"If-Match": '"0"'})
    await clients.refused(409, "client_changed", "PUT", json=clients.body(), headers={"If-Match": '"0"'})
    await clients.put(headers={"If-Match": '"1"'}, name="New")
    stale = {"If-Match": '"1"'}
    await clients.refused(409, "client_changed", "PUT", json=clients.body(), headers=stale)
    await clients.refused(409, "client_changed", "DELETE", headers=stale)
    assert (await clients.ask("DELETE", headers={"If-Match": '"2"'})).status_code == 204


async def test_a_client_stays_with_its_product(clients, api):
    await clients.put()
    other = f"p-{uuid4().hex[:12]}"
    assert (await api.put(f"/v1/products/{other}", json={"name": "Other"})).status_code == 200
    await clients.refused(409, "client_product_fixed", "PUT", json=clients.body(product=other))
    assert (await clients.ask("GET")).json()["product"] == clients.product


async def test_what_was_removed_is_unknown(clients):
    await clients.put()
    assert (await clients.ask("DELETE")).status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/secrets"), ("DELETE", "/secrets/old")):
        await clients.refused(404, "client_unknown", method, path)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"product": "no-such-product"}, "client_product_unknown"),
        ({"colour": "red"}, "invalid_request"),
        ({"secret": "tenon_cs_mine"}, "invalid_request"),
        ({"name": ""}, "invalid_request"),
        ({"name": "\u202eApp"}, "name_invalid"),
        ({"redirect_uris": []}, "invalid_request"),
        ({"redirect_uris": [f"{CALLBACK}/{n}" for n in range(21)]}, "invalid_request"),
        ({"redirect_uris": ["https://*.example/"]}, "client_settings_invalid"),
        ({"redirect_uris": [f"{CALLBACK}#"]}, "client_settings_invalid"),
        ({"redirect_uris": ["http://app.example/"]}, "client_settings_invalid"),
        ({"post_logout_redirect_uris": ["javascript:alert(1)"]}, "client_settings_invalid"),
        ({"initiate_login_uri": "com.example.app:/begin"}, "client_settings_invalid"),
        ({"backchannel_logout_uri": f"{CALLBACK}#x"}, "client_settings_invalid"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_request"),
        ({"id_token_signed_response_alg": "none"}, "invalid_request"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "client_settings_invalid"),
        ({"jwks": KEYS}, "client_settings_invalid"),
        ({**WITH_KEY, "jwks": {"keys": [KEY.as_dict(private=True)]}}, "client_settings_invalid"),
        ({**WITH_KEY, "jwks": {"keys": [{**KEYS["keys"][0], "kid": "\0"}]}}, "value_unstorable"),
        ({**WITH_KEY, "jwks": []}, "invalid_request"),
    ],
)
async def test_a_wrong_client_is_a_problem_and_registers_nothing(clients, changes, code):
    refused = await clients.refused(422, code, "PUT", json=clients.body(**changes))
    assert KEY.as_dict(private=True)["d"] not in repr(refused)
    await clients.refused(404, "client_unknown", "GET")


@pytest.mark.parametrize("client_id", ["x" * 65, "a b", "ä", "a%2Fb", "%00", "~", "a:b"])
async def test_an_id_that_cannot_be_is_refused(clients, client_id):
    clients.id = client_id
    answer = await clients.ask("PUT", json=clients.body())
    assert answer.status_code in {404, 422}
    assert answer.json()["code"] in {"client_id_invalid", "http_404"}


@pytest.mark.parametrize("client_id", ["A", "x" * 64, "a.b-c_D", "...", ".a"])
async def test_letters_digits_dots_underscores_and_hyphens_are_an_id(clients, client_id):
    clients.id = client_id
    await clients.put(**WITHOUT_PROOF)
    assert (await clients.ask("DELETE")).status_code == 204


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("https://app.example/logout", set()),
        ("http://app.example/logout", {"sign_in_http"}),
        ("https://127.0.0.1/logout", {"sign_in_private"}),
        ("https://169.254.169.254/latest", {"sign_in_private"}),
        ("http://[::1]:9000/logout", {"sign_in_http", "sign_in_private"}),
    ],
)
async def test_logout_goes_inside_or_without_tls_only_where_settings_allow_it(clients, app, url, needed):
    """Server-side request forgery: Tenon calls this address by itself."""
    kept, body = app.state.runtime, clients.body(backchannel_logout_uri=url)
    for http, private in itertools.product([False, True], repeat=2):
        wide = msgspec.structs.replace(kept.settings, sign_in_http=http, sign_in_private=private)
        app.state.runtime = msgspec.structs.replace(kept, settings=wide)
        try:
            answer = await clients.ask("PUT", json=body)
        finally:
            app.state.runtime = kept
        allowed = {name for name, on in (("sign_in_http", http), ("sign_in_private", private)) if on}
        assert answer.status_code == (200 if needed <= allowed else 422), answer.text


async def test_a_product_with_clients_cannot_be_removed(clients, api):
    await clients.put()
    refused = await api.delete(f"/v1/products/{clients.product}")
    assert (refused.status_code, refused.json()["code"]) == (409, "product_in_use")
    assert "clients" in refused.json()["title"]
    assert refused.json()["detail"] == "Clients that have to be removed first: 1."
    await clients.ask("DELETE")
    assert (await api.delete(f"/v1/products/{clients.product}")).status_code == 204
    await clients.refused(422, "client_product_unknown", "PUT", json=clients.body())


async def test_a_product_and_its_first_client_never_miss_each_other(clients, api):
    for _ in range(10):
        removed, put = await asyncio.gather(
            api.delete(f"/v1/products/{clients.product}"), clients.ask("PUT", json=clients.body())
        )
        assert (removed.status_code, put.status_code) in {(204, 422), (409, 200)}
        await clients.ask("DELETE")
        await api.put(f"/v1/products/{clients.product}", json={"name": "Again", "rsa_private_keys": []})


async def test_operators_change_clients_and_readers_only_read_them(clients, http, clock):
    await clients.put()
    reader = await make_token(role="reader", tenant_id=None, act=Act(actor="test", at=clock()))
    headers = {"Authorization": f"Bearer {reader}"}
    assert (await http.get(f"/v1/clients/{clients.id}", headers=headers)).status_code == 200
    refused = await http.put(f"/v1/clients/{clients.id}", json=clients.body(), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_insufficient")


_members = st.dictionaries(
    st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y", "d"]),
    st.sampled_from(["RSA", "EC", "OKP", "AQAB", "P-256", "sig", "=", *KEYS["keys"][0].values()])
    | json_values,
)


@settings(max_examples=100)
@given(keys=st.lists(_members, max_size=3) | json_values, address=st.text(max_size=30) | json_values)
async def test_any_key_set_or_address_is_a_problem_or_a_client(app, product, keys, address):
    client = {"product": product, "name": "App", "redirect_uris": [CALLBACK]}
    for changes in ({**WITH_KEY, "jwks": {"keys": keys}}, {"redirect_uris": [address]}, {"jwks": keys}):
        body = dump({**client, **changes})
        reply = await ask(app, "PUT", f"/v1/clients/{product}", headers=[AUTHORISED], chunks=[body])
        assert reply.status == 200 or is_problem(reply), reply
