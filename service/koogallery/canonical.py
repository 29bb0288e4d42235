"""The text a KooGallery signature covers: the body as Jackson would print it, and tolerated variants.

Pure. Source: the marketplace's V2 "RequestPayload" rule, its sample project and Jackson's defaults.
"""

from collections.abc import Iterator, Mapping

import msgspec

_BOM = b"\xef\xbb\xbf"
_MOST_MEMBERS = 1_000  # the largest documented body has 16
_MOST_VALUES = 500_000  # 50 000 departments with ten fields each
# The control characters whose escape contains a hex letter and that have no short form like \n.
_LETTERED_CONTROLS = (0x0B, 0x0E, 0x0F, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)
_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class NotJson(ValueError):
    """The body is not one JSON object in UTF-8; send a single object without trailing bytes."""


def parse_object(body: bytes) -> dict[str, msgspec.Raw]:
    """Split a JSON object into its top-level members, their values still the bytes that came.

    A byte order mark is tolerated. Of a repeated name the last value wins, at the place of the first.

    Raises:
        NotJson: the body is malformed, nested too deep, not an object, not UTF-8 (nor a lone surrogate's
            escape), followed by more bytes, or has more than 1 000 members.
    """
    try:
        str(body, "utf-8")  # raw values are skipped over unread, so their encoding is checked here
        members = _members_decoder.decode(body.removeprefix(_BOM))
    except (ValueError, RecursionError) as error:
        raise NotJson("The body is not one JSON object in UTF-8; send a single object.") from error
    if len(members) > _MOST_MEMBERS:
        raise NotJson(f"The body has more than {_MOST_MEMBERS} members; send only those of the interface.")
    return members


def payloads(body: bytes, members: Mapping[str, msgspec.Raw], *, base: bool) -> Iterator[tuple[str, bytes]]:
    """Yield (candidate name, payload) for each text the sender may have signed, cheapest and likeliest first.

    `sorted`: top-level names in UTF-16 order, nulls dropped, values as they came. `raw`: the body itself.
    `stringified` (base only): as canonical, top-level scalars as strings of their source text.
    `canonical`: everything reprinted as Jackson does. `deep`: also nested names sorted, nested nulls dropped.
    Bodies of more than about 500 000 values, or with integers of thousands of digits, end after `raw`.

    Args:
        body: the request body as received.
        members: the result of `parse_object(body)`.
        base: whether a base interface was called, whose sample reads every scalar as a string.
    """
    # Every candidate is checked with an HMAC under the secret key, so trying several gives a forger nothing:
    # matching any of them takes the key. What he could waste is our time, hence the limit.
    present = _in_order(members)
    yield "sorted", _join(present)
    yield "raw", body
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MOST_VALUES:
        return
    try:
        values = _decode(present)
        printed = {name: _encode(value) for name, value in values.items()}
        if base:
            yield "stringified", _join(printed | _quoted_scalars(present))
        yield "canonical", _join(printed)
        yield "deep", _join({name: _encode(_sort_deep(value)) for name, value in values.items()})
    except (ValueError, RecursionError):
        return


def canonical(body: bytes, *, base: bool = False) -> bytes:
    """Print a JSON object as the marketplace's sample project signs it.

    Args:
        body: one JSON object.
        base: turn top-level scalars into strings, as the sample does for the base interfaces.

    Raises:
        NotJson: the body is not one JSON object, or holds an integer of thousands of digits.
    """
    present = _in_order(parse_object(body))
    try:
        printed = {name: _encode(value) for name, value in _decode(present).items()}
    except (ValueError, RecursionError) as error:
        raise NotJson("The body cannot be reprinted; check its numbers and its nesting.") from error
    return _join(printed | _quoted_scalars(present) if base else printed)


def java_double(text: str) -> str:
    """Print a JSON number as Java's Double.toString does (shortest digits, as since JDK 19).

    Beyond the range of a double the result is `Infinity` or `-Infinity`, which Jackson prints in quotes.
    """
    number = float(text)
    size = abs(number)
    if 1e-3 <= size < 1e7 or size == 0:  # noqa: PLR2004 - where Java prints plain decimals, as repr does
        return repr(number)
    sign = "-" if number < 0 else ""
    if size == float("inf"):
        return f"{sign}Infinity"
    mantissa, _, exponent = repr(size).partition("e")
    if len(mantissa) == 1:  # Java takes the nearest of the two-digit numbers then: 4.9E-324
        mantissa, _, exponent = f"{size:.1e}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    # Without an exponent repr has printed 0.000d… or at least eight digits before the point.
    power = int(exponent) if exponent else len(whole) - 1 if size > 1 else -4
    figures = (whole + fraction).strip("0")
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{power}"


def code_units(name: str) -> bytes:
    """Return the sort key that orders names as Java does: by UTF-16 code unit, not by code point."""
    return name.encode("utf-16-be", "surrogatepass")


def _in_order(members: Mapping[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    names = sorted(members, key=code_units)
    # A slice, because a value may be megabytes.
    return {name: members[name] for name in names if bytes(memoryview(members[name])[:5]) != b"null"}


def _decode(present: Mapping[str, msgspec.Raw]) -> dict[str, object]:
    return {name: _value_decoder.decode(value) for name, value in present.items()}


def _quoted_scalars(present: Mapping[str, msgspec.Raw]) -> dict[str, bytes]:
    texts = {name: bytes(value) for name, value in present.items()}
    return {name: b'"%b"' % text for name, text in texts.items() if text[:1] not in b'"{['}


def _join(printed: Mapping[str, bytes | msgspec.Raw]) -> bytes:
    chunks: list[bytes | msgspec.Raw] = []
    for name, value in printed.items():
        chunks += (b"," if chunks else b"{", _encode(name), b":", value)
    return b"".join((*chunks, b"}")) if chunks else b"{}"


def _sort_deep(value: object) -> object:
    if isinstance(value, dict):
        names = sorted(value, key=code_units)
        return {name: _sort_deep(value[name]) for name in names if value[name] is not None}
    if isinstance(value, list):
        return [_sort_deep(item) for item in value]
    return value


def _encode(value: object) -> bytes:
    printed = msgspec.json.encode(value)
    if b"\\u00" not in printed:
        return printed
    # Jackson prints \u001F, msgspec \u001f. NUL, which never occurs in JSON, stands in for an escaped
    # backslash meanwhile, so that the literal text \\u001f stays as it is.
    printed = printed.replace(rb"\\", b"\0")
    for control in _LETTERED_CONTROLS:
        printed = printed.replace(b"\\u%04x" % control, b"\\u%04X" % control)
    return printed.replace(b"\0", rb"\\")


def _read_double(text: str) -> msgspec.Raw:
    printed = java_double(text)
    return msgspec.Raw(f'"{printed}"' if printed.endswith("y") else printed)


_value_decoder = msgspec.json.Decoder(float_hook=_read_double)
