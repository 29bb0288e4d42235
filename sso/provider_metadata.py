"""What an identity provider says about itself, and the addresses in it that may be used.

Source: OpenID Connect Discovery 1.0 sections 3 and 4, RFC 8414 and RFC 9207 section 3.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from sso.errors import UpstreamMisconfigured

ISSUER_FORM = "Write an address that begins with https:// and has no query, no fragment and no spaces."

_LONGEST_URL = 2048
_REQUIRED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# What RFC 3986 lets stand in a URL; others are written percent-encoded.
_URL = re.compile(r"[!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]+")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's own description, as far as it matters here.

    Attributes:
        issuer: equal to the configured one.
        authorization_endpoint: where browsers are sent.
        token_endpoint: where codes are exchanged.
        jwks_uri: where the keys are.
        userinfo_endpoint: where claims are that the ID token does not carry; None without one.
        end_session_endpoint: where a browser signs out; None without one.
        algorithms: signatures of ID tokens that are announced.
        challenge_methods: of PKCE; None when nothing is said about it.
        auth_methods: of the token endpoint.
        tells_issuer: every answer names its issuer (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    algorithms: tuple[str, ...]
    challenge_methods: tuple[str, ...] | None
    auth_methods: tuple[str, ...]
    tells_issuer: bool


def is_endpoint(url: object, *, allow_http: bool) -> bool:
    """Whether it is the absolute address of a server, without user name and fragment (RFC 6749 3.1)."""
    if not isinstance(url, str) or len(url) > _LONGEST_URL or not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    schemes = {"https", "http"} if allow_http else {"https"}
    return (
        parts.scheme in schemes
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and "#" not in url
    )


def is_issuer(issuer: str, *, allow_http: bool) -> bool:
    """Whether it has the form of an issuer identifier (OpenID Connect Core 1.0 section 1.2)."""
    return is_endpoint(issuer, allow_http=allow_http) and "?" not in issuer


def description_address(issuer: str) -> str:
    """Say where the provider's description is (OpenID Connect Discovery 1.0 section 4.1)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def read_metadata(document: Mapping[str, Any], issuer: str, *, allow_http: bool) -> Metadata:
    """Read a description; of what is optional, anything that is not understood counts as not said.

    Raises:
        UpstreamMisconfigured: `issuer_differs`, `endpoint_missing` or `endpoint_unusable`.
    """
    if document.get("issuer") != issuer:
        raise UpstreamMisconfigured("issuer_differs", _tell_difference(document.get("issuer"), issuer))
    for name in _REQUIRED:
        if name not in document:
            raise UpstreamMisconfigured("endpoint_missing", f"The description lacks `{name}`.")
        if not is_endpoint(document[name], allow_http=allow_http):
            raise UpstreamMisconfigured(
                "endpoint_unusable",
                f"`{name}` in the description is not an address that begins with https://.",
            )

    def optional(name: str) -> str | None:
        return document[name] if is_endpoint(document.get(name), allow_http=allow_http) else None

    return Metadata(
        issuer=issuer,
        authorization_endpoint=document["authorization_endpoint"],
        token_endpoint=document["token_endpoint"],
        jwks_uri=document["jwks_uri"],
        userinfo_endpoint=optional("userinfo_endpoint"),
        end_session_endpoint=optional("end_session_endpoint"),
        # Both defaults are the specification's.
        algorithms=_texts(document, "id_token_signing_alg_values_supported") or ("RS256",),
        challenge_methods=_texts(document, "code_challenge_methods_supported"),
        auth_methods=_texts(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = document.get(name)
    if not isinstance(value, list):
        return None
    return tuple(text for text in value if isinstance(text, str))


def _tell_difference(said: object, issuer: str) -> str:
    if not isinstance(said, str) or not _URL.fullmatch(said) or len(said) > _LONGEST_URL:
        return "The description does not name an issuer that could be compared."
    told = f"The description says that the issuer is {said}, but the connection says {issuer}."
    if said.rstrip("/") == issuer.rstrip("/"):
        told += " They differ in the slash at the end."
    return told
