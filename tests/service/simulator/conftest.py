from collections.abc import AsyncIterator

import httpx2
import pytest

from service.simulator.marketplace import Marketplace
from sso.keys import load_private_key, make_private_key, public_line

from .vendors import ADDRESS, BASE_KEY, KIT_KEY, V1_KEY, CarefulVendor, Vendor, YesVendor


def marketplace_of(vendor: Vendor, *, public_key_line: str = "", v1_key: str = V1_KEY) -> Marketplace:
    return Marketplace(
        ADDRESS,
        base_key=BASE_KEY,
        kit_key=KIT_KEY,
        v1_key=v1_key,
        public_key_line=public_key_line,
        transport=httpx2.ASGITransport(vendor),
    )


@pytest.fixture(scope="session")
def private_key() -> str:
    return make_private_key()


@pytest.fixture(scope="session")
def public_key_line(private_key: str) -> str:
    return public_line(load_private_key(private_key))


@pytest.fixture
def careful(private_key: str) -> CarefulVendor:
    return CarefulVendor(private_key=private_key)


@pytest.fixture
async def marketplace(careful: CarefulVendor, public_key_line: str) -> AsyncIterator[Marketplace]:
    async with marketplace_of(careful, public_key_line=public_key_line) as opened:
        yield opened


@pytest.fixture
async def believing() -> AsyncIterator[Marketplace]:
    async with marketplace_of(YesVendor()) as opened:
        yield opened
