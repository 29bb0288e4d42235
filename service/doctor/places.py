"""What addresses say before anybody calls them."""

from urllib.parse import urlsplit

from service.setting_values import is_loopback


def is_local(url: str) -> bool:
    """Whether the address is of this machine only."""
    return is_loopback((urlsplit(url).hostname or "").removesuffix("."))


def host_and_port(url: str) -> tuple[str, int]:
    """Where the address leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
