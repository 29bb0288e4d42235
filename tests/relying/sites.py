"""Tenon as a process at its public address, with what is around it: an auth centre, vendors and people."""

import contextlib
from urllib.parse import urljoin
from uuid import uuid4

import httpx2
from joserfc.jwk import ECKey, RSAKey

from service.runtime import system_clock
from service.simulator.auth_centre import open_auth_centre
from service.simulator.auth_centre_requests import PORTAL
from sso.keys import load_private_key, public_line
from tests.faults.processes import TOKEN, serving
from tests.folders import short_folder
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Marketplace
from tests.service.offices import Office
from tests.service.sign_in.centres import Centre

REDIRECTS = {302, 303, 307}
# They have accounts at the auth centre; eve is not authorised for anything here.
PEOPLE = ("ann", "ben", "eve")
_MOST_STEPS = 15


class Site:
    """One serving Tenon; `api` has the operator's token."""

    def __init__(self, server, api, auth_centre, private_key):
        self.server = server
        self.api = api
        self.auth_centre = auth_centre
        self.private_key = private_key
        self.address = server.address
        self.signed_out = f"{server.address}/sign-out/done"

    def oidc_callback(self, office, connection):
        """Where a provider sends browsers back to."""
        return f"{self.address}/sign-in/oidc/{office.tenant_id}/{connection}"

    async def open_office(self):
        """An enterprise with its auth centre and a product of its own; ann and ben may use the app."""
        product = f"p-{uuid4().hex[:12]}"
        keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": [V1_KEY]}
        body = {"name": "Demonstration", "rsa_private_keys": [self.private_key], **keys}
        body["portal_url"] = f"{self.auth_centre.url}{PORTAL}"
        answer = await self.api.put(f"/v1/products/{product}", json=body)
        assert answer.status_code == 200, answer.text
        public_key = public_line(load_private_key(self.private_key))
        marketplace = Marketplace(self.api, f"/koogallery/{product}", system_clock, public_key)
        enterprise = await marketplace.open_enterprise(app=f"app-{product}")
        assert (await enterprise.departments([("X", "Branch", "")])).code == "000000"
        listed = await self.api.get("/v1/tenants", params={"external_id": enterprise.tenant})
        office = Office(self.api, enterprise, listed.json()["items"][0]["id"])
        office.product = product
        office.centre = await Centre(self.auth_centre, office, product, *PEOPLE).announce()
        # The browser goes there by itself, so it has to be a whole address.
        office.centre.change(login_url=f"{self.address}{office.centre.callback}")
        office.code = f"{product}.example"
        named = await enterprise.bind(domainName=self.auth_centre.url, tenantCode=office.code)
        assert named.code == "000000"
        await office.authorise("ann", "ben")
        return office

    async def register(
        self, office, url, method="client_secret_basic", *, algorithm="RS256", key=None, **settings
    ):
        """A client of the office's product that the program at `url` plays."""
        client_id = f"crm-{uuid4().hex[:8]}"
        body = {
            "product": office.product,
            "name": "CRM",
            "redirect_uris": [f"{url}/callback"],
            "post_logout_redirect_uris": [f"{url}/after"],
            "token_endpoint_auth_method": method,
            "id_token_signed_response_alg": algorithm,
            **({"jwks": {"keys": [key.as_dict(private=False)]}} if key else {}),
            **settings,
        }
        answer = await self.api.put(f"/v1/clients/{client_id}", json=body)
        assert answer.status_code == 200, answer.text
        client = {
            "issuer": self.address,
            "client_id": client_id,
            "redirect_uri": f"{url}/callback",
            "method": method,
            "algorithm": algorithm,
            "secret": answer.json()["secret"],
            "key": key and key.as_dict(private=True),
        }
        return Party(url, client)

    @contextlib.asynccontextmanager
    async def person(self, office, user_name):
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as browser:
            yield Person(self, office, user_name, browser)


@contextlib.asynccontextmanager
async def open_site(servers, private_key):
    """Serve on migrated servers; the worker is another process, which a test starts when it needs it.

    Whatever peers and people do, nothing unexpected must come of it.
    """
    with short_folder() as folder:
        async with (
            open_auth_centre() as auth_centre,
            serving(servers, folder, TENON_SIGN_IN_HTTP="on", TENON_SIGN_IN_PRIVATE="on") as server,
        ):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with httpx2.AsyncClient(base_url=server.address, headers=headers, timeout=20) as api:
                yield Site(server, api, auth_centre, private_key)
            assert [event for event in server.events() if event["event"] == "unexpected_error"] == []


class PartyRefused(Exception):
    """The library has refused something, or was told an error: `told` says which."""

    def __init__(self, told):
        super().__init__(str(told))
        self.told = told


class Stopped(Exception):
    """The browser stays at a page on its way."""

    def __init__(self, address, answer):
        super().__init__(f"{answer.status_code} at {address}: {answer.text[-1500:]}")
        self.answer = answer


class Party:
    """A client of ours in a program that uses a library of others."""

    def __init__(self, url, client):
        self.url = url
        self.client = client

    async def do(self, command, **values):
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as program:
            answer = await program.post(f"{self.url}/do/{command}", json={"client": self.client, **values})
        if answer.status_code == 400:
            raise PartyRefused(answer.json())
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_in(self, person, *, pushed=False, max_age=None, **parameters):
        """The whole flow, whose tokens the library has checked."""
        if max_age is not None:
            parameters["max_age"] = str(max_age)
        flow = await self.do("begin", pushed=pushed, parameters=parameters)
        address = await person.go(flow["url"], until=self.client["redirect_uri"])
        checks = {} if max_age is None else {"max_age": max_age}
        return await self.do("finish", flow=flow, url=address, **checks)


class Person:
    """Somebody of an office in front of a browser."""

    def __init__(self, site, office, user_name, browser):
        self.site = site
        self.office = office
        self.user_name = user_name
        self.browser = browser
        self.visited = []

    async def go(self, address, *, until=None):
        """Follow redirects, and sign in at the auth centre when it asks; the last page, or where it ends."""
        self.visited = []
        for _ in range(_MOST_STEPS):
            if until is not None and address.startswith(until):
                return address
            self.visited.append(address)
            answer = await self.browser.get(address)
            if answer.status_code in REDIRECTS:
                address = urljoin(address, answer.headers["location"])
            elif address.startswith(f"{self.site.auth_centre.url}{PORTAL}"):
                address = f"{self.site.auth_centre.url}{PORTAL}?{self._choice()}"
            else:
                if until is not None:
                    raise Stopped(address, answer)
                return answer
        raise AssertionError(f"No end after {self.visited}")

    def _choice(self):
        return httpx2.QueryParams(client_id=self.office.centre.client_id, account=self.user_name)


def make_key(algorithm):
    """A private key for client assertions."""
    told = {"alg": algorithm, "use": "sig", "kid": f"key-{uuid4().hex[:6]}"}
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", parameters=told)
    return RSAKey.generate_key(2048, parameters=told)
