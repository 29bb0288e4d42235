"""Options about signing in: the vendor's pages for browsers, and where an auth centre is played."""

import functools
from typing import Any
from urllib.parse import urlsplit

import click

from service.simulator.auth_centre import Site
from service.simulator.options import Decorated

_SIGN_IN_OPTIONS = (
    click.option(
        "--login-url",
        default="",
        metavar="URL",
        callback=lambda _, __, value: check_page(value),
        help="The vendor's login address, as registered in the application's credential.",
    ),
    click.option(
        "--auth-centre-bind",
        default="127.0.0.1:0",
        show_default=True,
        metavar="HOST:PORT",
        callback=lambda _, __, value: read_bind(value),
        help="Where the enterprise's auth centre is played; port 0 is any free one.",
    ),
    click.option(
        "--auth-centre-url",
        default="",
        metavar="URL",
        callback=lambda _, __, value: check_page(value),
        help="Its address as the vendor and browsers reach it, if another; announced as the domain name.",
    ),
)
_SESSION_OPTIONS = (
    click.option(
        "--logout-url",
        default="",
        metavar="URL",
        callback=lambda _, __, value: check_page(value),
        help="Where the vendor signs a person out; without it that is not checked.",
    ),
    click.option(
        "--page-url",
        default="",
        metavar="URL",
        callback=lambda _, __, value: check_page(value),
        help="A page of the vendor that needs a session; without it the one a sign-in leads to.",
    ),
)


def sign_in_options(command: Decorated) -> Decorated:
    """Give a command the options `login_url` and `site` (of the auth centre it serves)."""

    @functools.wraps(command)
    def with_site(*, auth_centre_bind: tuple[str, int], auth_centre_url: str, **rest: Any) -> Any:
        host, port = auth_centre_bind
        return command(site=Site(host=host, port=port, url=auth_centre_url), **rest)

    decorated: Decorated = with_site
    for option in reversed(_SIGN_IN_OPTIONS):
        decorated = option(decorated)
    return decorated


def session_options(command: Decorated) -> Decorated:
    """Give a command the options that say what a signed-in person may open."""
    for option in reversed(_SESSION_OPTIONS):
        command = option(command)
    return command


def check_page(url: str) -> str:
    """Return an address for browsers, or nothing for nothing; raises BadParameter when it is none."""
    if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
        raise click.BadParameter(f"{url!r} is no address; give http(s)://host/path.")
    return url


def read_bind(value: str) -> tuple[str, int]:
    """Read HOST:PORT."""
    try:
        place = urlsplit(f"//{value}")
        host, port = place.hostname, place.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise click.BadParameter(f"{value!r} is no HOST:PORT; write 127.0.0.1:0 or [::1]:8080.")
    return host, port
