"""Times on the wire: digits without a zone, whose zone each interface fixes."""

from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))

_TO_SECONDS = 14
_TO_MILLISECONDS = 17
# What is only implied counts as said in 1970, before anything else.
_FIRST = datetime(1971, 1, 1, tzinfo=UTC)
_MAX_AHEAD = timedelta(minutes=5)


def parse_time(text: str, zone: timezone) -> datetime:
    """Read `yyyyMMddHHmmss` with or without three digits of milliseconds as an instant in UTC.

    Raises:
        ValueError: it is neither, no such date exists, or it lies before 1971 or after 9999 in UTC.
    """
    if not (text.isascii() and text.isdigit() and len(text) in {_TO_SECONDS, _TO_MILLISECONDS}):
        raise ValueError("A time has 14 or 17 digits: yyyyMMddHHmmss or yyyyMMddHHmmssSSS.")
    moment = datetime.strptime(text[:_TO_SECONDS], "%Y%m%d%H%M%S").replace(tzinfo=zone)
    if moment < _FIRST:
        raise ValueError("A time lies after 1970.")
    try:
        return (moment + timedelta(milliseconds=int(text[_TO_SECONDS:] or 0))).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("A time lies before the year 10000 in UTC.") from error


def clamp(source_time: datetime, now: datetime) -> datetime:
    """Take a time far ahead of our clock for now, so that a wrong clock cannot freeze an object."""
    return now if source_time > now + _MAX_AHEAD else source_time
