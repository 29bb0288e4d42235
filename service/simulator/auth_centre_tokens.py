"""What the simulated auth centre answers to vendors: tokens for codes, and who somebody is."""

import hmac
from collections.abc import Mapping

import msgspec

from service.simulator.asgi import Reply, json_reply
from service.simulator.enterprises import Enterprise
from service.simulator.tickets import Ticket, Tickets

BAD_REQUEST, UNAUTHORIZED = 400, 401


class OAuthRefused(Exception):
    """The auth centre answers with an error: HTTP status, error code, description."""

    def __init__(self, error: str, description: str, *, status: int = BAD_REQUEST) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description

    def reply(self) -> Reply:
        """Print the error as JSON."""
        members = {"error": self.error, "error_description": self.description}
        return json_reply(members, status=self.status)


def answer_token(
    tickets: Tickets, enterprises: Mapping[str, Enterprise], form: Mapping[str, str]
) -> Mapping[str, object]:
    """Exchange a code or a refresh token; `enterprises` are found by client id.

    Raises OAuthRefused with `invalid_client` (401) for a wrong client, `invalid_grant` for a wrong code or
    refresh token, `unsupported_grant_type` for anything else.

    Source: the marketplace's token and token renewal interfaces.
    """
    enterprise = _authenticate(enterprises, form)
    match form.get("grant_type", ""):
        case "authorization_code":
            ticket = _own(tickets.find_code(form.get("code", "")), enterprise, "Invalid authorization code")
            if ticket.redirect_uri and form.get("redirect_uri", ticket.redirect_uri) != ticket.redirect_uri:
                raise OAuthRefused("invalid_grant", "Redirect URI mismatch")
            tickets.use_code(form["code"])
        case "refresh_token":
            refresh_token = form.get("refresh_token", "")
            ticket = _own(tickets.find_refresh(refresh_token), enterprise, "Invalid refresh token")
        case other:
            raise OAuthRefused("unsupported_grant_type", f"Unsupported grant type: {other}")
    tokens = tickets.issue_tokens(ticket, told_seconds=enterprise.told_seconds)
    return msgspec.structs.asdict(tokens)


def answer_userinfo(
    tickets: Tickets, enterprises: Mapping[str, Enterprise], token: str
) -> Mapping[str, object]:
    """Tell who an access token stands for; raises OAuthRefused (401) for a token that is none or too old.

    Source: the marketplace's user information interface.
    """
    ticket = tickets.find_access(token)
    enterprise = enterprises.get(ticket.client_id) if ticket else None
    member = enterprise.members.get(ticket.user_name) if ticket and enterprise else None
    if enterprise is None or member is None:
        raise OAuthRefused("unauthorized", "Invalid access token", status=UNAUTHORIZED)
    return enterprise.userinfo(member)


def _authenticate(enterprises: Mapping[str, Enterprise], form: Mapping[str, str]) -> Enterprise:
    enterprise = enterprises.get(form.get("client_id", ""))
    expected = enterprise.buyer.client_secret if enterprise else ""
    given = form.get("client_secret", "")
    if enterprise is None or not hmac.compare_digest(expected.encode(), given.encode()):
        raise OAuthRefused("invalid_client", "Bad client credentials", status=UNAUTHORIZED)
    return enterprise


def _own(ticket: Ticket | None, enterprise: Enterprise, complaint: str) -> Ticket:
    if ticket is None:
        raise OAuthRefused("invalid_grant", complaint)
    if ticket.client_id != enterprise.buyer.client_id:
        raise OAuthRefused("invalid_client", "Client ID mismatch", status=UNAUTHORIZED)
    return ticket
