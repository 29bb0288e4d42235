"""Codes and tokens of the simulated auth centre: what was issued to whom, and until when it holds."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

CODE_LIFE = timedelta(minutes=5)
ACCESS_SECONDS = 7200
REFRESH_LIFE = timedelta(days=30)


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a code or token stands for; `redirect_uri` is empty when a code was asked for without one."""

    client_id: str
    user_name: str
    expires_at: datetime
    redirect_uri: str = ""


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """A token response; `expires_in` counts seconds and need not be the truth."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - no password
    expires_in: int
    scope: str = "get_user_info"
    refresh_token: str


class Tickets:
    """Issues and recognises codes, access tokens and refresh tokens.

    Codes hold 5 minutes and work once, refresh tokens 30 days and as often as wanted: the marketplace does
    not say whether a renewal ends the refresh token it was made with.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Tell the time with `clock`."""
        self._clock = clock
        self._codes: dict[str, Ticket] = {}
        self._access: dict[str, Ticket] = {}
        self._refresh: dict[str, Ticket] = {}

    def issue_code(self, *, client_id: str, user_name: str, redirect_uri: str = "") -> str:
        """Make a code for a user who has just signed in."""
        code = secrets.token_urlsafe(24)
        expires_at = self._clock() + CODE_LIFE
        self._codes[code] = Ticket(
            client_id=client_id, user_name=user_name, expires_at=expires_at, redirect_uri=redirect_uri
        )
        return code

    def issue_tokens(self, ticket: Ticket, *, told_seconds: int = ACCESS_SECONDS) -> Tokens:
        """Make an access token and a refresh token for whom a code or refresh token stood for.

        The access token holds 2 hours, whatever life is told.
        """
        now = self._clock()
        tokens = Tokens(
            access_token=secrets.token_urlsafe(32),
            expires_in=told_seconds,
            refresh_token=secrets.token_urlsafe(32),
        )
        until, long_until = now + timedelta(seconds=ACCESS_SECONDS), now + REFRESH_LIFE
        self._access[tokens.access_token] = msgspec.structs.replace(ticket, expires_at=until)
        self._refresh[tokens.refresh_token] = msgspec.structs.replace(ticket, expires_at=long_until)
        return tokens

    def find_code(self, code: str) -> Ticket | None:
        """Look a code up without using it."""
        return self._live(self._codes.get(code))

    def use_code(self, code: str) -> None:
        """Take a code out of use."""
        del self._codes[code]

    def find_access(self, token: str) -> Ticket | None:
        """Look an access token up."""
        return self._live(self._access.get(token))

    def find_refresh(self, token: str) -> Ticket | None:
        """Look a refresh token up."""
        return self._live(self._refresh.get(token))

    def end_access(self, client_id: str) -> None:
        """End all access tokens of an application as if they had become too old."""
        for token in [token for token, ticket in self._access.items() if ticket.client_id == client_id]:
            del self._access[token]

    def _live(self, ticket: Ticket | None) -> Ticket | None:
        return ticket if ticket and self._clock() < ticket.expires_at else None
