"""An OpenID provider on loopback that says whatever a test wants: honest until the test changes something.

`open_issuer()` gives an `Issuer`: `metadata`, `keys` (published as JWK Set), `claims` and `header` of the ID
token that it gives out, `signer` (a key) or `sign` (a function of header and claims) that makes it, `token`
(what the token endpoint answers, made of the above when None), `userinfo`, and `replies` by path, which win.
`Issuer.settings(...)` is the connection, `Issuer.sign_in(...)` a whole sign-in.
"""

import contextlib
import json
import warnings
from datetime import UTC, datetime
from functools import cache
from urllib.parse import urlsplit

import httpx2
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sso.discovery import Discovery
from sso.oidc import finish
from sso.oidc_settings import OidcSettings
from tests.receivers import answer, open_receiver

CLIENT_ID = "tenon"
NONCE = "nonce-of-this-sign-in"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
ACCESS_TOKEN = "access-token-1"


@cache
def rsa_key(kid="rsa-1", bits=2048):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return RSAKey.generate_key(bits, parameters={"kid": kid})


@cache
def ec_key(kid="ec-1", curve="P-256"):
    return ECKey.generate_key(curve, parameters={"kid": kid})


@cache
def ed_key(kid="ed-1"):
    return OKPKey.generate_key("Ed25519", parameters={"kid": kid})


def as_json(value, status=200):
    return answer(status, json.dumps(value).encode(), headers=["content-type: application/json"])


def sign_token(header, claims, key):
    with warnings.catch_warnings():
        # joserfc warns whoever signs with a weak key or under the old name EdDSA.
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])


class Issuer:
    def __init__(self, receiver):
        self.receiver = receiver
        self.url = receiver.url.rstrip("/")
        self.metadata = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        self.keys = [rsa_key().as_dict()]
        self.header = {"alg": "RS256", "kid": "rsa-1"}
        self.claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "iat": AT,
            "exp": AT + 300,
            "nonce": NONCE,
            "preferred_username": "lin",
            "name": "Lin",
        }
        self.signer = rsa_key()
        self.sign = lambda header, claims: sign_token(header, claims, self.signer)
        self.token = None
        self.userinfo = None
        self.replies = {}

    def reply(self, received):
        path = urlsplit(received.path).path
        if path in self.replies:
            return self.replies[path]
        match path:
            case "/.well-known/openid-configuration":
                return as_json(self.metadata)
            case "/keys":
                return as_json({"keys": self.keys})
            case "/token":
                return as_json(self.token or self.make_token())
            case "/userinfo" if self.userinfo is not None:
                return as_json(self.userinfo)
        return answer(404)

    def make_token(self):
        return {
            "access_token": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.sign(self.header, self.claims),
        }

    def settings(self, **changes):
        return OidcSettings(**{"issuer": self.url, "client_id": CLIENT_ID, "title": "Ours"} | changes)

    def asked(self, path):
        return [one for one in self.receiver.requests if urlsplit(one.path).path == path]

    async def sign_in(self, *, settings=None, discovery=None, **changes):
        flow = {
            "code": "code-1",
            "iss": None,
            "redirect_uri": "https://tenon.example.com/sign-in/oidc",
            "nonce": NONCE,
            "verifier": "v" * 43,
            "now": NOW,
        }
        async with httpx2.AsyncHTTPTransport(verify=False) as transport:
            discovery = discovery or Discovery(transport, allow_http=True)
            settings = settings or self.settings()
            return await finish(transport, settings, "secret-1", discovery, **flow | changes)


@contextlib.asynccontextmanager
async def open_issuer():
    async with open_receiver() as receiver:
        issuer = Issuer(receiver)
        receiver.plan = issuer.reply
        yield issuer
