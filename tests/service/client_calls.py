"""Asks about one client of one product through the API."""

from uuid import uuid4

from joserfc.jwk import ECKey

from sso.clients import read_client

CALLBACK = "https://app.example/callback"
KEY = ECKey.generate_key("P-256")
KEYS = {"keys": [KEY.as_dict(private=False)]}
WITH_KEY = {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
WITHOUT_PROOF = {"token_endpoint_auth_method": "none"}


class Clients:
    """One client of one product, asked for through the API."""

    def __init__(self, api, product):
        self.api = api
        self.product = product
        self.id = f"app-{uuid4().hex[:12]}"

    def body(self, **changes):
        return {"product": self.product, "name": "App", "redirect_uris": [CALLBACK], **changes}

    async def ask(self, method, path="", **kwargs):
        return await self.api.request(method, f"/v1/clients/{self.id}{path}", **kwargs)

    async def put(self, headers=None, **changes):
        answer = await self.ask("PUT", json=self.body(**changes), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, status, code, method, path="", **kwargs):
        answer = await self.ask(method, path, **kwargs)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        return answer.json()

    async def secrets(self):
        return (await read_client(self.id)).secrets
