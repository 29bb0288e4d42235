"""The receiver of back-channel logout that the guide shows ends what Tenon says, and believes nobody else."""

import contextlib
import sqlite3
from datetime import timedelta

import httpx2
import pytest
from msgspec import structs

from service.app import create_app
from sso.issued_tokens import sign_id_token, sign_logout_token
from tests.guide_programs import listens, program, running, served, until
from tests.ports import free_port
from tests.service.oauth2.relying import Relying, sign_in
from tests.service.telling import begin_following, telling

CLIENT = "crm-of-the-guide"


@pytest.fixture
async def issuer(runtime):
    """The application under an address that it says of itself, as programs in other processes need it."""
    port = free_port()
    told = structs.replace(runtime.settings, public_url=f"http://127.0.0.1:{port}")
    own = create_app(told, clock=runtime.clock)
    own.state.runtime = structs.replace(runtime, settings=told)
    async with served(own, port):
        yield own.state.runtime


@pytest.fixture
async def receiver(issuer, tmp_path):
    """The guide's program: the port it listens on."""
    port = free_port()
    environment = {"ISSUER": issuer.settings.public_url, "CLIENT_ID": CLIENT, "PORT": str(port)}
    async with running(program("docs/sign-in.md"), tmp_path, **environment) as process:
        await until(lambda: listens(port), process)
        yield process, port


def sessions(folder):
    with contextlib.closing(sqlite3.connect(folder / "sessions.db")) as db:
        return [sid for (sid,) in db.execute("SELECT sid FROM session ORDER BY cookie")]


def remember(folder, *sids):
    with contextlib.closing(sqlite3.connect(folder / "sessions.db")) as db, db:
        db.executemany("INSERT INTO session VALUES (?, ?)", enumerate(sids))


async def test_it_ends_the_session_of_whoever_has_lost_access(
    app, api, http, product, office, issuer, receiver, tmp_path
):
    process, port = receiver
    await office.authorise("ann")
    await begin_following(issuer)
    relying = await Relying.register(
        api, http, product, CLIENT, backchannel_logout_uri=f"http://127.0.0.1:{port}/logout"
    )
    tokens = await relying.tokens(await sign_in(app, office, "ann"))
    sid = (await relying.claims(tokens["id_token"]))["sid"]
    remember(tmp_path, "another", sid, sid)
    await office.authorise("ann", flag=3)
    async with telling(issuer):
        await until(lambda: sessions(tmp_path) == ["another"], process)


async def test_it_believes_only_logout_tokens_of_this_issuer_for_itself(issuer, receiver, tmp_path):
    _, port = receiver
    now = issuer.clock()
    signer = await issuer.signing_keys.signer("RS256", now)
    other = await issuer.signing_keys.signer("ES256", now)
    right = {
        "issuer": issuer.settings.public_url,
        "audience": CLIENT,
        "subject": "ann",
        "sid": "wanted",
        "now": now,
    }
    wrong = [
        sign_logout_token(signer, **{**right, "issuer": "https://tenon.example.net"}),
        sign_logout_token(signer, **{**right, "audience": "another"}),
        sign_logout_token(signer, **{**right, "now": now - timedelta(minutes=4)}),
        sign_logout_token(other, **right),
        sign_logout_token(signer, **right)[:-4] + "AAAA",
        sign_id_token(signer, **right, claims={}, auth_time=now, nonce=None, access_token=None),
        "nonsense",
        "",
    ]
    remember(tmp_path, "wanted")
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:

        async def tell(token):
            form = {"logout_token": token}
            return (await client.post(f"http://127.0.0.1:{port}/logout", data=form)).status_code

        assert [await tell(token) for token in wrong] == [400] * len(wrong)
        assert sessions(tmp_path) == ["wanted"]
        assert [await tell(sign_logout_token(signer, **right)) for _ in range(2)] == [200, 200]
    assert sessions(tmp_path) == []
