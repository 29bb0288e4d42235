import re
from pathlib import Path

import httpx2
import pytest

from service.simulator.cases import Outcome
from service.simulator.marketplace import Marketplace
from service.simulator.scorecard import fails_documented, run_scorecard
from service.simulator.scorecard_output import text_line
from sso.keys import load_private_key, public_line
from tests.marketplace import BASE_KEY, KIT_KEY, V1_KEY

SIGN_IN = set(range(74, 81))


def on_the_wire(app):
    """The application as a client hears it: header names are bytes like any others."""

    async def wrapped(scope, receive, send):
        async def send_plain(message):
            headers = [(bytes(name), value) for name, value in message.get("headers", [])]
            await send({**message, "headers": headers} if headers else message)

        await app(scope, receive, send_plain)

    return wrapped


@pytest.fixture
async def card(app, product, private_key, clock):
    """The simulator's marketplace, at the present time as on any other machine."""
    clock.freeze(None)
    async with Marketplace(
        f"http://tenon.test/koogallery/{product}",
        base_key=BASE_KEY,
        kit_key=KIT_KEY,
        v1_key=V1_KEY,
        public_key_line=public_line(load_private_key(private_key)),
        transport=httpx2.ASGITransport(app=on_the_wire(app), raise_app_exceptions=False),
    ) as marketplace:
        yield marketplace


async def test_tenon_passes_its_own_score_card(card):
    results = await run_scorecard(card)
    assert [text_line(result) for result in results if result.outcome is Outcome.FAIL] == []
    assert not fails_documented(results)
    assert {result.number for result in results if result.outcome is Outcome.SKIPPED} == {33, *SIGN_IN}


async def test_a_product_that_provisions_later_passes_case_33(card, api, product):
    await api.put(f"/v1/products/{product}", json={"name": "Slow", "provisioning": "confirmed"})
    [result] = await run_scorecard(card, only={33})
    assert result.outcome is Outcome.PASS, text_line(result)


def test_every_case_has_a_test_of_its_name():
    files = Path(__file__).parent.glob("test_*.py")
    named = {
        int(number) for file in files for number in re.findall(r"def test_case_(\d\d)_", file.read_text())
    }
    assert named == set(range(1, 81))
