"""What attacks have in common: asking, and looking at what came of it."""

import re

from tests.service.oauth2.relying import told

SESSION = "tenon-session"
BROWSER = "tenon-browser"


async def ask(browser, request, **changes):
    """The answer to a request with these changes; None leaves a parameter out."""
    parameters = {name: value for name, value in {**request, **changes}.items() if value is not None}
    return await browser.get("/oauth2/authorize", params=parameters)


async def code_for(relying, browser, **changes):
    """A code and its verifier."""
    verifier, request = relying.request(**changes)
    return told(await ask(browser, request), request)["code"], verifier


async def error_of(browser, request, **changes):
    """The error that the client is told; state and issuer must be right."""
    asked = {name: value for name, value in {**request, **changes}.items() if value is not None}
    values = told(await ask(browser, asked), asked)
    assert "code" not in values
    return values["error"]


def assert_page(answer, status=400):
    """A page of ours that leads nowhere and cannot be framed or kept."""
    assert answer.status_code == status, (answer.status_code, answer.headers, answer.text[:300])
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def assert_refused(answer, error, status=400):
    """An error of OAuth that nobody keeps (RFC 6749 5.2)."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")
    assert is_plain(answer.json()["error_description"])


def is_plain(text):
    """Whether a description has only the characters that RFC 6749 5.2 lets it have."""
    return re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", text) is not None


async def sign_out(browser):
    """As a person does: by the form of the page that asks."""
    page = await browser.get("/sign-out")
    answer = await browser.post("/sign-out", data={"csrf": csrf_in(page)})
    assert answer.status_code == 303, answer.text


def csrf_in(page):
    """The token of the form on a page."""
    return re.search(r'name="csrf" value="([^"]+)"', page.text)[1]


def field_in(page, name):
    """A hidden field on a page."""
    return re.search(rf'name="{name}" value="([^"]+)"', page.text)[1]


async def is_signed_in(browser):
    return (await browser.get("/signed-in")).status_code == 200


async def is_dead(relying, tokens):
    """Whether both tokens of an answer are of no use any more; they die together."""
    active = [(await relying.introspect(tokens[use]))["active"] for use in ("access_token", "refresh_token")]
    assert len(set(active)) == 1
    return not active[0]
