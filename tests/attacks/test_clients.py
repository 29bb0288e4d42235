"""Clients that do not prove who they are, over HTTP; tests/sso has the methods one by one."""

import base64

import httpx2
import pytest

from tests.attacks.asking import assert_refused, code_for
from tests.service.oauth2.relying import CALLBACK

ENDPOINTS = ("token", "par", "introspect", "revoke")


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_every_endpoint_of_clients_wants_them_proven(relying, sister, http, endpoint):
    """RFC 6749 3.2.1 and 5.2, RFC 7009 2.1, RFC 7662 2.1, RFC 9126 2."""
    form = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    url = f"/oauth2/{endpoint}"
    wrong = [
        basic(relying.client_id, "wrong"),
        basic(relying.client_id, sister.secret),
        basic("nobody", relying.secret),
        basic(relying.client_id, f"{relying.secret} "),
        basic("", relying.secret),
        "Basic ***",
        "Basic",
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        f"Bearer {relying.secret}",
        "é",
    ]
    for header in wrong:
        answer = await http.post(url, data=form, headers={"Authorization": header.encode()})
        assert_refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
    for unproven in (form, {**form, "client_id": relying.client_id}):
        answer = await http.post(url, data=unproven)
        assert_refused(answer, "invalid_client", 401)
        assert "www-authenticate" in answer.headers


async def test_whether_there_is_such_a_client_is_not_told(relying, http):
    """RFC 6749 5.2: the same words for a wrong secret and an unknown client."""
    answers = [
        await http.post("/oauth2/token", data={}, headers={"Authorization": basic(client_id, "wrong")})
        for client_id in (relying.client_id, "nobody")
    ]
    assert answers[0].text == answers[1].text
    posted = [
        await http.post("/oauth2/token", data={"client_id": client_id, "client_secret": "wrong"})
        for client_id in (relying.client_id, "nobody")
    ]
    assert posted[0].text == posted[1].text


async def test_a_secret_in_the_address_is_not_looked_at(relying, http):
    """RFC 6749 2.3.1: addresses are logged."""
    query = {"client_id": relying.client_id, "client_secret": relying.secret, "grant_type": "refresh_token"}
    answer = await http.post("/oauth2/token", params=query, data={"refresh_token": "x"})
    assert_refused(answer, "invalid_client", 401)


async def test_parameters_in_the_address_are_not_looked_at(relying, ann, http):
    """RFC 6749 3.2: parameter pollution between query and body."""
    code, verifier = await code_for(relying, ann)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    auth = httpx2.BasicAuth(relying.client_id, relying.secret)
    for name, value in (("code_verifier", verifier),):
        answer = await http.post("/oauth2/token", params={name: value}, data=form, auth=auth)
        assert_refused(answer, "invalid_request")
    answer = await http.post(
        "/oauth2/token", params={"code": "x"}, data={**form, "code_verifier": verifier}, auth=auth
    )
    assert answer.status_code == 200


async def test_two_methods_at_once_are_refused(relying, http):
    """RFC 6749 2.3."""
    form = {"grant_type": "refresh_token", "client_id": relying.client_id, "client_secret": relying.secret}
    header = {"Authorization": basic(relying.client_id, relying.secret)}
    assert_refused(await http.post("/oauth2/token", data=form, headers=header), "invalid_request")


async def test_another_method_than_the_registered_one_is_refused(relying, public, http):
    """RFC 9700 2.5: a secret in a body, or none at all, is no way round."""
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    posted = {**form, "client_id": relying.client_id, "client_secret": relying.secret}
    assert_refused(await http.post("/oauth2/token", data=posted), "invalid_client", 401)
    made_up = {**form, "client_id": public.client_id, "client_secret": "anything"}
    assert_refused(await http.post("/oauth2/token", data=made_up), "invalid_client", 401)


async def test_a_client_cannot_speak_for_another(relying, sister, ann):
    """RFC 6749 4.1.3: the id in the body must be its own."""
    code, verifier = await code_for(relying, ann)
    answer = await sister.exchange(code, verifier, client_id=relying.client_id)
    assert_refused(answer, "invalid_client", 401)
    assert (await relying.exchange(code, verifier, client_id=relying.client_id)).status_code == 200


@pytest.mark.parametrize(
    "grant", ["password", "client_credentials", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange"]
)
async def test_no_other_grant_is_taken(relying, grant):
    """RFC 9700 2.4: no password, and no token without a person."""
    form = {"grant_type": grant, "username": "ann", "password": "x", "scope": "openid"}
    assert_refused(await relying.call("token", form), "unsupported_grant_type")


async def test_a_grant_is_needed_once(relying, http):
    """RFC 6749 3.2: parameters must not be there twice."""
    assert_refused(await relying.call("token", {}), "invalid_request")
    twice = b"grant_type=refresh_token&grant_type=authorization_code&refresh_token=x&code=x"
    headers = {
        "Authorization": basic(relying.client_id, relying.secret),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert_refused(await http.post("/oauth2/token", content=twice, headers=headers), "invalid_request")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
async def test_a_body_that_is_no_form_is_refused(relying, http, kind):
    """RFC 6749 3.2: what a page of another site can send as text is no request either."""
    headers = {"Authorization": basic(relying.client_id, relying.secret), "Content-Type": kind}
    answer = await http.post("/oauth2/token", content=b'{"grant_type": "refresh_token"}', headers=headers)
    assert_refused(answer, "invalid_request")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_endpoint_of_clients_is_for_posts_only(http, relying, endpoint):
    """RFC 6749 3.2; nor does a header make a POST of a GET."""
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        answer = await http.request(
            method,
            f"/oauth2/{endpoint}",
            params={"grant_type": "refresh_token"},
            headers={
                "X-HTTP-Method-Override": "POST",
                "Authorization": basic(relying.client_id, relying.secret),
            },
        )
        assert answer.status_code == 405
