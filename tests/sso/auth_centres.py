"""What an auth centre may answer, and the calls that are made there."""

import json

from sso.koogallery import exchange_code, read_userinfo, renew
from tenancy.sign_in_places import AppCredential
from tests.receivers import Reply, answer, endless, redirect, reset

TOKENS = {
    "access_token": "hush-access",
    "token_type": "Bearer",
    "expires_in": 7200,
    "scope": "get_user_info",
    "refresh_token": "hush-refresh",
}
USER = {
    "id": "8f3a",
    "userName": "wang.test",
    "name": "测试甲",
    "email": None,
    "role": "user",
    "tenant": "t-1",
    "projectName": "Example Works",
}


def say(status, value):
    return answer(status, json.dumps(value).encode(), headers=["content-type: application/json"])


def no(error="invalid_grant", status=400):
    return say(status, {"error": error, "error_description": "hush-description"})


def credential(number=1):
    return AppCredential(
        app_id="app-1", instance_id=f"i-{number}", client_id=f"c-{number}", client_secret=f"hush-{number}"
    )


def without(facts, *names, **changes):
    return {name: value for name, value in facts.items() if name not in names} | changes


async def exchange(http, receiver, *, credentials=None, code="code-1"):
    candidates = [credential()] if credentials is None else credentials
    return await exchange_code(http, receiver.url, candidates, code, allow_http=True)


async def ask_who(http, receiver, token="hush-access"):
    return await read_userinfo(http, receiver.url, token, allow_http=True)


async def ask_again(http, receiver, token="hush-refresh"):
    return await renew(http, receiver.url, credential(), token, allow_http=True)


NONSENSE = [
    answer(200, b"<html>"),
    answer(200),
    answer(200, b"[]"),
    answer(200, b'"text"'),
    answer(200, b"\xff\xfe{}"),
    answer(200, b"[" * 100_000),
    answer(204),
    answer(400, b"<html>bad gateway</html>"),
    answer(404, b"not here"),
    redirect("/elsewhere"),
    no("temporarily_unavailable", 503),
    answer(500, b'{"access_token": "hush-access"}'),
    answer(502, b"<html>"),
    no("invalid_grant", 429),
    no("invalid_grant", 500),
    no("invalid_request"),
    no("hush-error"),
    endless(),
    reset(),
    Reply(b"no HTTP\r\n\r\n", ending="close"),
]
