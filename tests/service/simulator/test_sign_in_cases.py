from collections.abc import AsyncIterator

import httpx2
import pytest

from service.simulator.auth_centre import AuthCentre, open_auth_centre
from service.simulator.cases import Outcome, Result
from service.simulator.scorecard import fails_documented, run_scorecard
from service.simulator.sign_ins import SignIns

from . import sign_in_vendors as vendors
from .conftest import marketplace_of
from .sign_in_vendors import LOGIN_URL, LOGOUT_URL, PAGE_URL, VENDOR, SignInVendor

SIGN_IN = range(74, 81)


@pytest.fixture(scope="module")
async def centre() -> AsyncIterator[AuthCentre]:
    async with open_auth_centre() as opened:
        yield opened


@pytest.fixture
def judge(centre: AuthCentre, private_key: str, public_key_line: str):
    """Run the cases of signing in against a vendor of a class, and give the results by number."""

    async def run(kind: type[SignInVendor], *only: int, **changes) -> dict[int, Result]:
        vendor = kind(private_key=private_key)
        transport = httpx2.ASGITransport(vendor)
        known = {"login_url": LOGIN_URL, "logout_url": LOGOUT_URL, "patience_seconds": 0.1} | changes
        sign_ins = SignIns(centre=centre, told_seconds=0, transports={VENDOR: transport}, **known)
        async with marketplace_of(vendor, public_key_line=public_key_line) as marketplace:
            results = await run_scorecard(marketplace, only=only or SIGN_IN, sign_ins=sign_ins)
        return {result.number: result for result in results}

    return run


def outcomes(results: dict[int, Result]) -> dict[int, Outcome]:
    return {number: result.outcome for number, result in results.items()}


async def test_a_vendor_that_signs_in_as_documented_passes_all_cases(judge):
    results = await judge(SignInVendor)
    assert [result for result in results.values() if result.outcome is not Outcome.PASS] == []


async def test_a_vendor_that_asks_before_signing_out_passes_too(judge):
    class Asking(SignInVendor):
        asks_before_logout = True

    results = await judge(Asking, 80)
    assert results[80].outcome is Outcome.PASS


async def test_a_vendor_that_answers_at_the_callback_itself_passes_with_a_page(judge):
    class InPlace(SignInVendor):
        renders_in_place = True

    results = await judge(InPlace, page_url=PAGE_URL)
    assert set(outcomes(results).values()) == {Outcome.PASS}
    (result,) = (await judge(InPlace, 79)).values()
    assert result.outcome is Outcome.SKIPPED
    assert "--page-url" in result.reason


async def test_a_vendor_whose_application_is_elsewhere_passes_what_can_be_seen(judge):
    class Elsewhere(SignInVendor):
        lands_elsewhere = True

    results = await judge(Elsewhere)
    assert outcomes(results) == dict.fromkeys(SIGN_IN, Outcome.PASS) | {79: Outcome.SKIPPED}


@pytest.mark.parametrize(
    ("kind", "failing"),
    [
        (vendors.LatestCredential, {74}),
        (vendors.ForgetsTheSession, {74, 75, 76, 77, 78, 80}),
        (vendors.AnyDomain, {75}),
        (vendors.BelievesTheCallback, {74, 75, 76, 77, 78}),
        (vendors.AnyTenant, {77}),
        (vendors.AnyMember, {78}),
        (vendors.RenewsWithTheAccessToken, {79}),
        (vendors.RenewsAsAnother, {79}),
        (vendors.LocalLogout, {80}),
        (vendors.KeepsTheSession, {80}),
    ],
)
async def test_a_mistake_fails_its_case(judge, kind, failing):
    results = await judge(kind)
    failed = {number for number, outcome in outcomes(results).items() if outcome is Outcome.FAIL}
    assert failed == failing
    assert fails_documented(results.values()) == bool(failed & {74, 76, 79, 80})


@pytest.mark.parametrize(
    ("kind", "number", "came"),
    [
        (vendors.LatestCredential, 74, "/api/v1/oauth2/token for client "),
        (vendors.AnyDomain, 75, "/api/v1/oauth2/token for client "),
        (vendors.BelievesTheCallback, 76, "HTTP 200, at http://vendor.example/home, cookies: sid"),
        (vendors.AnyTenant, 77, "HTTP 200, at http://vendor.example/home, cookies: sid"),
        (vendors.RenewsWithTheAccessToken, 79, "HTTP 400"),
        (vendors.RenewsAsAnother, 79, "for client another: HTTP 401"),
        (vendors.LocalLogout, 80, "HTTP 401, at http://vendor.example/home, cookies: none"),
        (vendors.KeepsTheSession, 80, "with the old cookies: HTTP 200"),
    ],
)
async def test_a_failure_says_what_came_without_secrets(judge, kind, number, came):
    (result,) = (await judge(kind, number)).values()
    assert came in result.came
    assert "code=" not in result.came


async def test_a_renewal_that_nobody_saw_is_not_checked(judge):
    (result,) = (await judge(vendors.NeverRenews, 79)).values()
    assert result.outcome is Outcome.SKIPPED
    assert "no renewal within 0.1 s" in result.reason


async def test_signing_out_is_not_checked_without_its_address(judge):
    (result,) = (await judge(SignInVendor, 80, logout_url="")).values()
    assert result.reason == "signing out is checked when --logout-url is given"


async def test_a_login_address_where_nobody_answers_fails(judge):
    results = await judge(SignInVendor, 74, 75, 76, login_url="http://127.0.0.1:9/login")
    assert set(outcomes(results).values()) == {Outcome.FAIL}
    assert "no request" in results[74].came
    assert "no answer from http://127.0.0.1:9/login" in results[76].came


async def test_without_a_public_key_signing_in_is_not_checked(private_key, centre):
    vendor = SignInVendor(private_key=private_key)
    sign_ins = SignIns(centre=centre, login_url=LOGIN_URL)
    async with marketplace_of(vendor) as marketplace:
        results = await run_scorecard(marketplace, only=SIGN_IN, sign_ins=sign_ins)
    assert {result.reason for result in results} >= {"applicationSync is checked when --public-key is given"}
    assert {result.outcome for result in results} == {Outcome.SKIPPED}
