"""Requests byte by byte: what a client library would refuse to send, and JSON nobody asked for."""

import json
from urllib.parse import unquote

from hypothesis import strategies as st

DOCUMENTED = {"000000", "000001", "000002", "000003", "000004", "000101"}

# Lone surrogates cannot be written as UTF-8; as escapes they come by json.dumps.
_texts = st.text(max_size=80) | st.sampled_from(
    ["", " ", "\0", "\ud800", "0", "1", "-1", "true", "null", "[]", "{}", "[{a:1}]", "9" * 400, "x" * 5000]
)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0])
    | st.floats()
    | _texts
)
json_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=8,
)


def dump(value):
    """JSON as bytes, with whatever Python lets through: NaN, lone surrogates, huge integers."""
    return json.dumps(value).encode()


class Reply:
    def __init__(self, status, headers, body, taken):
        self.status = status
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        self.body = body
        self.taken = taken  # chunks of the body that were read

    @property
    def code(self):
        return json.loads(self.body)["resultCode"]

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


async def ask(app, method, path, *, query=b"", headers=(), chunks=(b"",), receive_end=None):
    """Call the application as the server would; `receive_end` is awaited when the chunks are used up."""
    raw_path = path if isinstance(path, bytes) else path.encode("latin-1")
    started, body, taken = {}, [], 0
    source = iter(chunks)
    pending = next(source, None)

    async def receive():
        nonlocal pending, taken
        if pending is None:
            return await receive_end() if receive_end else {"type": "http.disconnect"}
        chunk, pending = pending, next(source, None)
        taken += 1
        more = pending is not None or receive_end is not None
        return {"type": "http.request", "body": chunk, "more_body": more}

    async def send(message):
        if message["type"] == "http.response.start":
            started.update(message)
        else:
            body.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path.decode("ascii", "replace")),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query,
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    await app(scope, receive, send)
    return Reply(started["status"], started["headers"], b"".join(body), taken)


def is_answer(reply):
    """Whether the marketplace got what it can read: 200 and a documented result code, no internal error."""
    return reply.status == 200 and reply.code in DOCUMENTED


def is_problem(reply):
    """Whether an API caller got a problem with a code, and not our fault."""
    return (
        400 <= reply.status < 500
        and reply.headers["content-type"] == "application/problem+json"
        and bool(json.loads(reply.body)["code"])
    )
