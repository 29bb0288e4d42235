import io
import json
import logging
import re
import sys

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.logs import LogHandler, configure_logs, get_logger, log_request
from service.redaction import REDACTED, redact_event, redact_text

HIDDEN = "s3cr3t-value"


@pytest.fixture(autouse=True)
def former_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream():
    stream = io.StringIO()
    configure_logs(format="json", level="info", stream=stream)
    return stream


def test_an_event_is_one_json_object_with_level_logger_and_utc_time(stream):
    get_logger("tests").info("instance.created", instance_id="i-1", name="云商店")
    (line,) = lines_of(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {
        "event": "instance.created",
        "level": "info",
        "logger": "tests",
        "instance_id": "i-1",
        "name": "云商店",
    }


def test_a_librarys_record_takes_the_same_shape(stream):
    logging.getLogger("uvicorn.error").warning("listening on %s", "127.0.0.1")
    (line,) = lines_of(stream)
    assert line["event"] == "listening on 127.0.0.1"
    assert (line["level"], line["logger"]) == ("warning", "uvicorn.error")
    assert line["timestamp"].endswith("Z")


def test_the_context_of_a_request_is_on_every_line(stream):
    with structlog.contextvars.bound_contextvars(request_id="r-1", tenant_id="t-1", push_id="p-1"):
        get_logger("tests").info("own")
        logging.getLogger("asyncpg").info("foreign")
    for line in lines_of(stream):
        assert (line["request_id"], line["tenant_id"], line["push_id"]) == ("r-1", "t-1", "p-1")


def test_less_severe_events_are_left_out(stream):
    get_logger("tests").debug("own")
    logging.getLogger("asyncpg").debug("foreign")
    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused():
    with pytest.raises(ValueError, match="LOUD"):
        configure_logs(format="json", level="loud", stream=io.StringIO())


def test_a_terminal_gets_text_and_anything_else_json():
    terminal, file = Terminal(), io.StringIO()
    configure_logs(format=None, level="info", stream=terminal)
    get_logger("tests").info("one")
    configure_logs(format=None, level="info", stream=file)
    get_logger("tests").info("two")
    assert "\x1b[" in terminal.getvalue()
    assert "two" not in terminal.getvalue()
    assert [line["event"] for line in lines_of(file)] == ["two"]


def test_a_terminal_can_be_given_json_and_a_file_text():
    terminal, file = Terminal(), io.StringIO()
    configure_logs(format="json", level="info", stream=terminal)
    get_logger("tests").info("one")
    configure_logs(format="console", level="info", stream=file)
    get_logger("tests").info("two")
    assert lines_of(terminal)[0]["event"] == "one"
    assert "two" in file.getvalue()
    assert "\x1b" not in file.getvalue()


def test_the_stream_is_standard_error_unless_given(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs(format="json", level="info")
    get_logger("tests").info("said")
    assert lines_of(stream)[0]["event"] == "said"


def test_configuring_again_leaves_one_handler_and_those_of_others(stream):
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    configure_logs(format="json", level="INFO", stream=stream)
    handlers = logging.getLogger().handlers
    assert other in handlers
    assert sum(isinstance(handler, LogHandler) for handler in handlers) == 1


def test_handlers_that_a_library_brought_are_removed(stream):
    library = logging.getLogger("uvicorn.access")
    library.addHandler(logging.StreamHandler(io.StringIO()))
    library.propagate = False
    configure_logs(format="json", level="info", stream=stream)
    library.info("seen")
    assert library.handlers == []
    assert [line["event"] for line in lines_of(stream)] == ["seen"]


@pytest.mark.parametrize(
    "key",
    [
        "mobile",
        "mobilePhone",
        "email",
        "e_mail",
        "authorization",
        "Authorization",
        "password",
        "passwd",
        "user_password",
        "secret",
        "clientSecret",
        "client_secret",
        "token",
        "authToken",
        "access_token",
        "signature",
        "X-Signature",
        "X-Sign",
        "sign",
        "Body-Sign",
        "body",
        "raw_body",
        "cookie",
        "Set-Cookie",
        "api_key",
        "private_key",
        "DATABASE_URL",
        "redis_url",
        "encryption_keys",
        "operator_token",
        "dsn",
    ],
)
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_value_with_a_sensitive_name_is_left_out_wherever_it_is(key, log_format):
    stream = io.StringIO()
    configure_logs(format=log_format, level="info", stream=stream)
    get_logger("tests").info(
        "careless",
        **{key: HIDDEN},
        nested={"list": [{key: [HIDDEN]}]},
        pairs=[(key, HIDDEN), (key.encode(), HIDDEN.encode())],
    )
    with structlog.contextvars.bound_contextvars(**{key: HIDDEN}):
        get_logger("tests").info("careless in context")
    assert "careless in context" in stream.getvalue()
    assert HIDDEN not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) == 5


@pytest.mark.parametrize(
    "fields",
    [
        {
            "resultCode": "000000",
            "code": "tenant_unknown",
            "user_name": "zhang3",
            "author": "x",
            "design": "y",
        },
        {"body_bytes": 1024, "token_count": 2, "signature_valid": True, "mobile": None},
        {"started_at": "2026-11-22T08:00:00Z", "order_id": "CS1911151435", "ms": 1700000000000},
        {"path": "/koogallery/demo", "url": "https://tenon.example.com/health"},
    ],
)
def test_what_is_harmless_stays(fields):
    assert redact_event(None, "", dict(fields)) == fields


def test_a_sensitive_number_is_left_out():
    assert redact_event(None, "", {"mobile": 13912345678}) == {"mobile": REDACTED}


def test_a_struct_is_searched_and_bytes_are_never_shown():
    class Person(msgspec.Struct):
        name: str
        mobile: str

    event = redact_event(None, "", {"who": Person(name="n", mobile=HIDDEN), "raw": HIDDEN.encode()})
    assert event == {"who": {"name": "n", "mobile": REDACTED}, "raw": "[12 bytes]"}


def test_a_structure_that_contains_itself_ends():
    loop = {}
    loop["again"] = loop
    assert REDACTED in str(redact_event(None, "", loop))


def test_the_query_of_a_logged_request_is_left_out(stream):
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "192.0.2.1:5", "GET", f"/koogallery/demo?authToken={HIDDEN}", "1.1", 200
    )
    (line,) = lines_of(stream)
    assert line["event"] == f'192.0.2.1:5 - "GET /koogallery/demo?{REDACTED} HTTP/1.1" 200'


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("of zhang.san@corp.example.com here", f"of {REDACTED} here"),
        ("Key (mobile)=(13912345678) exists", f"Key (mobile)=({REDACTED}) exists"),
        ("call +8613912345678", f"call {REDACTED}"),
        ("postgresql://app:p%40ss@db.example/tenon", f"postgresql://app:{REDACTED}@db.example/tenon"),
        ("redis://:pass@127.0.0.1:6379/0", f"redis://:{REDACTED}@127.0.0.1:6379/0"),
        ("line\r\x1b[31mforged", "line\\x0d\\x1b[31mforged"),
    ],
)
def test_secrets_and_persons_in_free_text_are_masked(text, masked):
    assert redact_text(text) == masked


