"""An installation after the guide, on servers of its own; what tests do to it leaves it usable."""

import re

import httpx2
import pytest

from service.runtime import system_clock
from sso.keys import load_private_key, public_line
from tests.faults.homes import fill_homes
from tests.folders import short_folder
from tests.helm.binary import NoHelm, find_helm
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY, Marketplace
from tests.operating.clusters import handed_out, shell
from tests.operating.guides import blocks

GUIDE, INSTALL = "docs/operating.md", "2. Install"
# The first block names what is everybody's own.
_YOURS = 1


@pytest.fixture(scope="package")
def own_folder():
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="package")
def helm():
    """Nothing here runs without Helm."""
    try:
        return find_helm()
    except NoHelm as reason:
        pytest.skip(f"There is no Helm to be had here. {reason}")


@pytest.fixture(scope="package")
async def installed(own_folder, helm):
    """A shell in which the guide's installation was carried out; `token` is what it printed last."""
    async with handed_out(own_folder / "data") as server:
        with shell(own_folder / "shell", **server) as opened:
            [values] = blocks(GUIDE, INSTALL, "yaml")
            (opened.folder / "tenon-values.yaml").write_text(values)
            said = await opened.run_all(blocks(GUIDE, INSTALL)[_YOURS:])
            opened.token = re.search(r"^tenon_\S+$", said[-1], re.MULTILINE)[0]
            yield opened


def calling(opened, token):
    """A client of what serves there."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(base_url=opened.address, headers=headers, timeout=60, trust_env=False)


@pytest.fixture
async def operator(installed):
    """A client with the operator's token that the installation ends with."""
    async with calling(installed, installed.token) as client:
        yield client


async def open_marketplace(client, slug, private_key):
    """A marketplace that calls a product there, which is made if there is none."""
    keys = {"base_keys": [BASE_KEY], "kit_keys": [KIT_KEY], "v1_keys": [V1_KEY]}
    body = {"name": "Demonstration", "rsa_private_keys": [private_key], **keys}
    answer = await client.put(f"/v1/products/{slug}", json=body)
    assert answer.status_code == 200, answer.text
    return Marketplace(
        client, f"/koogallery/{slug}", system_clock, public_line(load_private_key(private_key))
    )


@pytest.fixture(scope="package")
async def homes(installed, private_key):
    """Two enterprises with one of everything."""
    async with calling(installed, installed.token) as client:
        marketplace = await open_marketplace(client, "crm", private_key)
        yield await fill_homes(client, "crm", marketplace)
