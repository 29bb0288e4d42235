"""The marketplace's account login: where an auth centre is, and links for browsers."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sso.errors import UpstreamUnreachable
from sso.koogallery import (
    DEFAULT_PORTAL_URL,
    base_address,
    exchange_code,
    logout_link,
    portal_link,
    read_userinfo,
    renew,
)
from tests.receivers import open_receiver
from tests.sso.auth_centres import credential


@pytest.mark.parametrize(
    ("domain_name", "address"),
    [
        ("works.example.com", "https://works.example.com"),
        ("https://works.example.com", "https://works.example.com"),
        ("HTTPS://Works.Example.com/", "https://works.example.com"),
        ("works.example.com:8443", "https://works.example.com:8443"),
        ("https://[2606:4700::1111]:8443", "https://[2606:4700::1111]:8443"),
    ],
)
def test_an_auth_centre_is_a_host_and_https_unless_told_otherwise(domain_name, address):
    assert base_address(domain_name, allow_http=False) == address


TRICKS = [
    "",
    "https://",
    "https:///path",
    "https://works.example.com/path",
    "works.example.com/..",
    "works.example.com?x=1",
    "works.example.com#x",
    "https://user@works.example.com",
    "https://user:hush@works.example.com",
    "works.example.com@evil.example",
    "works.example.com\\@evil.example",
    "https://works.example.com\n",
    " works.example.com",
    "works.example.com:",
    "works.example.com:http",
    "works%2eexample.com",
    "wor\u212as.example.com",
    "http\u017f://works.example.com",
    "工厂.example.com",
    "ftp://works.example.com",
    "//works.example.com",
    "https://https://works.example.com",
    "x" * 254,
]


@pytest.mark.parametrize("domain_name", TRICKS)
async def test_a_domain_name_that_is_more_than_a_host_is_not_called(http, domain_name):
    for call in (
        exchange_code(http, domain_name, [credential()], "code", allow_http=True),
        read_userinfo(http, domain_name, "token", allow_http=True),
        renew(http, domain_name, credential(), "token", allow_http=True),
    ):
        with pytest.raises(UpstreamUnreachable, match="have it synchronised again") as caught:
            await call
        assert "hush" not in str(caught.value)


@given(st.text(max_size=80))
def test_whatever_the_domain_name_only_its_host_is_called(domain_name):
    try:
        address = base_address(domain_name, allow_http=True)
    except UpstreamUnreachable:
        return
    parts = urlsplit(f"{address}/api")
    assert parts.path == "/api"
    assert parts.username is None
    assert domain_name.lower().rstrip("/").endswith(parts.netloc)


async def test_http_is_refused_unless_allowed(http):
    async with open_receiver() as centre:
        with pytest.raises(UpstreamUnreachable, match="it must be https://"):
            await exchange_code(http, centre.url, [credential()], "code")

    assert centre.count == 0
    assert base_address("http://127.0.0.1:81", allow_http=True) == "http://127.0.0.1:81"


@pytest.mark.parametrize("domain_name", ["h:99999", "[::::]", "[1]", "1.2.3.999", "0x7f.1", "2130706433"])
async def test_a_host_that_is_neither_a_name_nor_an_address_is_unreachable(http, domain_name):
    with pytest.raises(UpstreamUnreachable):
        await read_userinfo(http, domain_name, "token")


def test_the_parameters_of_the_portal_stand_behind_its_hash():
    link = portal_link(DEFAULT_PORTAL_URL, "a&b #c")

    assert link == (
        "https://macroverse.huaweicloud.com/unified-login/#/portal-login?ind=UNOP&appId=a%26b%20%23c"
    )
    assert portal_link("http://127.0.0.1:9/in?x=1#/login?y=2", "a").endswith("?y=2&ind=UNOP&appId=a")
    assert portal_link("http://127.0.0.1:9/in?x=1#/login", "a").endswith("#/login?ind=UNOP&appId=a")
    assert portal_link("http://127.0.0.1:9/in", "a") == "http://127.0.0.1:9/in?ind=UNOP&appId=a"


@given(st.text())
def test_the_way_back_from_the_logout_is_one_parameter(redirect_url):
    link = logout_link("works.example.com", redirect_url)

    assert link.startswith("https://works.example.com/api/v1/logout?redirect_url=")
    assert parse_qs(urlsplit(link).query, keep_blank_values=True) == {"redirect_url": [redirect_url]}
    assert urlsplit(link).fragment == ""
