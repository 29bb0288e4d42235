"""Tries an OpenID Connect connection for its test button.

Everything a sign-in needs is tried but the person: no code of ours is worth anything to the provider.
"""

import httpx2

from sso.code_exchange import exchange_code
from sso.discovery import Discovery
from sso.errors import (
    CodeRefused,
    OidcSettingsInvalid,
    UpstreamClientRefused,
    UpstreamMisconfigured,
    UpstreamUnreachable,
)
from sso.findings import (
    Finding,
    compare_offers,
    fine,
    judge_client,
    judge_description,
    judge_silence,
    praise_metadata,
    wrong,
)
from sso.oidc_settings import OidcSettings, check_settings
from sso.provider_documents import fetch_keys, fetch_metadata
from sso.provider_metadata import Metadata

# A code that nobody has given out, and the shortest verifier there is.
_WRONG_CODE = "tenon-tests-the-connection"
_VERIFIER = "-" * 43


async def probe(
    settings: OidcSettings,
    secret: str | None,
    discovery: Discovery,
    transport: httpx2.AsyncBaseTransport,
    *,
    redirect_uri: str,
) -> list[Finding]:
    """Try a connection and say in plain words what was found, in the order in which a sign-in needs it.

    It asks the provider anew; sign-ins do so too from then on, so that a mended provider is believed at once.
    What cannot be tried after a failure is left out; what to register at the provider is always told.

    Args:
        settings: of the connection.
        secret: of its client; None for a public one.
        discovery: is made to forget the issuer when its description is in order.
        transport: goes to the provider.
        redirect_uri: where the provider is to send browsers back to.
    """
    findings: list[Finding] = []
    try:
        check_settings(settings, allow_http=discovery.allow_http)
        findings.append(fine("settings", "The settings are complete."))
        metadata = await fetch_metadata(transport, settings.issuer, allow_http=discovery.allow_http)
        discovery.forget(settings.issuer)
        findings += praise_metadata(metadata)
        findings += compare_offers(settings, metadata)
        keys = await fetch_keys(transport, metadata)
        findings.append(
            fine("keys", f"The provider has {len(keys)} key(s) that signatures can be checked with.")
        )
    except OidcSettingsInvalid as error:
        findings.append(wrong("settings", error.detail or error.message))
    except UpstreamMisconfigured as error:
        findings.append(judge_description(error))
    except UpstreamUnreachable as error:
        is_described = any(finding.step == "description" for finding in findings)
        findings.append(judge_silence(settings, error, is_described=is_described))
    else:
        findings.append(await _try_client(settings, secret, metadata, transport, redirect_uri))
    findings.append(
        Finding(
            step="redirect_uri",
            ok=None,
            message=f"Register exactly this redirect address for the client at the provider: {redirect_uri}",
        )
    )
    return findings


async def _try_client(
    settings: OidcSettings,
    secret: str | None,
    metadata: Metadata,
    transport: httpx2.AsyncBaseTransport,
    redirect_uri: str,
) -> Finding:
    if settings.auth_method != "none" and not secret:
        return wrong(
            "client", "The connection has no client secret. Store the one that the provider has given."
        )
    if settings.auth_method not in metadata.auth_methods:
        known = [
            name
            for name in ("client_secret_basic", "client_secret_post", "none")
            if name in metadata.auth_methods
        ]
        remedy = f"Choose {' or '.join(known)}." if known else "Nothing it offers can be used here."
        return wrong("client", f"The provider does not offer {settings.auth_method}. {remedy}")
    try:
        await exchange_code(
            transport,
            settings,
            secret,
            metadata,
            code=_WRONG_CODE,
            redirect_uri=redirect_uri,
            verifier=_VERIFIER,
        )
    except CodeRefused:
        return fine("client", "The provider knows the client and accepts how it proves itself.")
    except UpstreamClientRefused as error:
        return judge_client(settings, error)
    except UpstreamUnreachable as error:
        return wrong("client", f"{error.detail} Try again; if it stays, look at the provider's log.")
    return Finding(
        step="client",
        ok=None,
        message="The provider accepts a code that it has never given out; this is odd.",
    )
