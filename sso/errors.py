"""What can go wrong while somebody signs in; the docstring is the message, as in `tenancy/errors.py`."""

from tenancy.errors import Conflict, Forbidden, Invalid, Unavailable


class UpstreamUnreachable(Unavailable):
    """The service that signs people in did not give a usable answer; try again."""


class CodeRefused(Forbidden):
    """The service that signs people in does not accept the code of this sign-in; start again."""


class AccessTokenRefused(Forbidden):
    """The auth centre does not accept the access token."""


class UserinfoIncomplete(Forbidden):
    """The service that signs people in does not say which account has signed in."""


class RenewalRefused(Forbidden):
    """The auth centre has ended this sign-in."""


class SessionsUnavailable(Unavailable):
    """Signing in is not possible at the moment, since sessions cannot be read; try again."""


class UpstreamMisconfigured(Unavailable):
    """The identity provider describes itself in a way that cannot be used; an administrator has to look."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        # issuer_unusable, description_missing, description_unreadable, issuer_differs, endpoint_missing,
        # endpoint_unusable or keys_unreadable.
        self.reason = reason


class UpstreamClientRefused(Unavailable):
    """The identity provider does not accept the connection's client; an administrator has to look."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class OidcSettingsInvalid(Invalid):
    """The settings of the OpenID Connect connection cannot be used."""


class ResponseIssuerRefused(Forbidden):
    """The answer does not come from the identity provider that was asked; start again."""


class IdTokenRefused(Forbidden):
    """The proof of who has signed in is refused."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class NotSignedIn(Forbidden):
    """Nobody is signed in, or whoever was may not be here any more."""


class NoAccess(Forbidden):
    """This member may use no app of the enterprise."""


class MemberNotKnown(Forbidden):
    """This account is not known in the enterprise, or not yet; try again in a minute."""


class MemberRemoved(Forbidden):
    """This account has been removed from the enterprise; an administrator there can add it again."""


class IdentityTaken(Conflict):
    """Another account has signed in under this user name; an administrator has to unlink that one first."""


class ConnectionDisabled(Forbidden):
    """This way to sign in has been switched off by an administrator of the enterprise."""


class WrongTenant(Forbidden):
    """The account is of another enterprise than the one that this sign-in is for."""
