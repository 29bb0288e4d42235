import httpx2
import pytest

from service.simulator.browser import Browser
from service.simulator.forms import find_form

HOME = "http://vendor.example"


class Pages:
    """Answers by path: (status, headers, body), and remembers what came."""

    def __init__(self, pages):
        self.pages = pages
        self.requests = []

    async def __call__(self, scope, receive, send):
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = (await receive()).get("body", b"")
        self.requests.append((scope["method"], scope["path"], headers, body))
        status, extra, text = self.pages[scope["path"]]
        raw = [(name.encode(), value.encode()) for name, value in extra]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": text.encode()})


def browser(pages: Pages, *others: str) -> Browser:
    return Browser(HOME, *others, transports={"all://": httpx2.ASGITransport(pages)})


def to(location: str, status: int = 302, *cookies: str):
    return status, [("location", location), *(("set-cookie", cookie) for cookie in cookies)], ""


async def test_redirects_are_followed_with_cookies_until_a_page():
    pages = Pages({"/a": to("/b?x=1", 302, "sid=1; Path=/"), "/b": (200, [], "here")})
    async with browser(pages) as person:
        visit = await person.open(f"{HOME}/a")
    assert (visit.status, visit.place, visit.body) == (200, f"{HOME}/b", b"here")
    assert visit.cookies == {"sid": "1"}
    assert pages.requests[1][2]["cookie"] == "sid=1"
    assert visit.summary == f"HTTP 200, at {HOME}/b, cookies: sid"


@pytest.mark.parametrize(
    "target",
    ["https://vendor.example/b", "http://vendor.example:81/b", "http://evil.example/", "//evil.example/b"],
)
async def test_nobody_but_the_named_origins_is_visited(target):
    pages = Pages({"/a": to(target)})
    async with browser(pages) as person:
        visit = await person.open(f"{HOME}/a")
    assert len(pages.requests) == 1
    assert visit.left_to
    assert "sent to" in visit.summary


@pytest.mark.parametrize("target", ["http://[", "mailto:a@b.example", "http://vendor.example:x/"])
async def test_a_target_that_is_no_address_ends_the_visit(target):
    async with browser(Pages({"/a": to(target)})) as person:
        visit = await person.open(f"{HOME}/a")
    assert visit.status in {0, 302}


async def test_a_circle_of_redirects_ends():
    async with browser(Pages({"/a": to("/a")})) as person:
        visit = await person.open(f"{HOME}/a")
    assert visit.is_refused
    assert visit.reason == "more than 12 redirects"


async def test_cookies_of_auth_centres_are_none_of_the_vendors():
    pages = Pages({"/a": (200, [("set-cookie", "auth-centre-1=x"), ("set-cookie", "sid=y")], "")})
    async with browser(pages) as person:
        assert (await person.open(f"{HOME}/a")).cookies == {"sid": "y"}


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
async def test_a_form_is_sent_as_its_button_would(status, method):
    page = '<form method=get><input type=hidden name=no></form><form method="POST" action="/do?x=1">'
    page += '<input type="hidden" name="csrf" value="t&amp;1"><input type="text" name="why">'
    page += '<button name="go" value="1">Out</button><button name="stay">Stay</button></form>'
    pages = Pages({"/a": (200, [], page), "/do": to("/end", status), "/end": (200, [], "")})
    async with browser(pages) as person:
        visit = await person.submit(await person.open(f"{HOME}/a"))
    assert visit
    assert visit.place == f"{HOME}/end"
    asked = pages.requests[1]
    assert (asked[0], asked[1], asked[3]) == ("POST", "/do", b"csrf=t%261&go=1")
    assert asked[2]["origin"] == HOME
    assert pages.requests[2][0] == method


async def test_a_page_without_a_form_that_posts_cannot_be_sent():
    pages = Pages({"/a": (200, [], "<form action=/x><button>")})
    async with browser(pages) as person:
        assert await person.submit(await person.open(f"{HOME}/a")) is None
    assert find_form(b"\xff<<<form method=post <") is None


async def test_an_unreachable_server_is_a_visit_with_a_reason():
    async with Browser("http://127.0.0.1:9") as person:
        visit = await person.open("http://127.0.0.1:9/a?code=secret")
    assert (visit.status, visit.is_refused) == (0, True)
    assert "no answer from http://127.0.0.1:9/a: ConnectError" in visit.summary
    assert "secret" not in visit.summary


async def test_old_cookies_can_be_tried_in_another_browser():
    pages = Pages({"/a": (200, [("set-cookie", "sid=y; Path=/")], ""), "/b": (200, [], "")})
    async with browser(pages) as person, browser(pages) as thief:
        await person.open(f"{HOME}/a")
        thief.take_cookies(person)
        await thief.open(f"{HOME}/b")
    assert pages.requests[1][2]["cookie"] == "sid=y"
