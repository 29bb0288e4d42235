"""Clients of each method, and a door that lets them in or does not, for the tests of their authentication."""

import base64
from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sso.client_authentication import ClientRefused, authenticate_client
from sso.client_keys import clean_keys
from sso.client_secrets import digest_secret
from sso.clients import Client, ClientSettings

ISSUER = "https://tenon.example"
TOKEN_ENDPOINT = f"{ISSUER}/oauth2/token"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# The same for all processes that collect the tests, which name cases after them.
SECRET, OLD_SECRET = "tenon_cs_" + "s" * 43, "tenon_cs_" + "o" * 43
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

KEYS = {
    "RS256": RSAKey.generate_key(2048),
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}
KEYS |= {"PS256": KEYS["RS256"], "EdDSA": KEYS["Ed25519"]}
OTHER_KEY = RSAKey.generate_key(2048)


def client(client_id, method, *, secrets=(), key=None):
    settings = ClientSettings(
        name="App",
        redirect_uris=("https://app.example/callback",),
        token_endpoint_auth_method=method,
        jwks=key and clean_keys({"keys": [key.as_dict(private=False)]}),
    )
    return Client(
        client_id=client_id,
        product="demo",
        settings=settings,
        secrets=tuple(map(digest_secret, secrets)),
        revision=1,
        created_at=NOW,
        updated_at=NOW,
    )


CLIENTS = {
    "basic": client("basic", "client_secret_basic", secrets=[SECRET, OLD_SECRET]),
    "post": client("post", "client_secret_post", secrets=[SECRET]),
    "public": client("public", "none"),
    "stripped": client("stripped", "client_secret_basic"),
    "other": client("other", "private_key_jwt", key=OTHER_KEY),
} | {algorithm: client(algorithm, "private_key_jwt", key=key) for algorithm, key in KEYS.items()}


class Door:
    """Lets clients in and remembers their assertions."""

    def __init__(self, clients=CLIENTS):
        self.clients = clients
        self.seen = {}

    async def find(self, client_id):
        return self.clients.get(client_id)

    async def is_new_jti(self, client_id, jti, until):
        is_new = (client_id, jti) not in self.seen
        self.seen[client_id, jti] = until
        return is_new

    async def knock(self, form=None, authorization=None, *, now=NOW):
        found = await authenticate_client(
            self.find,
            form or {},
            authorization,
            audience=(ISSUER, TOKEN_ENDPOINT),
            now=now,
            is_new_jti=self.is_new_jti,
        )
        return found.client_id

    async def refuse(self, reason, form=None, authorization=None, **kwargs):
        with pytest.raises(ClientRefused) as refused:
            await self.knock(form, authorization, **kwargs)
        assert refused.value.reason == reason
        assert refused.value.oauth_code == "invalid_client"
        return refused.value.detail


def basic(client_id, secret):
    return f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def claims(client_id, **changes):
    said = {
        "iss": client_id,
        "sub": client_id,
        "aud": ISSUER,
        "exp": int(NOW.timestamp()) + 60,
        "iat": int(NOW.timestamp()),
        "jti": "1",
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def sign(said, algorithm="ES256", key=None, **header):
    key = key or KEYS[algorithm]
    if algorithm == "EdDSA":
        header, algorithm = {**header, "alg": "Ed25519"}, "Ed25519"
    text = jwt.encode({"alg": algorithm, **header}, said, key, algorithms=[algorithm, "HS256", "ES512"])
    return {"client_assertion_type": TYPE, "client_assertion": text}


def unsigned(header, said):
    def segment(value):
        raw = value if isinstance(value, bytes) else jwt.json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return {"client_assertion_type": TYPE, "client_assertion": f"{segment(header)}.{segment(said)}."}
