"""What an administrator says about an OpenID Connect connection, and the rules on it."""

from typing import Literal

import msgspec

from sso.errors import OidcSettingsInvalid
from sso.id_token_keys import SIGNATURES
from sso.provider_metadata import ISSUER_FORM, is_issuer
from tenancy.errors import NameInvalid
from tenancy.names import demand_name

AuthMethod = Literal["client_secret_basic", "client_secret_post", "none"]

_LONGEST_CLIENT_ID = 255
_MOST_SCOPES = 20


class OidcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection to an identity provider; its client secret is kept apart.

    Attributes:
        issuer: the provider's issuer identifier, compared character by character.
        client_id: what the provider calls Tenon.
        title: shown on the button that starts the sign-in.
        auth_method: how Tenon proves itself at the token endpoint (RFC 6749 2.3); `none` is a public client.
        scopes: asked for; `openid` must be one of them.
        user_name_claim: the claim that holds the member's user name.
        name_claim: the claim that holds the name shown to people.
        algorithms: signatures of ID tokens that are believed; never symmetric ones.
        creates_members: whether a person who is no member yet becomes one by signing in.
    """

    issuer: str
    client_id: str
    title: str
    auth_method: AuthMethod = "client_secret_basic"
    scopes: tuple[str, ...] = ("openid", "profile")
    user_name_claim: str = "preferred_username"
    name_claim: str = "name"
    algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256", "EdDSA")
    creates_members: bool = False


def check_settings(settings: OidcSettings, *, allow_http: bool) -> None:
    """Refuse settings that nobody could sign in with.

    Raises:
        OidcSettingsInvalid: says which one and what to write instead.
    """
    if not is_issuer(settings.issuer, allow_http=allow_http):
        raise OidcSettingsInvalid(f"issuer: {ISSUER_FORM}")
    if not _is_word(settings.client_id, _LONGEST_CLIENT_ID, also=" "):
        raise OidcSettingsInvalid("client_id: write 1 to 255 visible ASCII characters.")
    if len(settings.scopes) > _MOST_SCOPES or not all(_is_word(scope, 100) for scope in settings.scopes):
        raise OidcSettingsInvalid("scopes: write at most 20, without spaces.")
    if "openid" not in settings.scopes:
        raise OidcSettingsInvalid("scopes: `openid` must be one of them, or no ID token comes.")
    if not settings.algorithms or not set(settings.algorithms) <= SIGNATURES.keys():
        raise OidcSettingsInvalid(f"algorithms: choose from {', '.join(SIGNATURES)}.")
    for field, text in (
        ("title", settings.title),
        ("user_name_claim", settings.user_name_claim),
        ("name_claim", settings.name_claim),
    ):
        try:
            demand_name(text)
        except NameInvalid as error:
            raise OidcSettingsInvalid(f"{field}: {error.message}") from None


def _is_word(text: str, longest: int, *, also: str = "") -> bool:
    return 1 <= len(text) <= longest and all(
        "!" <= character <= "~" or character in also for character in text
    )
