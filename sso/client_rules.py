"""Where a client may have browsers sent.

Source: RFC 9700 section 2.1 (compared character by character) and RFC 8252 section 7 (native apps).
"""

import re
from collections.abc import Sequence

from tenancy.errors import Invalid

_MOST = 20
_LONGEST = 2048

# What RFC 3986 allows in a path and a query. No asterisk: somebody would take it for a wildcard.
_PATH = r"/(?:[!$&'()+,./0-9:;=@A-Z_a-z~-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"(?:\?(?:[!$&'()+,./0-9:;=?@A-Z_a-z~-]|%[0-9A-Fa-f]{2})*)?"
_PORT = r"(?::[0-9]{1,5})?"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"

_HTTPS = re.compile(rf"https://(?:{_NAME}|\[[0-9A-Fa-f:.]+\]){_PORT}(?:{_PATH})?{_QUERY}")
_LOOPBACK = re.compile(rf"http://(?:127\.0\.0\.1|\[::1\]){_PORT}(?:{_PATH})?{_QUERY}")
# A scheme of a native app is a domain name turned round, so neither `javascript` nor `data` is one.
_PRIVATE_USE = re.compile(rf"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:{_PATH}{_QUERY}")


class ClientSettingsInvalid(Invalid):
    """Something in the settings of the client cannot be."""


def check_addresses(field: str, addresses: Sequence[str], *, fewest: int) -> None:
    """Refuse addresses that a browser must not be sent to with an answer for the client.

    Raises:
        ClientSettingsInvalid: names the field and says what is wrong.
    """
    if not fewest <= len(addresses) <= _MOST:
        raise ClientSettingsInvalid(f"{field}: give {fewest} to {_MOST} addresses.")
    wrong = [uri for uri in addresses if not _is_one_of(uri, _HTTPS, _LOOPBACK, _PRIVATE_USE)]
    if wrong:
        raise ClientSettingsInvalid(
            f"{field}: {wrong[0][:100]!r} is neither an https:// address, nor http:// on 127.0.0.1 or [::1],"
            f" nor a native app's such as com.example.app:/callback; without fragment and *, {_LONGEST}"
            " characters at most."
        )


def check_page(field: str, uri: str) -> None:
    """Refuse what is not the address of a web page.

    Raises:
        ClientSettingsInvalid: names the field and says what is wrong.
    """
    if not _is_one_of(uri, _HTTPS, _LOOPBACK):
        raise ClientSettingsInvalid(
            f"{field}: {uri[:100]!r} is neither an https:// address nor http:// on 127.0.0.1 or [::1];"
            f" without fragment and *, {_LONGEST} characters at most."
        )


def _is_one_of(uri: str, *kinds: re.Pattern[str]) -> bool:
    return len(uri) <= _LONGEST and any(kind.fullmatch(uri) for kind in kinds)
