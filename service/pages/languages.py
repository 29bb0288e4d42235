"""Which language a browser asks for: RFC 9110 12.5.4 preferences, looked up as RFC 4647 3.4 has it."""

import re
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh-CN"]

_DEFAULT: Language = "en"
# All Chinese is answered in simplified characters: nearer to every reader of Chinese than English is.
_BY_PRIMARY_SUBTAG: dict[str, Language] = {"en": "en", "zh": "zh-CN"}
_MOST_RANGES = 32
_RANGE = re.compile(
    r"\s*([a-z]{1,8})(?:-[a-z0-9]{1,8})*\s*(?:;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
)


def choose_language(header: str | None) -> Language:
    """The language to answer in, English when none that we have is asked for.

    What is malformed in the header is passed over; a wildcard asks for no language by name, so it means
    the default (RFC 4647 3.4).
    """
    chosen, best = _DEFAULT, 0.0
    for part in (header or "").split(",", _MOST_RANGES)[:_MOST_RANGES]:
        match = _RANGE.fullmatch(part)
        language = _BY_PRIMARY_SUBTAG.get(match[1].lower()) if match else None
        if match is None or language is None:
            continue
        quality = float(match[2] or 1)
        if quality > best:
            chosen, best = language, quality
    return chosen
