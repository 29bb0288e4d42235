"""The rule for names that administrators give."""

import unicodedata

from tenancy.errors import NameInvalid

_LONGEST = 255

# Control characters, lone surrogates and line separators; then the marks that make a text read otherwise
# than it is written. Joiners stay: Persian names and emoji need them.
_FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION_MARKS = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def demand_name(name: str) -> str:
    """The name without the spaces around it.

    Raises:
        NameInvalid: it is empty, too long, or has characters that cannot be seen.
    """
    stripped = name.strip()
    if not 1 <= len(stripped) <= _LONGEST or any(map(_is_forbidden, stripped)):
        raise NameInvalid
    return stripped


def _is_forbidden(character: str) -> bool:
    return character in _DIRECTION_MARKS or unicodedata.category(character) in _FORBIDDEN_CATEGORIES
