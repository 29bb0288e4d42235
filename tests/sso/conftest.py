"""Fixtures for signing in."""

import pytest

from tests.service.outgoing_clients import open_outgoing
from tests.service.webhooks.senders import NO_CERTIFICATES
from tests.sso.issuers import open_issuer


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
