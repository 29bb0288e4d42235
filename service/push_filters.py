"""The query parameters by which pushes are chosen."""

from datetime import datetime
from typing import Annotated

from litestar.params import QueryParameter

from tenancy.errors import Invalid
from tenancy.push_pages import PushFilter, Verdict


class TimeInvalid(Invalid):
    """A time says its offset from UTC, such as 2026-11-23T08:00:00Z, with + written as %2B."""


def choose_pushes(
    verdict: Annotated[
        Verdict | None, QueryParameter(description="What became of it; `failed` is a fault of ours.")
    ] = None,
    interface: Annotated[
        str | None, QueryParameter(max_length=64, description="Such as `allOrgSync` or `newInstance`.")
    ] = None,
    instance: Annotated[str | None, QueryParameter(max_length=255, description="The purchase's id.")] = None,
    product: Annotated[str | None, QueryParameter(max_length=255)] = None,
    since: Annotated[
        str | None, QueryParameter(max_length=64, format="date-time", description="Received then or later.")
    ] = None,
    until: Annotated[
        str | None, QueryParameter(max_length=64, format="date-time", description="Received before then.")
    ] = None,
) -> PushFilter:
    """Which pushes a list shows.

    Raises:
        TimeInvalid: a time is none, or does not say its offset from UTC.
    """
    return PushFilter(
        verdict=verdict,
        interface=interface,
        instance_id=instance,
        product=product,
        since=_instant(since),
        until=_instant(until),
    )


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeInvalid from error
    if moment.tzinfo is None:
        raise TimeInvalid
    return moment
