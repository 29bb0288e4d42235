"""The pages of a sign-in that came to nothing, one function each, as in `views`."""

from litestar import Response

from service.pages.forms import Link, Post
from service.pages.reasons import RETRY_AFTER, STATUSES, Cause, Reason
from service.pages.render import page

# What goes on where it stopped; every other refusal begins a sign-in anew.
_REPEATABLE: frozenset[Reason] = frozenset({"not_yet_known", "upstream_unreachable", "no_access"})


def refused(
    language: str | None,
    reason: Reason,
    *,
    correlation: str,
    product: str | None,
    cause: Cause = "not_granted",
    enterprise: str | None = None,
    account: str | None = None,
    note: str | None = None,
    again: str | None = None,
    back: Link | None = None,
    other_account: Post | None = None,
) -> Response[bytes]:
    """Say why somebody is not signed in, what it means and what to do; the reason decides the status.

    Args:
        language: The request's Accept-Language header.
        reason: Why.
        correlation: What the log has too.
        product: As above.
        cause: Why there is no access, when that is the reason.
        enterprise: The enterprise's name, when it is proven that the person may know it.
        account: The account that was signed in with, likewise.
        note: What is wrong, in English, for the developers of the application; never a provider's text.
        again: The address that tries again, or begins this sign-in anew.
        back: The way back to a registered application.
        other_account: Signs out and begins anew.
    """
    return page(
        language,
        "refused",
        status=STATUSES[reason],
        form_targets=() if other_account is None else other_account.targets,
        retry_after=RETRY_AFTER.get(reason),
        key=f"refused.{reason}.{cause}" if reason == "no_access" else f"refused.{reason}",
        correlation=correlation,
        product=product,
        enterprise=enterprise,
        account=account,
        note=note,
        again=again,
        starts_again=reason not in _REPEATABLE,
        back=back,
        other_account=other_account,
    )


def unavailable(
    language: str | None, *, correlation: str, again: str | None = None, retry_after: int = 5
) -> Response[bytes]:
    """Say with 503 that we cannot sign anybody in at the moment, and that nothing is lost."""
    return page(
        language,
        "unavailable",
        status=503,
        retry_after=retry_after,
        key="unavailable",
        product=None,
        correlation=correlation,
        again=again,
    )


def failed(language: str | None, *, correlation: str) -> Response[bytes]:
    """Say with 500 that something unexpected went wrong, told only as an id that the log has too."""
    return page(
        language,
        "unavailable",
        status=500,
        key="failed",
        product=None,
        correlation=correlation,
        again=None,
    )