@given(st.text())
def test_masking_is_stable_and_leaves_no_control_character(text):
    once = redact_text(text)
    assert redact_text(once) == once
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", once)


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("stream_type", [io.StringIO, Terminal])
def test_a_traceback_shows_neither_local_variables_nor_what_the_exception_says(log_format, stream_type):
    stream = stream_type()
    configure_logs(format=log_format, level="info", stream=stream)

    def fail(careless):
        raise RuntimeError("cannot reach redis://:" + careless + "@127.0.0.1")

    for logger in (get_logger("tests"), logging.getLogger("library")):
        try:
            fail(HIDDEN[::-1])
        except RuntimeError:
            logger.exception("failed")
    shown = stream.getvalue()
    assert len(re.findall(r"raise RuntimeError\(.{0,2}cannot", shown)) == 2
    assert HIDDEN[::-1] not in shown


def test_a_value_without_json_form_does_not_break_the_line(stream):
    get_logger("tests").info("odd", value=object(), kinds={1, 2}, path=io)
    (line,) = lines_of(stream)
    assert line["kinds"] == [1, 2]


def test_a_line_that_cannot_be_written_breaks_nothing(monkeypatch):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    configure_logs(format="json", level="info", stream=Full())
    log_request(logging.INFO, method="GET", route="/", status=200, duration_ms=1.0)
    log_request(logging.INFO, method="GET", route="\ud800", status=200, duration_ms=1.0)
