"""An installation of its own with every kind of stored secret, and the doctor to look at it."""

import contextlib
import ssl
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx2
import msgspec
import pytest

from service.app import create_app
from service.doctor.examination import examine
from service.doctor.findings import Finding
from service.migrate import migrate
from service.runtime import system_clock
from service.wiring import open_runtime
from sso.keys import load_private_key, public_line
from tenancy.inspection import open_for_inspection
from tests.conftest import OPERATOR_TOKEN
from tests.marketplace import BASE_KEY, KIT_KEY, Marketplace, user
from tests.pools import pool_put_aside
from tests.ports import free_port
from tests.tenancy.pushing import buy

CONNECTION_SECRET = "secret-of-the-identity-provider-40d1"


class Found:
    """What the doctor found, by check."""

    def __init__(self, findings: list[Finding]) -> None:
        self.all = findings

    def levels(self, check):
        return [finding.level for finding in self.all if finding.check == check]

    def one(self, check):
        [finding] = [finding for finding in self.all if finding.check == check]
        return finding


class Installation(msgspec.Struct, frozen=True):
    """One database of its own, with what is needed to serve it and to change it as a superuser."""

    settings: msgspec.Struct
    administrator_url: str

    def with_(self, **changes):
        return msgspec.structs.replace(self.settings, **changes)

    async def execute(self, *statements):
        """Run statements as the superuser."""
        connection = await asyncpg.connect(self.administrator_url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def fetch(self, query):
        """Ask as the superuser, who sees all rows."""
        connection = await asyncpg.connect(self.administrator_url, timeout=10)
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def altered(self, *statements, back):
        """Some statements, and those that take them back."""
        await self.execute(*statements)
        try:
            yield
        finally:
            await self.execute(*back)

    @contextlib.asynccontextmanager
    async def inspected(self):
        """The engine is open on this database."""
        async with pool_put_aside(), open_for_inspection(self.settings.database_url):
            yield

    async def examine(self, *, now=system_clock, trust=None, **changes):
        complete = self.with_(**changes)
        async with pool_put_aside():
            found = await examine(
                complete, complete, now=now, trust=trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
        return Found(found)


def in_database(url, name):
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextlib.asynccontextmanager
async def made_database(servers, settings):
    """An empty database; its settings and its superuser's address."""
    name = f"doctor_{uuid4().hex[:12]}"
    server = await asyncpg.connect(servers.postgres.superuser_url, timeout=10)
    try:
        await server.execute(f"CREATE DATABASE {name} OWNER tenon_owner")
        yield Installation(
            msgspec.structs.replace(
                settings,
                database_url=in_database(settings.database_url, name),
                migration_database_url=in_database(settings.migration_database_url, name),
                public_url=f"http://127.0.0.1:{free_port()}",
            ),
            in_database(servers.postgres.superuser_url, name),
        )
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def opened(settings):
    """The application on these settings, without its listener."""
    async with pool_put_aside(), open_runtime(settings) as runtime:
        application = create_app(settings)
        application.state.runtime = runtime
        yield application


async def fill(app, private_key):
    """Put one secret of every kind into the database."""
    transport = httpx2.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://tenon.test") as http:

        async def write(method, path, body):
            answer = await http.request(method, path, json=body, headers=headers)
            assert answer.is_success, answer.text
            return answer.json()

        await write(
            "PUT",
            "/v1/products/crm",
            {
                "name": "CRM",
                "base_keys": [BASE_KEY],
                "kit_keys": [KIT_KEY],
                "rsa_private_keys": [private_key],
                "order_access_key": "access-key",
                "order_secret_key": "order-secret-key",
                "front_end_url": "https://saas.example.com",
            },
        )
        marketplace = Marketplace(
            http, "/koogallery/crm", system_clock, public_line(load_private_key(private_key))
        )
        for _ in range(2):
            enterprise = await marketplace.open_enterprise()
            await enterprise.departments([("D1", "Head office", "")])
            await enterprise.members([user("ann")])
        await buy("crm", app.state.runtime, contact={"email": "ann@xinghe.example"})
        await write("POST", "/v1/endpoints", {"url": "https://hooks.example.com/in"})
        listed = await http.get("/v1/tenants", headers=headers)
        tenant = listed.json()["items"][0]["id"]
        await write(
            "PUT",
            f"/v1/tenants/{tenant}/connections/staff",
            {
                "kind": "oidc",
                "title": "Staff",
                "issuer": "https://login.example.com",
                "client_id": "tenon",
                "secret": CONNECTION_SECRET,
            },
        )


@pytest.fixture(scope="session")
async def installation(servers, settings, private_key):
    """Everything is as it should be; whoever alters it takes it back."""
    async with made_database(servers, settings) as made:
        async with pool_put_aside():
            await migrate(made.settings.migration_database_url, serving_url=made.settings.database_url)
        async with opened(made.settings) as app:
            await fill(app, private_key)
        yield made
