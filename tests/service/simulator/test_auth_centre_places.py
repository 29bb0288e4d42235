"""Where auth centres listen, and how others reach them."""

from urllib.parse import urlsplit

import httpx2
import pytest

from service.simulator.auth_centre import Site, open_auth_centre
from service.simulator.listening import CannotListen


async def test_each_centre_serves_at_a_port_of_its_own():
    async with open_auth_centre() as one, open_auth_centre() as other:
        assert one.url != other.url
        async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
            for centre in (one, other):
                assert (await client.get(f"{centre.url}/unified-login/")).status_code == 200
        port = urlsplit(one.url).port
        with pytest.raises(CannotListen, match=f"cannot listen at 127.0.0.1:{port}: "):
            async with open_auth_centre(Site(port=port)):
                pass


async def test_a_centre_behind_a_proxy_has_the_proxys_address():
    async with open_auth_centre(Site(url="https://auth.example/")) as centre:
        assert centre.url == "https://auth.example"
