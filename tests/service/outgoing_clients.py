"""Clients for the tests of outgoing calls, which may call loopback."""

import contextlib

import pytest

from service.outgoing import make_client, open_transport
from service.webhooks.pool import Limits
from sso.errors import UpstreamUnreachable
from tests.service.webhooks.senders import NO_CERTIFICATES


def limits(**changes):
    """Long enough for a busy machine; a test of silence says its own."""
    return Limits(**{"total": 10.0, "connect": 5.0} | changes)


@contextlib.asynccontextmanager
async def open_outgoing(**options):
    """An HTTP client over a guarded transport of its own."""
    async with open_transport(**options) as transport, make_client(transport) as client:
        yield client


def opened(*, allow_http=True, allow_private=True, resolve=None, ssl_context=NO_CERTIFICATES, **changes):
    """A client that may call loopback."""
    return open_outgoing(
        allow_http=allow_http,
        allow_private=allow_private,
        resolve=resolve,
        ssl_context=ssl_context,
        limits=limits(**changes),
    )


async def refused(client, url, method="GET", **options):
    """Why there is no answer."""
    with pytest.raises(UpstreamUnreachable) as caught:
        await client.request(method, url, **options)
    return caught.value.detail
