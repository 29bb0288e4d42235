"""What is said on a connection when requests depend on the answers before: sign-ins and refreshes."""

import base64
import hashlib
import secrets
from collections.abc import Generator
from typing import TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from bench.calls import http_request

CALLBACK = "https://crm.example.com/callback"
SIGN_IN_REQUESTS = 5


class Answer(msgspec.Struct, frozen=True):
    """An answer, its head with lines of `\\r\\n`."""

    head: bytes
    body: bytes

    def demand(self, status: int) -> "Answer":
        """Itself if it has this status."""
        if int(self.head[9:12]) != status:
            raise RuntimeError(f"Not {status}: {self.head.decode()}\n{self.body.decode()}")
        return self

    def values(self, name: bytes) -> list[str]:
        """All values of a header."""
        lines = [line.partition(b": ") for line in self.head.split(b"\r\n")]
        return [value.decode() for key, _, value in lines if key.lower() == name]


Talk: TypeAlias = Generator[bytes, Answer, str]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client of the provider that proves itself by a secret."""

    id: str
    secret: str

    def call(self, path: str, **form: str) -> bytes:
        """A request of this client."""
        proof = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        headers = {"authorization": f"Basic {proof}", "content-type": "application/x-www-form-urlencoded"}
        return http_request("POST", f"/oauth2/{path}", urlencode(form).encode(), headers)


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom an auth centre has given a code; `tenant_id` is ours, `external_id` the marketplace's."""

    tenant_id: str
    external_id: str
    code: str


class Fixed(msgspec.Struct, frozen=True, kw_only=True, tag="fixed"):
    """These requests in their order; each is answered with 200 and the mark."""

    requests: list[bytes]
    mark: bytes

    def talk(self) -> Talk:
        """Send them."""
        for request in self.requests:
            answer = (yield request).demand(200)
            if self.mark not in answer.body:
                raise RuntimeError(f"Answered {answer.body.decode()}.")
        return ""


class Refreshes(msgspec.Struct, frozen=True, kw_only=True, tag="refreshes"):
    """So many refreshes, each with the token of the one before; gives the last answer."""

    client: Client
    refresh_token: str
    count: int

    def talk(self) -> Talk:
        """Refresh; all tokens are as long as the first one and need no encoding, so little is left to do."""
        token, body = self.refresh_token.encode(), b""
        first = self.client.call("token", grant_type="refresh_token", refresh_token=self.refresh_token)
        start = first.removesuffix(token)
        for _ in range(self.count):
            body = (yield start + token).demand(200).body
            token = body.partition(b'"refresh_token":"')[2].partition(b'"')[0]
        return body.decode()


class SignIns(msgspec.Struct, frozen=True, kw_only=True, tag="sign_ins"):
    """Sign-ins one after the other, each in a new browser; gives the last answer of the token endpoint."""

    client: Client
    product: str
    visitors: list[Visitor]

    def talk(self) -> Talk:
        """Sign them in."""
        last = ""
        for visitor in self.visitors:
            last = yield from self._sign_in(visitor)
        return last

    def _sign_in(self, visitor: Visitor) -> Talk:
        verifier = secrets.token_urlsafe(48)
        cookies: dict[str, str] = {}
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile",
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8),
            "code_challenge": _encode(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "tenant": visitor.tenant_id,
        }
        way = yield from _visit(f"/oauth2/authorize?{urlencode(asked)}", cookies)
        yield from _visit(way, cookies)  # from here the browser would go to the marketplace's portal
        back = urlencode({"code": visitor.code, "tenant": visitor.external_id})
        way = yield from _visit(f"/sign-in/koogallery/{self.product}?{back}", cookies)
        way = yield from _visit(way, cookies)
        [code] = parse_qs(urlsplit(way).query)["code"]
        answer = yield self.client.call(
            "token",
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=verifier,
        )
        return answer.demand(200).body.decode()


AnyTalk: TypeAlias = Fixed | Refreshes | SignIns


def _visit(path: str, cookies: dict[str, str]) -> Talk:
    """Go to a page of ours that leads elsewhere; gives where."""
    headers = {"accept-language": "zh-CN", "cookie": "; ".join(f"{key}={cookies[key]}" for key in cookies)}
    answer = (yield http_request("GET", path, headers=headers)).demand(303)
    for line in answer.values(b"set-cookie"):
        key, _, value = line.partition(";")[0].partition("=")
        cookies[key] = value
    return answer.values(b"location")[0]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
