"""What events say of ways to sign in and of the accounts that are linked to members."""

from typing import Any

import msgspec


class ConnectionFact(msgspec.Struct, frozen=True, kw_only=True):
    """A way to sign in without its secret; `secret_changed` tells whether that was replaced too."""

    kind: str
    settings: dict[str, Any]
    secret_changed: bool = False


class IdentityFact(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a connection belongs to a member; which account it is stays out of the log."""

    connection: str
    user_name: str
