"""Fixtures for signing in."""

import pytest

from sso.signing_keys import ensure_signing_keys, list_signing_keys
from tests.service.outgoing_clients import open_outgoing
from tests.service.webhooks.senders import NO_CERTIFICATES
from tests.sso.issuers import open_issuer
from tests.sso.key_rows import NOW, keys_put_aside


@pytest.fixture
async def issuer():
    """An OpenID provider that a test may turn bad."""
    async with open_issuer() as issuer:
        yield issuer


@pytest.fixture
async def http():
    """A guarded client that may call loopback."""
    async with open_outgoing(allow_http=True, allow_private=True, ssl_context=NO_CERTIFICATES) as client:
        yield client


@pytest.fixture
def keyring(runtime):
    return runtime.keyring


@pytest.fixture
async def no_keys(app):
    """No signing keys at all, for a while."""
    async with keys_put_aside():
        yield


@pytest.fixture
async def keys(no_keys, keyring):
    """The first signing keys, which sign from NOW on."""
    await ensure_signing_keys(keyring=keyring, now=NOW)
    return {stored.algorithm: stored for stored in await list_signing_keys()}
