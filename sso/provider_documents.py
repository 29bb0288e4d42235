"""Reads what an identity provider publishes: its description and its keys, each by one call.

Source: OpenID Connect Discovery 1.0 section 4, RFC 7517 section 5.
"""

import asyncio

import httpx2

from sso.errors import UpstreamMisconfigured, UpstreamUnreachable
from sso.id_token_keys import PublicKey, read_keys
from sso.provider_metadata import ISSUER_FORM, Metadata, description_address, is_issuer, read_metadata
from sso.upstream import read_object

# Above the transport's own limit, for transports that have none around the whole call.
CALL_SECONDS = 10.0


def open_client(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncClient:
    """Make a client that takes nothing from the environment and follows no redirects.

    It needs no closing: what is to be closed is the transport, which others use too.
    """
    return httpx2.AsyncClient(
        transport=transport, trust_env=False, follow_redirects=False, timeout=CALL_SECONDS
    )


async def fetch_metadata(transport: httpx2.AsyncBaseTransport, issuer: str, *, allow_http: bool) -> Metadata:
    """Read the description of an issuer.

    Raises:
        UpstreamMisconfigured: there is none, or it cannot be used.
        UpstreamUnreachable: no answer came.
    """
    if not is_issuer(issuer, allow_http=allow_http):
        raise UpstreamMisconfigured("issuer_unusable", ISSUER_FORM)
    status, content = await _get(transport, description_address(issuer))
    if status != httpx2.codes.OK:
        raise UpstreamMisconfigured(
            "description_missing", f"{description_address(issuer)} answers with status {status}."
        )
    document = read_object(content)
    if document is None:
        raise UpstreamMisconfigured(
            "description_unreadable", f"{description_address(issuer)} does not answer with a JSON object."
        )
    return read_metadata(document, issuer, allow_http=allow_http)


async def fetch_keys(transport: httpx2.AsyncBaseTransport, metadata: Metadata) -> tuple[PublicKey, ...]:
    """Read the keys of an issuer.

    Raises:
        UpstreamMisconfigured: `keys_unreadable`.
        UpstreamUnreachable: no answer came.
    """
    status, content = await _get(transport, metadata.jwks_uri)
    document = read_object(content) if status == httpx2.codes.OK else None
    if document is None:
        raise UpstreamMisconfigured(
            "keys_unreadable", f"`jwks_uri` answers with status {status} and without a JWK Set."
        )
    return read_keys(document)


async def _get(transport: httpx2.AsyncBaseTransport, url: str) -> tuple[int, bytes]:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            response = await open_client(transport).get(url, headers={"accept": "application/json"})
    except TimeoutError:
        raise UpstreamUnreachable(f"No complete answer came within {CALL_SECONDS:g} s.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UpstreamUnreachable("The call failed.") from error
    if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        raise UpstreamUnreachable(f"The answer has status {response.status_code}.")
    return response.status_code, response.content
