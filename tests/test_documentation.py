"""The documents tell the truth: links lead somewhere, names exist, examples run."""

import re
from urllib.parse import unquote, urlsplit

import click
import pytest

from service.app import create_app
from service.cli import cli
from service.settings import describe_settings, read_settings
from tests.conftest import OPERATOR_TOKEN
from tests.documents import (
    FENCE,
    anchors,
    assert_same_shape,
    commands,
    examples,
    fences,
    prose,
    read,
    run_curl,
    spans,
)
from tests.marketplace import BASE_KEY, KIT_KEY, Marketplace, user
from tests.repository import ROOT, list_files, name_of

DOCUMENTS = [path for path in list_files() if path.suffix == ".md"]

GUIDES = [path for path in DOCUMENTS if path.parent == ROOT / "docs"]

TRANSLATIONS = [path for path in DOCUMENTS if path.name.endswith(".zh-CN.md")]

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_relative_links_lead_somewhere(path):
    broken = []
    for link in _LINK.findall(prose(read(path))):
        target = urlsplit(link)
        if target.scheme:
            continue
        found = (path.parent / unquote(target.path)).resolve() if target.path else path
        if not found.exists() or (target.fragment and unquote(target.fragment) not in anchors(read(found))):
            broken.append(link)
    assert broken == []


def test_paths_named_in_the_architecture_exist():
    text = read("ARCHITECTURE.md")
    named = {
        span
        for span in [*spans(text), *re.findall(r"service/[\w/]+", "".join(fences(text, "")))]
        if re.fullmatch(r"[\w.][\w.*-]*(?:/[\w.*-]*)+|[\w*-]+\.(?:py|md|toml|lock)", span)
    }
    assert len(named) > 10
    assert {span for span in named if not is_there(span)} == set()


def is_there(name):
    """A path or a pattern of paths, with or without `.py`; a bare file name may be anywhere."""
    if "/" not in name:
        return any(path.match(name) for path in list_files())
    return any(ROOT.glob(name)) or (ROOT / f"{name}.py").exists()


def settings_rows(path):
    rows = re.findall(r"^\| `(TENON_\w+)` \| (.*?) \| (.*?) \|$", read(path), re.MULTILINE)
    return [tuple(row) for row in rows]


def test_the_settings_of_the_readme_are_those_of_the_service():
    assert settings_rows("README.md") == describe_settings()


def test_the_settings_of_the_chinese_readme_have_the_same_names_and_values():
    told, known = settings_rows("README.zh-CN.md"), describe_settings()
    assert [name for name, _, _ in told] == [name for name, _, _ in known]
    for (name, default, _), (_, expected, _) in zip(told, known, strict=True):
        is_value = " " not in expected and expected != "unset"
        assert default == expected if is_value else default != expected, name


