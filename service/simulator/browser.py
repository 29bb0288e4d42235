"""A person's browser: keeps cookies, follows redirects by hand, and goes to the named origins only."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from service.simulator.auth_centre_visits import COOKIE
from service.simulator.forms import Form, find_form

LONGEST_CHAIN = 12
_REPEATS = {307, 308}
_REDIRECTS = {301, 302, 303} | _REPEATS
_ERROR = 400
_HEADERS = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"}


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """Where the opening of an address has ended; status 0 means that nothing answered, `reason` says why.

    `url` is the last address that was opened, `left_to` the one outside of the known origins to which the
    browser was sent from there; `cookies` are those it held then, by name.
    """

    status: int
    url: str
    left_to: str = ""
    cookies: Mapping[str, str]
    body: bytes = b""
    reason: str = ""

    @property
    def place(self) -> str:
        """Where the person is now, without the query and what follows."""
        return (self.left_to or self.url).partition("?")[0].partition("#")[0]

    @property
    def is_refused(self) -> bool:
        """Whether nothing or an error was answered."""
        return self.status == 0 or self.status >= _ERROR

    @property
    def summary(self) -> str:
        """The end of the visit in a few words; without values of cookies and queries, which are secrets."""
        if self.status == 0:
            return f"no answer from {self.place}: {self.reason}"
        names = ", ".join(sorted(self.cookies)) or "none"
        verb = "sent to" if self.left_to else "at"
        return f"HTTP {self.status}, {verb} {self.place}, cookies: {names}"


class Browser:
    """One person's browser, new without cookies; an async context manager.

    Nothing it does raises for what servers do.
    """

    def __init__(
        self,
        *origins: str,
        transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
        time_limit: float = 20.0,
    ) -> None:
        """Go to the origins of these addresses only; `transports` replace the network, by origin."""
        self._origins = {origin_of(address) for address in origins}
        self._time_limit = time_limit
        hosts = {urlsplit(address).hostname for address in origins}
        # A proxy of the environment cannot reach servers on this machine.
        is_local = bool(hosts & {"127.0.0.1", "::1", "localhost"})
        self._client = httpx2.AsyncClient(
            mounts=transports,
            timeout=time_limit,
            trust_env=not is_local,
            headers=_HEADERS,
            verify=_tls(trust_env=not is_local),
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name, without those of auth centres, which may be at the same host."""
        jar = self._client.cookies.jar
        return {cookie.name: cookie.value or "" for cookie in jar if not cookie.name.startswith(COOKIE)}

    def take_cookies(self, other: "Browser") -> None:
        """Hold the same cookies as another browser does now."""
        for cookie in other._client.cookies.jar:  # noqa: SLF001 - a copy of itself
            self._client.cookies.jar.set_cookie(cookie)

    async def open(self, url: str) -> Visit:
        """Open an address and follow where it leads."""
        return await self._visit("GET", url, {})

    async def submit(self, visit: Visit) -> Visit | None:
        """Send the page's form that posts, as it stands; None when the page has none."""
        form: Form | None = find_form(visit.body)
        if form is None:
            return None
        return await self._visit("POST", urljoin(visit.url, form.action), form.fields)

    async def _visit(self, method: str, url: str, fields: Mapping[str, str]) -> Visit:
        # What browsers tell with a form, and servers may look at.
        headers = {"Origin": origin_of(url)} if method == "POST" else {}
        for _ in range(LONGEST_CHAIN):
            try:
                async with asyncio.timeout(self._time_limit):
                    answer = await self._client.request(
                        method, url, data=dict(fields) or None, headers=headers
                    )
                target = urljoin(url, answer.headers.get("location", ""))
                is_known = origin_of(target) in self._origins
            except TimeoutError:
                return self._end(0, url, reason=f"nothing within {self._time_limit:g} s")
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                return self._end(0, url, reason=f"{type(error).__name__} {error}".rstrip())
            if answer.status_code not in _REDIRECTS or "location" not in answer.headers:
                return self._end(answer.status_code, url, body=answer.content)
            if not is_known:
                return self._end(answer.status_code, url, left_to=target)
            url = target
            if answer.status_code not in _REPEATS:
                method, fields, headers = "GET", {}, {}
        return self._end(0, url, reason=f"more than {LONGEST_CHAIN} redirects")

    def _end(self, status: int, url: str, *, left_to: str = "", body: bytes = b"", reason: str = "") -> Visit:
        return Visit(status=status, url=url, left_to=left_to, cookies=self.cookies, body=body, reason=reason)


@lru_cache
def _tls(*, trust_env: bool) -> ssl.SSLContext:
    # Reading all authorities takes longer than most visits.
    return httpx2.create_ssl_context(trust_env=trust_env)


def origin_of(url: str) -> str:
    """Return an address's scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
