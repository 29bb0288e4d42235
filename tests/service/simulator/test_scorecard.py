from xml.etree import ElementTree as ET

import msgspec
import pytest

from service.simulator.cases import Level, Outcome
from service.simulator.context import Context
from service.simulator.expectations import Unmet
from service.simulator.marketplace import Marketplace
from service.simulator.scorecard import CASES, fails_documented, run_scorecard
from service.simulator.scorecard_output import as_json, as_junit, make_card, text_line

from .conftest import marketplace_of
from .vendors import CarefulVendor, Request


def test_there_are_the_80_cases_of_the_conformance_list_each_once():
    assert [case.number for case in CASES] == list(range(1, 81))


def test_every_case_has_its_level():
    documented = {case.number for case in CASES if case.level is Level.DOCUMENTED}
    sample = {case.number for case in CASES if case.level is Level.SAMPLE}
    assert sample == {5, 6, 7, 10, 11, 12, 13, 23, 32, 42, 47, 65}
    assert documented == {
        *(1, 2, 4, 8, 9, 18, 19, 20, 21, 22, 24, 25, 26, 28, 30, 31),
        *(34, 35, 36, 37, 38, 39, 40, 43, 45, 46, 48, 49, 51, 52, 56, 58, 60, 61, 63, 64),
        *(67, 68, 69, 70, 71, 74, 76, 79, 80),
    }


async def test_a_careful_vendor_passes_all_that_can_be_checked(marketplace: Marketplace):
    results = await run_scorecard(marketplace)
    failed = [text_line(result) for result in results if result.outcome is Outcome.FAIL]
    skipped = {result.number for result in results if result.outcome is Outcome.SKIPPED}
    assert failed == []
    assert skipped == {33, *range(74, 81)}
    assert not fails_documented(results)


async def test_the_card_can_run_again_against_the_same_server(marketplace: Marketplace):
    first = await run_scorecard(marketplace)
    second = await run_scorecard(marketplace)
    assert [result.outcome for result in first] == [result.outcome for result in second]


async def test_a_vendor_that_believes_everything_fails_what_it_should(believing: Marketplace):
    results = await run_scorecard(believing)
    failed = {result.number for result in results if result.outcome is Outcome.FAIL}
    # No ids, no signature check, no validation.
    assert {1, 2, 3, 4, 8, 9, 10, 11, 12, 14, 15, 16, 17, 22, 27, 31, 32, 42, 44, 62, 66, 67, 68} <= failed
    assert failed.isdisjoint({5, 6, 7, 13, 23, 38, 39, 40})
    assert fails_documented(results)


async def test_without_keys_the_cases_that_need_them_are_skipped_with_the_reason(careful: CarefulVendor):
    async with marketplace_of(careful, v1_key="") as marketplace:
        results = {result.number: result for result in await run_scorecard(marketplace)}
    assert results[67].reason == "V1 is checked when --v1-key is given"
    assert results[45].reason == "applicationSync is checked when --public-key is given"
    assert results[74].reason == "signing in is checked when --login-url is given"
    assert not fails_documented(results.values())


async def test_an_unreachable_vendor_fails_instead_of_raising():
    marketplace = Marketplace("http://127.0.0.1:9/produce", base_key="a", kit_key="b", time_limit=2)
    async with marketplace:
        (result,) = await run_scorecard(marketplace, only={1})
    assert result.outcome is Outcome.FAIL
    assert "no answer: ConnectError" in result.came


async def test_only_the_chosen_cases_run(marketplace: Marketplace):
    heard = []
    results = await run_scorecard(marketplace, only={12, 13}, listen=heard.append)
    assert [result.number for result in results] == [12, 13]
    assert heard == results


async def test_a_failure_says_what_was_expected_and_what_came(believing: Marketplace):
    (result,) = await run_scorecard(believing, only={22})
    assert result.expected == "refreshInstance: HTTP 200, 000003"
    assert result.came == "refreshInstance: HTTP 200, 000000 success."
    assert "expected: refreshInstance: HTTP 200, 000003" in text_line(result)


async def test_the_card_is_json_and_junit(believing: Marketplace):
    results = await run_scorecard(believing, only={13, 22, 74})
    card = make_card("http://vendor.example", results)
    decoded = msgspec.json.decode(as_json(card))
    assert decoded["totals"]["documented"] == {"pass": 0, "fail": 1, "skipped": 1}
    assert [case["number"] for case in decoded["cases"]] == [13, 22, 74]
    suite = ET.fromstring(as_junit(card))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [len(case) for case in suite] == [0, 1, 1]


async def test_junit_survives_control_characters_in_a_vendors_answer(believing: Marketplace):
    (result,) = await run_scorecard(believing, only={22})
    odd = msgspec.structs.replace(result, came="HTTP 200 \x00\x1f<&")
    assert ET.fromstring(as_junit(make_card("http://vendor.example", [odd]))) is not None


async def test_a_vendors_text_cannot_control_the_terminal(believing: Marketplace):
    (result,) = await run_scorecard(believing, only={22})
    odd = msgspec.structs.replace(result, came="\x1b[2Jgone\n" + "x" * 10_000)
    assert "\x1b" not in text_line(odd)
    assert len(text_line(odd)) < 1000


class SlowVendor(CarefulVendor):
    """Provisions an instance when it was asked for it so many times."""

    waits = 2

    def answer(self, request: Request):
        key, answer = super().answer(request)
        if b"newInstance" in request.body:
            return key, answer | {"resultCode": "000004"}
        if b"queryInstance" in request.body and self.waits > 0:
            self.waits -= 1
            return key, {"resultCode": "000004", "resultMsg": "request is processing"}
        return key, answer


async def test_a_vendor_that_provisions_later_is_waited_for(private_key: str):
    vendor = SlowVendor(private_key=private_key)
    async with marketplace_of(vendor) as marketplace:
        frame = await Context(marketplace, poll_seconds=0).bought()
        assert frame.buyer.instance_id in vendor.instances.values()
        assert vendor.waits == 0
        vendor.waits = 1000
        with pytest.raises(Unmet, match="provisioned after 30 questions"):
            await Context(marketplace, poll_seconds=0).bought()


async def test_asking_while_provisioning_is_checked_with_a_vendor_that_provisions_later(private_key: str):
    async with marketplace_of(SlowVendor(private_key=private_key)) as marketplace:
        (result,) = await run_scorecard(marketplace, only={33})
    assert result.outcome is Outcome.PASS
