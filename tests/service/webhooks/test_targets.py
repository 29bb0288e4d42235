"""Where a webhook may go: the rules on URLs and addresses."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.webhooks.targets import EndpointUrlInvalid, check_url, is_public, read_target


def words(text):
    return text.split()


PUBLIC = words("1.1.1.1 8.8.8.8 100.63.255.255 172.32.0.1 2606:4700::1111 2400::1 64:ff9b::8.8.8.8")

NOT_PUBLIC = words("""
    127.0.0.1 127.255.255.255 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1
    169.254.169.254 100.64.0.1 100.100.100.200 100.127.255.255 168.63.129.16 192.0.0.192
    192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1
    224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 100::1
    2001:db8::1 3fff::1 2001:2::1 2001:10::1 5f00::1 4000::1
    ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::8.8.8.8
    2002:7f00:1:: 2002:a00:1::1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2
""")


def check(url, *, allow_http=False, allow_private=False):
    check_url(url, allow_http=allow_http, allow_private=allow_private)


@pytest.mark.parametrize("address", PUBLIC)
def test_globally_routable_addresses_are_public(address):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_all_other_addresses_are_not(address):
    assert not is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_counts_the_same_however_it_is_dressed(address):
    for prefix in ("::ffff:", "64:ff9b::"):
        assert is_public(IPv6Address(prefix + str(address))) == is_public(address)
    assert not is_public(IPv6Address(int(address)))
    assert not is_public(IPv6Address((0x2002 << 112) | (int(address) << 80)))
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_only_global_unicast_of_ipv6_is_public(address):
    if is_public(address) and address.ipv4_mapped is None:
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://hooks.example.com", "hooks.example.com", "/"),
        ("HTTPS://Hooks.Example.COM/In?tenant=1&x=%20", "hooks.example.com", "/In?tenant=1&x=%20"),
        ("https://hooks.example.com:443/a", "hooks.example.com", "/a"),
        ("https://hooks.example.com:8443?q", "hooks.example.com:8443", "/?q"),
        ("https://xn--fsqu00a.example/", "xn--fsqu00a.example", "/"),
        ("https://8.8.8.8/", "8.8.8.8", "/"),
        ("https://[2606:4700:0:0::1111]:8443/", "[2606:4700::1111]:8443", "/"),
    ],
)
def test_a_good_url_is_read_into_what_is_called(url, authority, path):
    target = read_target(url, allow_http=False, allow_private=False)

    assert (target.scheme, target.authority, target.path) == ("https", authority, path)


NO_PLAIN_URLS = words(r"""
    hooks.example.com //hooks.example.com/ https:/hooks.example.com https:// https:///x
    ftp://hooks.example.com/ file:///etc/passwd gopher://hooks.example.com/ javascript:alert(1)
    https://user@hooks.example.com/ https://user:password@hooks.example.com/ https://a:b:1/
    https://good.example@evil.example/ https://good.example\@evil.example/ https://good.example\.evil.example/
    https://hooks.example.com#part https://hooks.example.com/#part https://hooks.example.com/"x"
    https://hooks.example.com:0/ https://hooks.example.com:65536/ https://hooks.example.com:x/
    https://hooks.example.com:/ https://hooks.example.com:-1/ https://hooks..example.com/
    https://-hooks.example.com/ https://hooks.example.com./ https://.example.com/
    https://示例.example/ https://hooks。example.com/ https://ﬀ.example/ https://①②⑦.0.0.1/
    https://[::1 https://::1/ https://[fe80::1%25eth0]/ https://[fe80::1%eth0]/
    https://[hooks.example.com]/ https://[v1.x]/ https://[1.2.3.4]/ https://%31%32%37.0.0.1/
""")


@pytest.mark.parametrize(
    "url",
    [
        *NO_PLAIN_URLS,
        *(
            "",
            " https://hooks.example.com/",
            "https://hooks.example.com/a b",
            "https://hooks.example.com/\r\nx: y",
        ),
        *("https://hooks.example.com/\n", "https://hooks.example.com\t/", "https://hooks.example.com/\x00"),
        "https://hooks.example.com\x00.evil.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://hooks.example.com/" + "a" * 2048,
    ],
)
def test_what_is_no_plain_url_is_refused_even_where_private_ones_are_allowed(url):
    with pytest.raises(EndpointUrlInvalid):
        check(url, allow_http=True, allow_private=True)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_unless_allowed(address):
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"

    check(url, allow_private=True)
    with pytest.raises(EndpointUrlInvalid, match="must be public"):
        check(url)


NUMBERS = words("""
    2130706433 0x7f000001 017700000001 0177.0.0.1 0x7f.0.0.1 127.1 127.0.1 0 0x 0x7F.1 127.0.0.1. 127.0.0.01
    2852039166 0xA9FEA9FE 169.254.43518 256.1.1.1 4294967296 0x8.0x8.0x8.0x8 999999999999 1.2.3.4.5
    x.127 hooks.0x7f
""")


@pytest.mark.parametrize("host", NUMBERS)
def test_a_number_is_no_host_in_any_notation_but_the_usual_one(host):
    with pytest.raises(EndpointUrlInvalid):
        check(f"https://{host}/", allow_private=True)


@given(st.ip_addresses(v=4), st.sampled_from(["{}", "{:#x}", "0{:o}", "{:#X}"]))
def test_an_address_as_one_number_is_never_a_host(address, notation):
    with pytest.raises(EndpointUrlInvalid):
        check(f"https://{notation.format(int(address))}/", allow_private=True)


def test_http_is_only_for_those_who_allow_it():
    check("http://hooks.example.com/", allow_http=True)
    with pytest.raises(EndpointUrlInvalid, match="https://"):
        check("http://hooks.example.com/")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "hooks.localhost"])
def test_this_machine_by_its_name_is_not_public(host):
    check(f"https://{host}/", allow_private=True)
    with pytest.raises(EndpointUrlInvalid, match="must be public"):
        check(f"https://{host}/")


@given(st.text(max_size=60))
def test_any_text_is_either_refused_or_read_into_a_clean_target(text):
    try:
        target = read_target("https://" + text, allow_http=False, allow_private=False)
    except EndpointUrlInvalid:
        return
    assert (target.host + target.path).isascii()
    assert not set(target.host) & set("@/\\?#%[] \t\r\n")
    assert not set(target.path) & set("#\\ \t\r\n")
    if target.host.replace(".", "").isdigit():
        assert is_public(IPv4Address(target.host))
