"""The words of the test button: what was found out about an OpenID Connect connection, and the remedy."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from sso.errors import UpstreamClientRefused, UpstreamMisconfigured, UpstreamUnreachable
from sso.oidc_settings import OidcSettings
from sso.provider_metadata import Metadata, description_address

Step = Literal[
    "settings",
    "address",
    "description",
    "issuer",
    "endpoints",
    "algorithms",
    "pkce",
    "keys",
    "client",
    "redirect_uri",
]

# What each kind of misconfiguration is about, and what helps.
_REMEDIES: dict[str, tuple[Step, str]] = {
    "issuer_unusable": ("settings", "Correct the issuer of this connection."),
    "description_missing": (
        "description",
        "Check the issuer: it is the address before /.well-known/, often with a realm or tenant in its path.",
    ),
    "description_unreadable": ("description", "Check that the issuer is the provider's and not a website's."),
    "issuer_differs": (
        "issuer",
        "Write the issuer in this connection exactly as the provider says it, if that is the right provider.",
    ),
    "endpoint_missing": ("endpoints", "Use a provider that supports the authorization code flow."),
    "endpoint_unusable": ("endpoints", "Have the provider's public address corrected at the provider."),
    "keys_unreadable": ("keys", "Have the provider publish an RSA key of 2048 bit or more, EC or Ed25519."),
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one step came to.

    Attributes:
        step: what was looked at.
        ok: whether it works; None when only a real sign-in can tell.
        message: says it in words, with what to do when it does not work.
    """

    step: Step
    ok: bool | None
    message: str


def praise_metadata(metadata: Metadata) -> Iterator[Finding]:
    """Say what a description that was read stands for."""
    yield fine("address", "The provider can be reached.")
    yield fine("description", "The provider describes itself.")
    yield fine("issuer", f"The issuer is {metadata.issuer} on both sides.")
    yield fine("endpoints", "The provider names all addresses that a sign-in needs.")


def compare_offers(settings: OidcSettings, metadata: Metadata) -> Iterator[Finding]:
    """Say whether the connection and the provider have what they need in common."""
    common = [name for name in settings.algorithms if name in metadata.algorithms]
    if common:
        yield fine("algorithms", f"ID tokens may be signed with {', '.join(common)}.")
    else:
        yield wrong(
            "algorithms",
            f"The connection allows {', '.join(settings.algorithms)}, but the provider announces "
            "none of them. Choose another one for this client at the provider, or allow one that it has.",
        )
    if metadata.challenge_methods is None:
        yield Finding(
            step="pkce",
            ok=None,
            message="The provider does not say whether it checks PKCE; it is sent anyway, and most do.",
        )
    elif "S256" in metadata.challenge_methods:
        yield fine("pkce", "The provider checks PKCE with S256.")
    else:
        yield wrong(
            "pkce",
            "The provider does not offer PKCE with S256. Switch it on for this client at the provider.",
        )


def judge_description(error: UpstreamMisconfigured) -> Finding:
    """Say what is wrong with what the provider publishes."""
    step, remedy = _REMEDIES[error.reason]
    return wrong(step, f"{error.detail} {remedy}")


def judge_client(settings: OidcSettings, error: UpstreamClientRefused) -> Finding:
    """Say why the provider may have refused the client."""
    match error.reason:
        case "invalid_client":
            other = (
                "client_secret_post"
                if settings.auth_method == "client_secret_basic"
                else "client_secret_basic"
            )
            return wrong(
                "client",
                "The provider does not accept the client. Compare client id and secret with the provider's, "
                f"look whether the secret has expired, or try {other} as the way to prove itself.",
            )
        case "unauthorized_client":
            return wrong(
                "client",
                "The provider knows the client, but does not let it use the authorization code flow. "
                "Switch that flow on for it at the provider.",
            )
        case _:
            return Finding(
                step="client",
                ok=None,
                message=f"{error.detail} Some providers answer a made-up code like this; sign in to be sure.",
            )


def judge_silence(settings: OidcSettings, error: UpstreamUnreachable, *, is_described: bool) -> Finding:
    """Say where a provider that gives no answer was asked in vain, before or after it described itself."""
    if is_described:
        return wrong("keys", f"The provider's keys cannot be read. {error.detail} Try again.")
    return wrong(
        "address",
        f"{description_address(settings.issuer)} cannot be read. {error.detail} Check the host name of "
        "the issuer, that its certificate is valid, and that the provider can be reached from here.",
    )


def fine(step: Step, message: str) -> Finding:
    """Say that a step works."""
    return Finding(step=step, ok=True, message=message)


def wrong(step: Step, message: str) -> Finding:
    """Say that a step does not work."""
    return Finding(step=step, ok=False, message=message)
