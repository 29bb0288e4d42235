import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx2
import msgspec
import pytest
import uvicorn
from click.testing import CliRunner, Result

from service.simulator.commands import scorecard, simulate

from .sign_in_vendors import SignInVendor
from .vendors import BASE_KEY, KIT_KEY, V1_KEY, CarefulVendor, YesVendor

SMALL = ("--departments", "20", "--members", "30", "--changes", "10")


@pytest.fixture
def environment(public_key_line: str) -> dict[str, str]:
    return {
        "TENON_SIM_BASE_KEY": BASE_KEY,
        "TENON_SIM_KIT_KEY": KIT_KEY,
        "TENON_SIM_V1_KEY": V1_KEY,
        "TENON_SIM_PUBLIC_KEY": public_key_line,
        # Wide enough that no line is broken.
        "COLUMNS": "200",
    }


def serve(app) -> Iterator[str]:
    """Serve on a free loopback port, in a thread since the commands run their own loop."""
    config = uvicorn.Config(app, port=0, log_config=None, log_level=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/produce"
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()


@pytest.fixture
def url(careful: CarefulVendor) -> Iterator[str]:
    yield from serve(careful)


@pytest.fixture
def believing_url() -> Iterator[str]:
    yield from serve(YesVendor())


@pytest.fixture
def sign_in_url(private_key: str) -> Iterator[str]:
    yield from serve(SignInVendor(private_key=private_key))


def run(command, *arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(command, arguments, env=env)


def test_a_journey_prints_a_line_for_each_call_and_a_summary(url, environment):
    result = run(simulate, "journey", url, *SMALL, env=environment)
    assert result.exit_code == 0, result.output
    assert "ok  newInstance" in result.output
    assert "slowest ms" in result.output
    assert "BAD" not in result.output
    assert "instance " in result.output.splitlines()[-1]


def test_the_first_edition_and_chaos_can_be_chosen(url, environment):
    chaos = ("--chaos", "duplicate,wrong-key", "--edition", "v1")
    result = run(simulate, "journey", url, *SMALL, *chaos, env=environment)
    assert result.exit_code == 0, result.output
    assert "(wrong key)" in result.output
    assert "expireInstance" in result.output


def test_a_later_run_finds_the_same_instance_by_its_seed(url, environment, careful):
    for scenario in ("purchase", "freeze"):
        assert run(simulate, scenario, url, *SMALL, env=environment).exit_code == 0
    assert len(careful.instances) == 1


def test_an_unexpected_answer_ends_with_exit_code_1(url, environment):
    known = ("--instance-id", "never-bought")
    result = run(simulate, "freeze", url, *SMALL, *known, env=environment)
    assert result.exit_code == 1
    assert "BAD updateInstanceStatus" in result.output
    assert "expected 000000" in result.output


def test_a_vendor_without_instance_ids_ends_with_one_sentence(believing_url, environment):
    result = run(simulate, "freeze", believing_url, *SMALL, env=environment)
    assert result.exit_code == 1
    assert "Error: newInstance gave no instanceId" in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("purchase", "vendor.example"), "is no production address"),
        (("purchase", "http://127.0.0.1:9/p", "--chaos", "tornado"), "choose from duplicate"),
        (("bind", "http://127.0.0.1:9/p", "--public-key", ""), "--public-key"),
        (("auth-centre", "http://127.0.0.1:9/p"), "give --login-url"),
        (("auth-centre", "http://127.0.0.1:9/p", "--login-url", "vendor.example"), "is no address"),
        (("auth-centre", "http://127.0.0.1:9/p", "--auth-centre-bind", "localhost"), "is no HOST:PORT"),
        (("auth-centre", "http://127.0.0.1:9/p", "--auth-centre-bind", "a:b"), "is no HOST:PORT"),
        (("change-check", "http://127.0.0.1:9/p", "--edition", "v1"), "V1 has no change check"),
        (("purchase", "http://127.0.0.1:9/p", "--edition", "v1", "--v1-key", ""), "--v1-key"),
        (("bind", "http://127.0.0.1:9/p", "--public-key", "abc", "--instance-id", "1"), "public key"),
    ],
)
def test_wrong_options_are_refused_with_a_sentence(arguments, complaint, environment):
    result = run(simulate, *arguments, *SMALL, env=environment)
    assert result.exit_code != 0
    assert complaint in result.output
    assert "Traceback" not in result.output


