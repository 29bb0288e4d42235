"""What may not be logged: secrets and personal data, found by the name of a value or by the look of a text.

A safety net for careless calls and for libraries that repeat what they were given; no licence to log them.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

import msgspec
from structlog.typing import EventDict, WrappedLogger

REDACTED = "[redacted]"
MAX_DEPTH = 8
PAIR = 2

# Names are compared in lower case without separators: `X-Sign`, `authToken`, `client_secret`.
_SENSITIVE_PARTS = re.compile(
    "accesskey|apikey|authorization|body|cookie|credential|databaseurl|email|encryptionkey|mobile|passphrase"
    "|passw|phone|privatekey|redisurl|secret|securitykey|signature|token"
)
_SENSITIVE_NAMES = frozenset({"auth", "dsn", "key", "keys", "mail", "sign", "xsign"})
_MEASURES = re.compile("(bytes|count|length|seconds|size)$")
_TEXT_RULES = (
    # the password of an address
    (re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]*@"), rf"\1:{REDACTED}@"),
    # the query of a request: the marketplace's V1 and V2 calls carry signatures and persons in it
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']+"), rf"\1?{REDACTED}"),
    # e-mail addresses, unless they are the user part of an address with a scheme
    (re.compile(r"(?<![\w.+/:\-\]])[\w.+\-]+@[\w\-]+(\.[\w\-]+)+"), REDACTED),
    # Chinese mobile numbers, and international ones
    (re.compile(r"(?<![\w.])1[3-9]\d{9}(?!\w)|(?<!\w)\+\d{8,15}(?!\d)"), REDACTED),
)
# Without any of these in a text none of the rules can match in it.
_SUSPECT = re.compile(r"[@?\x00-\x1f\x7f-\x9f]|\d{8}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact a whole log event; a structlog processor, to run after exceptions were formatted."""
    return {key: _redact_named(key, value, depth=0) for key, value in event.items()}


def redact_text(text: str) -> str:
    """Mask what looks like a secret or a person in free text, and control characters that forge lines."""
    if not _SUSPECT.search(text):
        return text
    for pattern, replacement in _TEXT_RULES:
        text = pattern.sub(replacement, text)
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _redact_named(key: object, value: object, *, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    text = key.decode("latin-1") if isinstance(key, bytes) else str(key)
    if not _is_sensitive(text):
        return _redact(value, depth=depth)
    if isinstance(value, int | float) and _MEASURES.search(_normalise(text)):
        return value
    return REDACTED


@lru_cache(maxsize=1024)
def _is_sensitive(key: str) -> bool:
    name = _normalise(key)
    return name in _SENSITIVE_NAMES or _SENSITIVE_PARTS.search(name) is not None


def _normalise(key: str) -> str:
    return re.sub(r"[\W_]", "", key.lower())


def _redact(value: object, *, depth: int) -> object:
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, msgspec.Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return redact_text(str(value))
    return REDACTED if depth == MAX_DEPTH else _redact_inside(value, depth=depth + 1)


def _redact_inside(value: Mapping[object, object] | Collection[object], *, depth: int) -> object:
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _redact_named(key, item, depth=depth) for key, item in value.items()}
    items = list(value)
    # Headers are often a list of pairs.
    if len(items) == PAIR and isinstance(items[0], str | bytes) and not isinstance(value, set | frozenset):
        return [_redact(items[0], depth=depth), _redact_named(items[0], items[1], depth=depth)]
    return [_redact(item, depth=depth) for item in items]
