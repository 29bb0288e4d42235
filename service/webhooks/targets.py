"""Where a webhook may go: rules on the URL of an endpoint and on the addresses its host leads to.

Both stand against server-side request forgery: nobody may make Tenon call what only Tenon can reach.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import msgspec

from tenancy.errors import Invalid

Address = IPv4Address | IPv6Address
Origin = tuple[str, str, int]

_LONGEST_URL = 2048
_LONGEST_NAME = 253
_DEFAULT_PORTS = {"https": 443, "http": 80}

# Stricter than RFC 3986 on purpose: what no two programs read differently. User info and fragment do not fit.
_URL = re.compile(
    r"(?P<scheme>[a-zA-Z]+)://"
    r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<name>[a-zA-Z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!$&'()*+,./0-9:;=@A-Z_a-z~%-]*)?"
    r"(?P<query>\?[!$&'()*+,./0-9:;=?@A-Z_a-z~%-]*)?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses: a name never ends in a number.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Special purpose registries of IANA (RFC 6890 and its successors): not globally routable unicast.
_SPECIAL_V4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers; some clouds put their metadata here
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent behind a public address
        "169.254.0.0/16",  # link-local, most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# Outside of it are loopback, IPv4-compatible, unique local, link-local, site-local and multicast addresses.
_UNICAST_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]
# Their last 32 bits are an IPv4 address: mapped, and the translators of networks without IPv4 (RFC 6052).
_EMBEDDING_V6 = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]


class EndpointUrlInvalid(Invalid):
    """The URL of an endpoint cannot be used."""


class Target(msgspec.Struct, frozen=True):
    """A checked URL in its parts: `host` is a name in lower case or an address, `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> Origin:
        """What a connection belongs to (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, *, allow_http: bool, allow_private: bool) -> None:
    """Refuse a URL that no webhook can go to; what its host name leads to is checked at each connection.

    Raises:
        EndpointUrlInvalid: says what is wrong.
    """
    read_target(url, allow_http=allow_http, allow_private=allow_private)


def read_target(url: str, *, allow_http: bool, allow_private: bool) -> Target:
    """Check a URL and take it apart, so that what was checked is what is called.

    Raises:
        EndpointUrlInvalid: says what is wrong.
    """
    if len(url) > _LONGEST_URL:
        raise EndpointUrlInvalid(f"It is longer than {_LONGEST_URL} characters.")
    match = _URL.fullmatch(url)
    if match is None:
        raise EndpointUrlInvalid(
            "It must be https://host:port/path?query in ASCII, without user name, password and fragment."
        )
    scheme = match["scheme"].lower()
    if scheme not in _DEFAULT_PORTS or (scheme == "http" and not allow_http):
        raise EndpointUrlInvalid("It must begin with https://.")
    port = int(match["port"] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 2**16:
        raise EndpointUrlInvalid("Its port must be between 1 and 65535.")
    host = _read_host(match, allow_private=allow_private)
    return Target(scheme, host, port, (match["path"] or "/") + (match["query"] or ""))


def is_public(address: Address) -> bool:
    """Whether an address is globally routable unicast, and so is any IPv4 address that it embeds."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if any(address in network for network in _EMBEDDING_V6):
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _UNICAST_V6 and not any(address in network for network in _SPECIAL_V6)


def _read_host(match: re.Match[str], *, allow_private: bool) -> str:
    name = (match["name"] or "").lower()
    labels = name.split(".")
    if match["ipv6"] is None and not _NUMBER.fullmatch(labels[-1]):
        if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
            raise EndpointUrlInvalid("Its host is neither a host name nor an address.")
        if labels[-1] == "localhost" and not allow_private:
            raise EndpointUrlInvalid("Its host must be public.")
        return name
    try:
        address = IPv4Address(name) if match["ipv6"] is None else IPv6Address(match["ipv6"])
    except ValueError:
        raise EndpointUrlInvalid(
            "Its host is no address; IPv4 has four decimal numbers, IPv6 has brackets and no zone."
        ) from None
    if not allow_private and not is_public(address):
        raise EndpointUrlInvalid("Its host must be public.")
    return str(address)
