"""Codes and names that differ only by slashes are different subjects, however a path writes them."""

import json
from urllib.parse import quote

import pytest

from tests.faults.raw import ask
from tests.marketplace import user
from tests.service.conftest import AUTHORISED

NAMES = ["R", "R/", "/R", "R/S", "R//S"]


@pytest.fixture
async def slashed(office):
    for name in NAMES:
        assert (await office.enterprise.department(name)).code == "000000"
        assert (await office.enterprise.members([user(name, orgCode=name)])).code == "000000"
    await office.group("g")
    return office


@pytest.mark.parametrize("name", NAMES)
async def test_a_grant_goes_to_the_very_subject_that_is_named(slashed, app, name):
    path = f"{slashed.home}/apps/{slashed.app}/grants/department/{quote(name, safe='')}"
    reply = await ask(app, "PUT", path, headers=[AUTHORISED])
    assert (reply.status, json.loads(reply.body)["id"]) == (200, name)


@pytest.mark.parametrize("name", NAMES)
async def test_a_group_takes_in_the_very_subject_that_is_named(slashed, app, name):
    path = f"{slashed.home}/groups/g/members/member/{quote(name, safe='')}"
    assert (await ask(app, "PUT", path, headers=[AUTHORISED])).status == 204
    assert [one["id"] for one in await slashed.everything("/groups/g/members")] == [name]


@pytest.mark.parametrize("name", NAMES)
async def test_the_answer_is_about_the_very_member_that_is_asked_for(slashed, app, name):
    await slashed.authorise(name, flag=3)
    path = f"{slashed.home}/apps/{slashed.app}/access/{quote(name, safe='')}"
    reply = await ask(app, "GET", path, headers=[AUTHORISED])
    assert not json.loads(reply.body)["allowed"]
