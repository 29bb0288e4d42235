"""What a person can press on a page, as routes hand it to the views."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The way back to an application: what it is called, and an address registered for it."""

    title: str
    url: str


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A form that changes something: where it goes, its CSRF token and what it carries along unseen.

    `targets` are the origins (`https://app.example.com`) or schemes (`https:`) to which the answer may
    redirect: Chromium applies `form-action` to every redirect that follows a form.
    """

    action: str
    csrf: str
    fields: Mapping[str, str] = {}
    targets: Sequence[str] = ()


class Enterprise(msgspec.Struct, frozen=True, kw_only=True):
    """An enterprise that this browser has signed in to: its tenant id, name and code."""

    tenant: str
    name: str
    code: str | None = None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A connection to choose; without a title it is called what the marketplace's account login is."""

    connection: str
    title: str | None = None


class AppChoice(msgspec.Struct, frozen=True, kw_only=True):
    """An app to choose, told apart from others of its product by its purchase."""

    app: str
    instance: str
    order: str | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, or would be: display name, user name and the enterprise's name."""

    name: str
    user_name: str
    enterprise: str


def targets_of(link: str | None = None) -> list[str]:
    """What the answer to a form may lead to, when that goes through hosts that nobody can list.

    `link` is where it ends: a native application has a scheme of its own (RFC 8252 7.1).
    """
    scheme = urlsplit(link or "https:").scheme
    return sorted({"https:", "http:", f"{scheme}:"})
