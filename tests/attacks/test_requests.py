"""Authorization requests that an attacker has bent: refused, and the client is told why."""

import base64
import hashlib

from tests.attacks.asking import ask, assert_page, assert_refused, code_for, error_of, is_plain
from tests.service.oauth2.relying import CALLBACK, told


async def test_a_request_without_pkce_is_refused(relying, ann):
    """RFC 9700 2.1.1."""
    _, request = relying.request(code_challenge=None, code_challenge_method=None)
    assert await error_of(ann, request) == "invalid_request"


async def test_a_weaker_challenge_method_is_refused(relying, ann):
    """RFC 9700 2.1.1, RFC 7636 7.2: a missing method would mean plain."""
    for method in ("plain", None, "s256", "S512", "S256 plain"):
        _, request = relying.request(code_challenge_method=method)
        assert await error_of(ann, request) == "invalid_request"


async def test_a_challenge_that_is_no_sha256_digest_is_refused(relying, ann):
    """RFC 7636 4.2."""
    for challenge in ("", "short", "x" * 42, "x" * 44, "+" * 43, "é" * 43, "x" * 43 + "="):
        _, request = relying.request(code_challenge=challenge)
        assert await error_of(ann, request) == "invalid_request"


async def test_a_code_is_not_given_to_a_wrong_verifier(relying, ann):
    """RFC 9700 4.5.3.1; the right one still gets it, so an attacker cannot take it away either."""
    code, verifier = await code_for(relying, ann)
    _, other = await code_for(relying, ann)
    for wrong in (other, verifier.swapcase(), verifier[:-1], f"{verifier}=", verifier + "A"):
        assert_refused(await relying.exchange(code, wrong), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_the_challenge_itself_is_no_verifier(relying, ann):
    """RFC 7636 4.6: what travelled in the clear proves nothing."""
    verifier, request = relying.request()
    code = told(await ask(ann, request), request)["code"]
    assert_refused(await relying.exchange(code, request["code_challenge"]), "invalid_grant")
    assert (await relying.exchange(code, verifier)).status_code == 200


async def test_a_code_without_a_verifier_is_refused(relying, ann):
    """RFC 9700 4.8.2: the PKCE downgrade attack."""
    code, _ = await code_for(relying, ann)
    assert_refused(await relying.exchange(code, None), "invalid_request")
    assert_refused(await relying.exchange(code, ""), "invalid_request")


async def test_a_verifier_that_the_standard_rules_out_is_refused(relying, ann):
    """RFC 7636 4.1: one that is too short could be guessed."""
    for verifier in ("a", "x" * 42, "x" * 129, "é" * 43, "x" * 42 + "\n", "\0" * 43, "𝔞" * 50):
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        code, _ = await code_for(relying, ann, code_challenge=challenge)
        assert_refused(await relying.exchange(code, verifier), "invalid_grant")


async def test_no_token_ever_comes_by_way_of_the_browser(relying, ann):
    """RFC 9700 2.1.2: the implicit and hybrid flows leak tokens."""
    for wanted in ("token", "id_token", "code token", "code id_token", "none", "CODE", None):
        _, request = relying.request(response_type=wanted)
        answer = await ask(ann, request)
        assert told(answer, request)["error"] == "unsupported_response_type"
        assert "#" not in answer.headers["location"]


async def test_the_answer_comes_in_the_query_only(relying, ann):
    """RFC 9700 4.3: what a fragment or a foreign page holds can leak."""
    for mode in ("fragment", "form_post", "query.jwt", "web_message"):
        _, request = relying.request(response_mode=mode)
        assert await error_of(ann, request) == "invalid_request"


async def test_a_request_object_is_refused(relying, ann):
    """OpenID Connect Core 6: nobody reads it, so nobody can smuggle anything in it."""
    _, request = relying.request(request="eyJhbGciOiJub25lIn0.e30.")
    assert await error_of(ann, request) == "request_not_supported"


async def test_a_foreign_request_uri_is_neither_fetched_nor_followed(relying, ann):
    """RFC 9126 7.1, RFC 9101 10.4: requests forged on the server's side."""
    for uri in (
        "https://evil.example/request.jwt",
        "http://127.0.0.1:6379/",
        "file:///etc/passwd",
        "urn:x",
        "x",
    ):
        _, request = relying.request(request_uri=uri)
        assert_page(await ask(ann, request))


async def test_a_scope_without_openid_or_unknown_is_refused(relying, ann):
    """OpenID Connect Core 3.1.2.1."""
    _, request = relying.request()
    for scope in (None, "profile", "openid admin", "openid *", "OPENID"):
        assert await error_of(ann, request, scope=scope) == "invalid_scope", scope


async def test_an_error_description_has_no_hostile_characters(relying, ann):
    """RFC 6749 4.1.2.1: clients show it and log it."""
    for scope in ("openid \"'\\", "openid é", "openid <script>", "openid \u202eadmin", "openid 'a\"b"):
        _, request = relying.request(scope=scope)
        assert is_plain(told(await ask(ann, request), request)["error_description"])


async def test_a_request_for_nobody_is_a_page(relying, ann):
    """RFC 6749 4.1.2.1: without a client there is nobody to answer."""
    _, request = relying.request()
    for client_id in (None, "", "nobody", "'", "\0", "../x", "x" * 2000, "é"):
        assert (await ask(ann, request, client_id=client_id)).status_code in {400, 403, 404}
        assert_page(await ask(ann, request, client_id=client_id), 400)


async def test_a_posted_request_is_read_from_its_body_only(relying, ann):
    """OpenID Connect Core 3.1.2.1: parameter pollution between query and body."""
    _, request = relying.request()
    answer = await ann.post("/oauth2/authorize?redirect_uri=https://evil.example/&state=evil", data=request)
    assert "code" in told(answer, request)
    assert answer.status_code == 303


async def test_a_parameter_that_is_there_twice_is_a_page(relying, ann):
    """RFC 6749 3.1."""
    for name in ("client_id", "redirect_uri", "state", "scope", "code_challenge", "prompt", "x"):
        _, request = relying.request(x="1", prompt="none")
        answer = await ann.get("/oauth2/authorize", params=[*request.items(), (name, request[name])])
        assert_page(answer)


async def test_nobody_is_sent_to_the_callback_by_a_page(relying, ann):
    """RFC 9700 4.11: what is wrong with the client never leads to its address."""
    _, request = relying.request(client_id="nobody")
    assert CALLBACK not in (await ask(ann, request)).text
