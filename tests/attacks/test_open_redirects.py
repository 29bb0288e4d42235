"""Addresses that lead away from us, where only a path of ours or a registered one may be (RFC 9700 4.11)."""

from tests.attacks.asking import assert_page, is_signed_in
from tests.service.oauth2.browsers import Browser
from tests.service.oauth2.relying import AFTER

LEADING_AWAY = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "\t//evil.example/",
    " //evil.example/",
    "/\x00/evil.example",
    "/\r\nLocation: https://evil.example",
    "/\u2028/evil.example",
    "@evil.example",
    ".evil.example",
    "?x=//evil.example",
    "",
]


async def test_a_sign_in_returns_to_paths_of_ours_only(app, office, ann):
    """RFC 9700 4.11: open redirection."""
    for link in filter(None, LEADING_AWAY):
        answer = await Browser(app).get("/sign-in", params={"return_to": link, "tenant": office.tenant_id})
        assert_page(answer)
        assert 'href="https://evil' not in answer.text


async def test_signing_out_leads_to_registered_addresses_only(relying, ann, app):
    """RP-Initiated Logout 3: open redirection, signed in or not, with or without a hint."""
    hint = (await relying.tokens(ann))["id_token"]
    similar = [
        f"{AFTER}/",
        f"{AFTER}?x",
        f"{AFTER}#x",
        AFTER.upper(),
        "https://crm.example.com",
        AFTER + "\n",
    ]
    for link in [one for one in LEADING_AWAY if one] + similar:
        for params in ({"id_token_hint": hint}, {"client_id": relying.client_id}, {}):
            for browser in (ann, Browser(app)):
                answer = await browser.get(
                    "/oauth2/end-session", params={**params, "post_logout_redirect_uri": link}
                )
                assert_page(answer)
    assert_page(await ann.get("/oauth2/end-session", params={"post_logout_redirect_uri": AFTER}))
    assert await is_signed_in(ann)


async def test_the_end_of_signing_out_leads_nowhere_that_was_not_put_there(app, ann):
    """RFC 9700 4.11: the handle is no address."""
    for state in ("https://evil.example/", "x", "", "*"):
        answer = await Browser(app).get("/sign-out/done", params={"state": state})
        assert (answer.status_code, "location" in answer.headers) == (200, False)
        answer = await Browser(app).post("/sign-out", data={"flow": state})
        assert (answer.status_code, "location" in answer.headers) == (200, False)