@pytest.mark.parametrize("chinese", TRANSLATIONS, ids=name_of)
def test_both_languages_have_the_same_sections_blocks_and_table_rows(chinese):
    def shape(path):
        text = read(path)
        return (
            len(re.findall(r"^## ", text, re.MULTILINE)),
            [language for language, _ in FENCE.findall(text)],
            len(re.findall(r"^\|", text, re.MULTILINE)),
            sorted(name for name, _ in commands(text)),
        )

    assert shape(chinese) == shape(chinese.with_name(chinese.name.replace(".zh-CN.md", ".md")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_make_targets_named_in_documents_exist(path):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {arguments[0] for name, arguments in commands(read(path)) if name == "make" and arguments}
    assert named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_subcommands_and_options_named_in_documents_exist(path):
    for name, arguments in commands(read(path)):
        if name == "tenon":
            check_command(cli, [word for word in arguments if word != "…"])


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_options_named_alone_belong_to_some_command(path):
    known = set(list_options(cli))
    named = {word for span in spans(read(path)) for word in span.split() if span.startswith("--")}
    assert {word for word in named if word.startswith("--")} <= known


def list_options(command):
    yield from (option for parameter in command.params for option in parameter.opts)
    for inner in getattr(command, "commands", {}).values():
        yield from list_options(inner)


def check_command(command, words):
    options = {option: parameter for parameter in command.params for option in parameter.opts}
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            assert word in {*options, "--help", "--version"}, f"{command.name} has no option {word}"
            parameter = options.get(word)
            if parameter is not None and not parameter.is_flag and words:
                check_choice(parameter, words.pop(0))
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{command.name} has no command {word}"
            check_command(command.commands[word], words)
            return
        else:
            first = next((each for each in command.params if isinstance(each, click.Argument)), None)
            assert first is not None, f"{command.name} takes no argument, not {word}"
            if re.fullmatch(r"[a-z-]+", word):
                check_choice(first, word)


def check_choice(parameter, word):
    if isinstance(parameter.type, click.Choice):
        assert word in parameter.type.choices, f"{parameter.name} cannot be {word}"


def known_routes():
    paths = create_app(read_settings({})).openapi_schema.paths
    return {
        template: {method for method in ("get", "put", "post", "patch", "delete") if getattr(item, method)}
        for template, item in paths.items()
    }


def fits(template, path):
    asked, known = path.strip("/").split("/"), template.strip("/").split("/")
    return len(asked) == len(known) and all(
        ours.startswith("{") or theirs == ours or re.match(r"[{$…]", theirs)
        for theirs, ours in zip(asked, known, strict=True)
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_routes_named_in_documents_exist(path):
    routes = known_routes()
    unknown = []
    for span in spans(read(path)):
        named = re.fullmatch(r"(?:(GET|PUT|POST|PATCH|DELETE) )?(/(?:v1|health)/[^?\s]*)(?:\?\S*)?", span)
        if named is None:
            continue
        fitting = [methods for template, methods in routes.items() if fits(template, named[2])]
        method = (named[1] or "").lower()
        if not any(not method or method in methods for methods in fitting):
            unknown.append(span)
    assert unknown == []


@pytest.fixture
async def demonstration(http, api, clock):
    """What `make demo` leaves behind, as far as the guides speak about it: the variables they use."""
    body = {"name": "Demonstration", "base_keys": [BASE_KEY], "kit_keys": [KIT_KEY]}
    [public_key] = (await api.put("/v1/products/demo", json=body)).json()["rsa_public_keys"]
    enterprise = await Marketplace(http, "/koogallery/demo", clock, public_key).open_enterprise()
    await enterprise.departments([("D100001", "青石精工股份有限公司", ""), ("D100002", "财务部", "D100001")])
    await enterprise.members([user("chen.chen", orgCode="D100002")])
    await enterprise.departments([], at=1)
    [tenant] = (await api.get("/v1/tenants", params={"external_id": enterprise.tenant})).json()["items"]
    pushes = (await api.get(f"/v1/tenants/{tenant['id']}/pushes")).json()["items"]
    lists = {push["verdict"]: push["id"] for push in pushes if push["interface"] == "allOrgSync"}
    endpoint = await api.post("/v1/endpoints", json={"url": "https://saas.example.com/hooks/tenon"})
    yield {
        "TENON": str(http.base_url).rstrip("/"),
        "TOKEN": OPERATOR_TOKEN,
        "TENANT": tenant["id"],
        "APP": enterprise.app,
        "INSTANCE": enterprise.instance,
        "PUSH": lists["applied"],
        "HELD": lists["held"],
        "ENDPOINT": endpoint.json()["id"],
    }
    for left in (await api.get("/v1/endpoints")).json()["items"]:
        await api.delete(f"/v1/endpoints/{left['id']}")


@pytest.mark.parametrize("path", GUIDES, ids=name_of)
async def test_examples_run_and_answer_what_the_guide_shows(path, demonstration, http):
    count = 0
    for words, shown in examples(read(path)):
        answer = await run_curl(http, words, demonstration)
        expected = {shown["status"]} if shown and "status" in shown else {200, 201, 204}
        assert answer.status_code in expected, f"{' '.join(words)}: {answer.status_code} {answer.text}"
        if shown:
            assert_same_shape(shown, answer.json())
        count += 1
    assert count == read(path).count("curl ")
