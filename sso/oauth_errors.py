"""The errors of OAuth 2.0 and OpenID Connect by their registered names; a class name is the error's code."""

from tenancy.errors import Forbidden, Invalid


class InvalidRequest(Invalid):
    """The request lacks a parameter, has one twice or one that cannot be."""


class InvalidScope(Invalid):
    """The scope is unknown, or more than what was given at first."""


class InvalidGrant(Forbidden):
    """The code or refresh token is not valid, was used before, or is another client's."""


class InvalidToken(Forbidden):
    """The access token has run out or was withdrawn."""


class AccessDenied(Forbidden):
    """The person may not use this application."""


class LoginRequired(Forbidden):
    """Nobody is signed in, and the request forbids to ask."""


class InteractionRequired(Forbidden):
    """The person would have to choose, and the request forbids to ask."""


class UnauthorizedClient(Forbidden):
    """The client may not do this."""


class UnsupportedGrantType(Invalid):
    """The grant type is neither authorization_code nor refresh_token."""


class UnsupportedResponseType(Invalid):
    """The response type must be code."""


class RequestNotSupported(Invalid):
    """Request objects are not supported; push the request instead."""


class RequestUriNotSupported(Invalid):
    """The request URI is not one that this server gave out."""


class InvalidRequestUri(Invalid):
    """The pushed request has run out or was used before."""