def test_keys_are_required_and_help_warns_of_the_command_line():
    assert "--base-key" in run(simulate, "purchase", "http://127.0.0.1:9/p").output
    for command in (simulate, scorecard):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert "can read a command line" in " ".join(result.output.split())


def test_a_card_is_written_as_text_json_and_junit(url, environment, tmp_path):
    json_file, junit_file = tmp_path / "card.json", tmp_path / "card.xml"
    files = ("--json", str(json_file), "--junit", str(junit_file), "--only", "1,12-14,74")
    result = run(scorecard, url, *files, env=environment)
    assert result.exit_code == 0, result.output
    assert "pass     1  A newInstance gives an instance id" in result.output
    assert "skipped 74" in result.output
    assert [case["number"] for case in msgspec.json.decode(json_file.read_bytes())["cases"]] == [
        1,
        12,
        13,
        14,
        74,
    ]
    assert ET.parse(junit_file).getroot().get("tests") == "5"


def test_json_on_standard_output_is_nothing_but_json(url, environment):
    result = run(scorecard, url, "--json", "-", "--only", "13", env=environment)
    assert msgspec.json.decode(result.stdout)["totals"]["sample"]["pass"] == 1
    assert "Score card" in result.stderr


def test_a_failing_documented_case_ends_with_exit_code_1_and_a_recommended_one_does_not(
    believing_url, environment
):
    assert run(scorecard, believing_url, "--only", "22", env=environment).exit_code == 1
    result = run(scorecard, believing_url, "--only", "17", env=environment)
    assert result.exit_code == 0
    assert "fail    17" in result.output


def test_an_unreachable_vendor_is_one_sentence(environment):
    result = run(scorecard, "http://127.0.0.1:9/produce", env=environment)
    assert result.exit_code == 1
    assert "cannot be reached" in result.output


@pytest.mark.parametrize("only", ["x", "81", "5-", "-3"])
def test_an_unknown_case_number_is_refused(only, environment):
    result = run(scorecard, "http://127.0.0.1:9/produce", "--only", only, env=environment)
    assert result.exit_code == 2


def pages_of(url: str) -> tuple[str, ...]:
    site = url.removesuffix("/produce")
    return ("--login-url", f"{site}/login", "--logout-url", f"{site}/logout")


def test_signing_in_is_checked_when_the_login_address_is_given(sign_in_url, environment):
    only = ("--only", "74-78,80")
    result = run(scorecard, sign_in_url, *pages_of(sign_in_url), *only, env=environment)
    assert result.exit_code == 0, result.output
    assert result.output.count("pass    ") == 6


def test_without_a_place_for_the_auth_centre_signing_in_is_skipped(sign_in_url, environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        options = (*pages_of(sign_in_url), "--auth-centre-bind", bind, "--only", "74")
        result = run(scorecard, sign_in_url, *options, env=environment)
    assert result.exit_code == 0, result.output
    assert f"the auth centre cannot listen at {bind}" in result.output


def test_an_auth_centre_that_cannot_listen_is_one_sentence(sign_in_url, environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        options = (*pages_of(sign_in_url)[:2], "--auth-centre-bind", bind, *SMALL)
        result = run(simulate, "auth-centre", sign_in_url, *options, env=environment)
    assert result.exit_code == 1
    assert f"Error: cannot listen at {bind}: " in result.output


def test_a_binding_that_fails_serves_no_auth_centre(environment):
    options = (*pages_of("http://127.0.0.1:9/produce")[:2], *SMALL, "--instance-id", "made-up")
    result = run(simulate, "auth-centre", "http://127.0.0.1:9/produce", *options, env=environment)
    assert result.exit_code == 1
    assert "look for BAD above" in result.output
    assert "serves at" not in result.output


def test_the_auth_centre_signs_members_in_until_it_is_interrupted(sign_in_url, environment):
    program = "from service.simulator.commands import simulate; simulate()"
    options = (*pages_of(sign_in_url)[:2], *SMALL)
    with subprocess.Popen(
        [sys.executable, "-c", program, "auth-centre", sign_in_url, *options],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        lines = []
        try:
            while not lines or "Ctrl-C" not in lines[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1], "".join(lines)
            link = lines[-2].split(": ", 1)[1].strip()
            with httpx2.Client(follow_redirects=True, trust_env=False, verify=False) as person:
                answer = person.get(link)
            assert (answer.status_code, answer.url.path) == (200, "/home")
            assert answer.text.startswith("hello ")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
