"""Why somebody is not signed in: the reasons that a page can explain, and the HTTP status of each."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "not_a_member",
    "not_yet_known",
    "disabled",
    "no_access",
    "no_way_in",
    "wrong_tenant",
    "code_refused",
    "upstream_unreachable",
    "id_token_refused",
    "identity_taken",
    "expired_flow",
    "unknown_enterprise",
    "unknown_client",
    "bad_request",
]
# Why there is no access, when that is the reason.
Cause: TypeAlias = Literal[
    "not_granted", "app_stopped", "frozen", "expired", "cancelled", "ended", "preparing"
]

STATUSES: dict[Reason, int] = {
    "not_a_member": 403,
    "not_yet_known": 403,
    "disabled": 403,
    "no_access": 403,
    "no_way_in": 403,
    "wrong_tenant": 403,
    "code_refused": 403,
    "upstream_unreachable": 503,
    "id_token_refused": 403,
    "identity_taken": 409,
    "expired_flow": 400,
    "unknown_enterprise": 404,
    "unknown_client": 400,
    "bad_request": 400,
}

# Reasons that pass by themselves, and the seconds after which trying again makes sense.
RETRY_AFTER: dict[Reason, int] = {"upstream_unreachable": 30}

# The blocks that the explanation of an access names, the one that a person should hear of first in front.
_CAUSES: tuple[tuple[str, Cause], ...] = (
    ("authorisation_cancelled", "cancelled"),
    ("authorisation_removed", "cancelled"),
    ("app_stopped", "app_stopped"),
    ("instance_frozen", "frozen"),
    ("instance_expired", "expired"),
    ("instance_provisioning", "preparing"),
    ("instance_released", "ended"),
    ("unbound", "ended"),
    ("app_removed", "ended"),
)


def cause_of(blocks: Iterable[str]) -> Cause:
    """Why there is no access, from the kinds of its blocks; without one that we know, nobody granted it."""
    kinds = set(blocks)
    return next((cause for kind, cause in _CAUSES if kind in kinds), "not_granted")
