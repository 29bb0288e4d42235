"""The history of signed calls, narrowed down: what became of them, about what, and when."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from service.koogallery.times import CHINA
from tests.conformance.bodies import status
from tests.marketplace import user


@pytest.fixture
async def history(office, clock):
    """Calls of every verdict, one a minute, oldest first."""
    begun = datetime.now(UTC)
    enterprise, calls = office.enterprise, []
    deeds = [
        ("singleOrgSync", "applied", lambda: enterprise.department("N", "New", "A", at=60)),
        ("singleOrgSync", "unchanged", lambda: enterprise.department("N", "New", "A", at=60)),
        ("singleOrgSync", "stale", lambda: enterprise.department("A", "Older", at=-7200)),
        ("singleOrgSync", "refused", lambda: enterprise.department("A", parent="N", at=120)),
        ("authSync", "applied", lambda: enterprise.members([user("ann")])),
        ("allOrgSync", "held", lambda: enterprise.departments([], at=180)),
        ("applicationSync", "refused", lambda: enterprise.application(clientSecret="nonsense")),
    ]
    for number, (interface, verdict, deed) in enumerate(deeds):
        clock.freeze(begun + timedelta(minutes=number))
        await deed()
        calls.append((begun + timedelta(minutes=number), interface, verdict))
    clock.freeze(None)
    return calls


def shown(pushes):
    return [(push["interface"], push["verdict"]) for push in pushes]


def wanted(history, is_wanted):
    """What of it should be shown, newest first."""
    return [(name, became) for at, name, became in reversed(history) if is_wanted(at, name, became)]


async def test_pushes_are_found_by_what_became_of_them(office, history):
    for verdict in ("stale", "held", "refused", "failed"):
        found = await office.everything("/pushes", verdict=verdict)
        assert shown(found) == wanted(history, lambda _at, _name, became, verdict=verdict: became == verdict)


async def test_pushes_are_found_by_interface(office, history):
    found = await office.everything("/pushes", interface="singleOrgSync")
    assert shown(found) == wanted(history, lambda _at, name, _became: name == "singleOrgSync")
    assert await office.everything("/pushes", interface="singleorgsync") == []


async def test_pushes_are_found_from_one_time_on_and_until_another(office, history):
    since, until = history[2][0], history[5][0]
    window = {"since": since.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "until": until.isoformat()}
    found = await office.everything("/pushes", **window)
    assert shown(found) == wanted(history, lambda at, *_: since <= at < until)
    elsewhere = since.astimezone(CHINA).isoformat()
    assert await office.everything("/pushes", since=elsewhere, until=window["until"]) == found
    assert await office.everything("/pushes", since=window["until"], until=window["since"]) == []


async def test_pushes_are_found_by_purchase_and_product(office, history, product):
    everything = await office.everything("/pushes")
    assert await office.everything("/pushes", instance=office.enterprise.instance) == everything
    assert await office.everything("/pushes", product=product) == everything
    assert await office.everything("/pushes", instance="another") == []
    assert await office.everything("/pushes", product="another") == []


async def test_all_that_is_asked_for_holds_together(office, history, product):
    """Every combination, against the whole list narrowed down here."""
    everything = await office.everything("/pushes", limit=1000)
    since, until = history[1][0], history[6][0]
    told = {
        "verdict": ("refused", lambda push: push["verdict"] == "refused"),
        "interface": ("singleOrgSync", lambda push: push["interface"] == "singleOrgSync"),
        "instance": (office.enterprise.instance, lambda _push: True),
        "product": (product, lambda _push: True),
        "since": (since.isoformat(), lambda push: datetime.fromisoformat(push["received_at"]) >= since),
        "until": (until.isoformat(), lambda push: datetime.fromisoformat(push["received_at"]) < until),
    }
    for size in range(len(told) + 1):
        for names in itertools.combinations(told, size):
            found = await office.everything("/pushes", **{name: told[name][0] for name in names})
            assert found == [push for push in everything if all(told[name][1](push) for name in names)], names


async def test_calls_about_purchases_are_found_by_purchase_verdict_and_product(api, marketplace, product):
    first, second = await marketplace.buy(), await marketplace.buy()
    assert (await marketplace.base(status(first, "FREEZE"))).code == "000000"
    assert (await marketplace.base(status(first, "MELT"))).code == "000002"

    async def found(**params):
        answer = await api.get("/v1/pushes", params={"product": product, **params})
        assert answer.status_code == 200, answer.text
        return [(push["instance_id"], push["interface"], push["verdict"]) for push in answer.json()["items"]]

    bought = [(one, "newInstance", "applied") for one in (second, first)]
    frozen = (first, "updateInstanceStatus", "applied")
    assert (await found())[1:] == [frozen, *bought]
    assert await found(instance=first) == [frozen, bought[1]]
    assert await found(interface="newInstance") == bought
    assert len(await found(verdict="refused")) == 1
    assert await found(verdict="refused", instance=second) == []
    assert (await api.get("/v1/pushes", params={"product": "another"})).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", "melted"),
        ("verdict", ""),
        ("verdict", "applied' OR true --"),
        ("since", "yesterday"),
        ("since", ""),
        ("since", "2026-03-01T08:00:00 08:00"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("since", "2026-03-01T00:00:00"),
        ("until", "20260301"),
        ("until", "9" * 30),
        ("interface", "x" * 65),
        ("instance", "x" * 256),
        ("product", "x" * 256),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(api, office, name, value):
    for path in (f"{office.home}/pushes", "/v1/pushes"):
        answer = await api.get(path, params={name: value})
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] in {"invalid_request", "time_invalid", "value_unstorable"}


async def test_text_that_no_push_can_have_finds_nothing_and_breaks_nothing(api, office):
    for value in ("", "%", "'", "😀"):
        answer = await api.get(f"{office.home}/pushes", params={"interface": value, "instance": value})
        assert answer.json() == {"items": [], "next": None}


async def test_a_push_of_another_enterprise_is_in_no_list_whatever_is_asked(
    api, office, marketplace, product
):
    other = await marketplace.open_enterprise()
    assert await office.everything("/pushes", instance=other.instance) == []
