"""What a trace says of an SQL statement: what it does to which table, and nothing of its text or values."""

import re
from functools import lru_cache
from itertools import islice
from typing import Final

import msgspec

_LITERALS: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_BRACKETS: Final = re.compile(r"\([^()]*\)")
_TABLE: Final = r'\s+(?:ONLY\s+)?"?([A-Za-z_]\w*)"?'
# Locking for an update, or what to do in a conflict, is no operation of its own.
_CHANGE: Final = re.compile(
    rf"\b(INSERT INTO|(?<!FOR )(?<!KEY )(?<!DO )(?<!THEN )UPDATE|DELETE FROM|MERGE INTO){_TABLE}"
)
_SOURCE: Final = re.compile(rf"(?<!DISTINCT )\b(?:FROM|JOIN){_TABLE}\b(?!\s*\()")
_PART: Final = re.compile(r"\b(\w+)(?:\s*\([\w\s,]*\))?\s+AS\s+(?:NOT\s+)?(?:MATERIALIZED\s+)?\(")
_READ: Final = re.compile(r"\bSELECT\b")
_WORD: Final = re.compile(r"[A-Z]+")
_MOST_KEPT = 2048


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The operation, and a summary of few different values, such as `INSERT push`."""

    operation: str
    summary: str


_BEGIN: Final = Statement(operation="BEGIN", summary="BEGIN")
# One message begins the transaction and waits for the lock; nearly all of its time is the waiting.
_LOCK: Final = Statement(operation="BEGIN", summary="LOCK tenant")


def describe_statement(query: str) -> Statement:
    """Tell what a statement does; what opens a transaction with a tenant's lock is the waiting for it."""
    # The id of a tenant is in the text of an opening, so no two are the same.
    if query.startswith("BEGIN"):
        return _LOCK if "pg_advisory_xact_lock" in query else _BEGIN
    return _describe(query)


@lru_cache(maxsize=_MOST_KEPT)
def _describe(query: str) -> Statement:
    text = _LITERALS.sub("", query)
    change = _CHANGE.search(_outermost(text)) or _CHANGE.search(text)
    if change is not None:
        operation = change[1].split()[0]
        return Statement(operation=operation, summary=f"{operation} {change[2]}")
    if _READ.search(text):
        parts = set(_PART.findall(text))
        tables = (table for table in _SOURCE.findall(text) if table not in parts)
        return Statement(operation="SELECT", summary=" ".join(["SELECT", *islice(tables, 1)]))
    word = _WORD.match(text.lstrip())
    operation = word[0] if word else "OTHER"
    return Statement(operation=operation, summary=operation)


def _outermost(text: str) -> str:
    """What is in no brackets."""
    while True:
        shorter = _BRACKETS.sub("", text)
        if shorter == text:
            return text
        text = shorter
