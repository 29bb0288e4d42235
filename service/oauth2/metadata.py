"""What the OpenID provider says about itself, and the keys that its tokens are verified with.

Source: OpenID Connect Discovery 1.0 (3, 4), RFC 8414 (2, 3), RFC 9126 (5), RFC 9207 (3), RFC 7517 (5),
RP-Initiated Logout 1.0 (2.1), Back-Channel Logout 1.0 (2.1).
"""

import msgspec
from litestar import Router, get
from litestar.datastructures import CacheControlHeader, State

from service.runtime import Runtime
from sso.client_keys import ASSERTION_ALGORITHMS
from sso.signing_keys import ALGORITHMS

_SECRETS_AND_KEYS = ("client_secret_basic", "client_secret_post", "private_key_jwt")


class ProviderMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's metadata under their registered names; all addresses are under the issuer."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    pushed_authorization_request_endpoint: str
    end_session_endpoint: str
    scopes_supported: tuple[str, ...] = ("openid", "profile", "departments", "groups", "offline_access")
    response_types_supported: tuple[str, ...] = ("code",)
    response_modes_supported: tuple[str, ...] = ("query",)
    grant_types_supported: tuple[str, ...] = ("authorization_code", "refresh_token")
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    prompt_values_supported: tuple[str, ...] = ("none", "login")
    subject_types_supported: tuple[str, ...] = ("public",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ALGORITHMS
    token_endpoint_auth_methods_supported: tuple[str, ...] = (*_SECRETS_AND_KEYS, "none")
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ASSERTION_ALGORITHMS
    introspection_endpoint_auth_methods_supported: tuple[str, ...] = _SECRETS_AND_KEYS
    introspection_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ASSERTION_ALGORITHMS
    revocation_endpoint_auth_methods_supported: tuple[str, ...] = (*_SECRETS_AND_KEYS, "none")
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ASSERTION_ALGORITHMS
    claim_types_supported: tuple[str, ...] = ("normal",)
    claims_supported: tuple[str, ...] = (
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "at_hash",
        "sid",
        "tenant",
        "tenant_code",
        "user_name",
        "name",
        "role",
        "departments",
        "groups",
        "app",
    )
    ui_locales_supported: tuple[str, ...] = ("zh-CN", "en")
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    # Of requests that a client keeps somewhere; those pushed to us are always possible (RFC 9126, 5).
    request_uri_parameter_supported: bool = False
    require_pushed_authorization_requests: bool = False
    authorization_response_iss_parameter_supported: bool = True
    backchannel_logout_supported: bool = True
    backchannel_logout_session_supported: bool = True


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """Public keys as a JWK Set (RFC 7517, 5), the newest first."""

    keys: list[dict[str, str]]


def describe_provider(issuer: str) -> ProviderMetadata:
    """The metadata of the provider at `issuer`, an address without a slash at its end."""
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/oauth2/authorize",
        token_endpoint=f"{issuer}/oauth2/token",
        userinfo_endpoint=f"{issuer}/oauth2/userinfo",
        jwks_uri=f"{issuer}/oauth2/jwks",
        introspection_endpoint=f"{issuer}/oauth2/introspect",
        revocation_endpoint=f"{issuer}/oauth2/revoke",
        pushed_authorization_request_endpoint=f"{issuer}/oauth2/par",
        end_session_endpoint=f"{issuer}/oauth2/end-session",
    )


@get(["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"], sync_to_thread=False)
def show_metadata(state: State) -> ProviderMetadata:
    """Describe the provider, whatever name it was asked by."""
    runtime: Runtime = state.runtime
    return describe_provider(runtime.settings.public_url)


@get("/oauth2/jwks")
async def show_keys(state: State) -> KeySet:
    """Show the keys that tokens are verified with, those that sign soon included."""
    runtime: Runtime = state.runtime
    return KeySet(keys=await runtime.signing_keys.published(runtime.clock()))


router = Router(
    "/",
    route_handlers=[show_metadata, show_keys],
    opt={"caller": "anyone"},
    tags=["sign-in"],
    # A new key is published for longer than this before it signs.
    cache_control=CacheControlHeader(public=True, max_age=3600),
    # Programs in a browser verify tokens as well; nothing here is secret.
    response_headers={"Access-Control-Allow-Origin": "*"},
)
