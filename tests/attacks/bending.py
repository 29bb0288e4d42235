"""Codes and tokens taken apart and put together otherwise."""

import base64
import secrets

_SECRET_BYTES = 24


def other_secret(text):
    """The same locator with a secret that somebody has made up."""
    prefix, raw = _parts(text)
    return prefix + _encode(raw[:-_SECRET_BYTES] + secrets.token_bytes(_SECRET_BYTES))


def with_prefix(text, prefix):
    """What is one thing, presented as another."""
    return prefix + text[len(prefix) :]


def moved_to(text, other):
    """The secret of one text behind the locator of another."""
    prefix, raw = _parts(text)
    return prefix + _encode(_parts(other)[1][:-_SECRET_BYTES] + raw[-_SECRET_BYTES:])


def _parts(text):
    prefix, body = text[:9], text[9:]
    return prefix, base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def _encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
