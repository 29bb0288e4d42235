"""Bad input to apps, grants, access and the audit: a problem with a code, and nothing half-applied."""

import json
from uuid import uuid4

import pytest

from tests.faults.raw import ask
from tests.service.conftest import AUTHORISED


@pytest.mark.parametrize(
    "kind", ["user", "Member", "departments", "%20member", "%00", "%E6%89%80", "x" * 300]
)
async def test_an_unknown_type_of_subject_is_refused(refuse, filled, kind):
    for method in ("GET", "PUT", "DELETE"):
        await refuse(method, f"/apps/{filled.app}/grants/{kind}/ann", 422, "subject_type_unknown")
    for method in ("PUT", "DELETE"):
        await refuse(method, f"/groups/g/members/{kind}/ann", 422, "subject_type_unknown")


async def test_everyone_is_an_asterisk_and_in_no_group(refuse, filled):
    for method in ("GET", "PUT", "DELETE"):
        for name in ("ann", "%2A%2A", "all", "*/*", "%20*"):
            await refuse(method, f"/apps/{filled.app}/grants/everyone/{name}", 422, "everyone_named")
    for method in ("PUT", "DELETE"):
        await refuse(method, "/groups/g/members/everyone/*", 422, "subject_type_unknown")


async def test_u0000_and_broken_utf8_in_a_path_are_no_subject(refuse, filled):
    for broken in ("%00", "a%00b", "%FF%FE", "%ED%A0%80", "x" * 5000):
        for method in ("PUT", "DELETE"):
            for kind in ("member", "department", "group"):
                status, code = (422, "value_unstorable") if "%00" in broken else (404, f"{kind}_unknown")
                await refuse(method, f"/apps/{filled.app}/grants/{kind}/{broken}", status, code)
                await refuse(method, f"/groups/g/members/{kind}/{broken}", status, code)


async def test_a_path_without_a_subject_leads_nowhere(refuse, filled):
    for method in ("PUT", "DELETE"):
        await refuse(method, f"/apps/{filled.app}/grants/member/", 404, "http_404")
        await refuse(method, "/groups/g/members/group/", 404, "http_404")
        await refuse(method, f"/apps/{filled.app}/grants/member", 404, "http_404")


async def test_ids_of_another_enterprise_are_unknown_here(refuse, filled, marketplace):
    other = await marketplace.open_enterprise(app="app-there")
    await other.department("D-there")
    for path, code in (
        ("/apps/app-there/grants/everyone/*", "app_unknown"),
        (f"/apps/{filled.app}/grants/department/D-there", "department_unknown"),
        ("/groups/g/members/department/D-there", "department_unknown"),
    ):
        await refuse("PUT", path, 404, code)
        await refuse("DELETE", path, 404, code)


async def test_a_cycle_and_a_foreign_revision_are_refused(refuse):
    await refuse("PUT", "/groups/g/members/group/h", 409, "group_loop")
    await refuse("PUT", "/groups/g/members/group/g", 409, "group_loop")


@pytest.mark.parametrize("query", [b"explain=maybe", b"explain=", b"explain=2", b"limit=0", b"limit=1001"])
async def test_a_question_that_cannot_be_understood_is_refused(refuse, filled, query):
    path = f"/apps/{filled.app}/access" + ("/ann" if query.startswith(b"explain") else "")
    await refuse("GET", path, 422, "invalid_request", query=query)


@pytest.mark.parametrize("cursor", ["", "x", "bm9wZQ", "eyJhIjoxfQ", "W10", "WyIiLCIiXQ", "W251bGxd", "MQ"])
async def test_a_cursor_that_was_not_given_out_is_refused(filled, api, cursor):
    for path in (
        f"{filled.home}/groups",
        f"{filled.home}/apps/{filled.app}/grants",
        f"{filled.home}/apps/{filled.app}/access",
        f"{filled.home}/groups/g/effective-members",
        "/v1/audit",
    ):
        answer = await api.get(path, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid"), path


async def test_an_enterprise_that_is_not_there_has_nothing(app):
    nowhere = f"/v1/tenants/{uuid4()}"
    for method, path, code in (
        ("GET", "/groups", "tenant_unknown"),
        ("PUT", "/groups/g", "tenant_unknown"),
        ("GET", "/apps", "tenant_unknown"),
        ("GET", "/groups/g/members", "group_unknown"),
        ("PUT", "/apps/a/grants/everyone/*", "app_unknown"),
        ("GET", f"/audit/{uuid4()}/changes", "tenant_unknown"),
    ):
        body = [b'{"name":"G"}']
        reply = await ask(app, method, f"{nowhere}{path}", headers=[AUTHORISED], chunks=body)
        assert (reply.status, json.loads(reply.body)["code"]) == (404, code), path
