"""Rules of the architecture that matter, each as a failing test."""

import ast
import importlib
import pkgutil
import re
from collections import Counter

import pytest
from litestar.routes import ASGIRoute

import service
import sso
import tenancy
from service.app import create_app
from service.callers import demand_token
from service.settings import read_settings
from tenancy.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Unavailable
from tests.repository import ROOT, list_files, list_modules, name_of

PRODUCT = ("service", "sso", "tenancy")
MOST_LINES = 300

# Modules outside tenancy and sso that may reach the database: they open, migrate, check and close it.
WIRING = {
    "service/cli.py",
    "service/health_checks.py",
    "service/migrate.py",
    "service/piccolo_app.py",
    "service/piccolo_conf.py",
    "service/wiring.py",
}
# Modules that an inner package must not know, by what they are for: HTTP, processes, the command line.
OUTER_LIBRARIES = {"litestar", "uvicorn", "click", "starlette"}
INNER_OF = {"tenancy": set(), "sso": {"tenancy"}, "service": {"sso", "tenancy"}}

# Written as patterns that do not match themselves.
REGISTRIES = re.compile(r"pypi\.[o]rg|[p]ythonhosted|[n]pmjs|[i]ndex-url|[r]egistry\.[a-z]+\.(com|org|net)")
NEIGHBOURS = re.compile(r"\.\./[s]hared")
MACHINE_PATHS = re.compile(r"(?<![\w.$}/-])/(?:[w]ork|[r]oot)/")
LEFTOVERS = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
WIRE_WORDS = re.compile(
    r"\b(?:orgCode|orgName|parentCode|orgInfoList|tenantCode|userList|testFlag|currentSyncTime|resultCode)\b"
)


def syntax(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    """Every imported module with its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offenders(paths, is_wrong):
    return [name_of(path) for path in paths if is_wrong(path)]


def texts():
    for path in list_files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def lines_matching(pattern, *, skip=()):
    return [
        f"{name_of(path)}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        if name_of(path) not in skip
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_module_is_longer_than_three_hundred_lines():
    sizes = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in list_modules(*PRODUCT, "tests", "bench", "tools")
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_package_files_are_empty():
    packages = [path for path in list_files() if path.name == "__init__.py"]
    assert packages
    assert offenders(packages, lambda path: path.read_bytes()) == []


def test_nothing_is_imported_inside_a_function():
    def imports_late(path):
        functions = (
            node
            for node in ast.walk(syntax(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        return any(
            isinstance(inner, ast.Import | ast.ImportFrom) for node in functions for inner in ast.walk(node)
        )

    assert offenders(list_modules(*PRODUCT, "tests", "bench", "tools"), imports_late) == []


@pytest.mark.parametrize("package", PRODUCT)
def test_packages_import_inwards_only(package):
    forbidden = ({*PRODUCT, "tests", "bench", "migrations"} - {package}) - INNER_OF[package]

    def imports_outwards(path):
        return any(name.split(".")[0] in forbidden for name in imports(syntax(path)))

    assert offenders(list_modules(package), imports_outwards) == []


def test_the_inner_packages_know_no_http_and_no_processes():
    def knows(path):
        return any(name.split(".")[0] in OUTER_LIBRARIES for name in imports(syntax(path)))

    assert offenders(list_modules("sso", "tenancy"), knows) == []


def test_the_database_is_reached_through_tenancy_only():
    def reaches(path):
        return any(
            name.endswith("_tables")
            or name in {"tenancy.tables", "tenancy.database"}
            or name.split(".")[0] in {"piccolo", "asyncpg"}
            for name in imports(syntax(path))
        )

    assert set(offenders(list_modules("service"), reaches)) <= WIRING


def test_access_is_written_in_one_place_whoever_changes_it():
    def writes(path):
        return re.search(r"(INSERT INTO|UPDATE|DELETE FROM) access\b", path.read_text(encoding="utf-8"))

    assert offenders(list_modules(*PRODUCT), writes) == ["tenancy/access_rows.py"]


def test_words_of_the_wire_stay_out_of_the_domain():
    def speaks_wire(path):
        return WIRE_WORDS.search(path.read_text(encoding="utf-8"))

    assert offenders(list_modules("sso", "tenancy"), speaks_wire) == []


def test_everything_public_of_the_inner_packages_has_a_docstring():
    missing = []
    for path in list_modules("sso", "tenancy"):
        module = syntax(path)
        if module.body and ast.get_docstring(module) is None:
            missing.append(name_of(path))
        missing += [
            f"{name_of(path)}: {node.name}"
            for node in module.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node) is None
        ]
    assert missing == []


def test_no_file_names_a_registry_a_neighbour_or_a_machine():
    assert lines_matching(REGISTRIES) == []
    assert lines_matching(NEIGHBOURS) == []
    assert lines_matching(MACHINE_PATHS) == []


def test_nothing_is_left_for_later():
    assert lines_matching(LEFTOVERS) == []


@pytest.mark.parametrize(
    "name",
    ["requirements.lock", "requirements-dev.lock", "requirements-image.lock", "requirements-build.lock"],
)
def test_lock_files_have_hashes_and_no_addresses(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    # A requirement with its continuation lines is one entry; comments stand alone.
    entries = [
        entry
        for entry in re.sub(r"\\\n\s*", " ", text).splitlines()
        if entry.strip() and not entry.lstrip().startswith("#")
    ]
    assert entries
    assert [entry for entry in entries if not re.match(r"[\w.\[\]-]+==\S+", entry)] == []
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def domain_errors():
    """Every error of the domain in the whole product."""
    for package in (service, sso, tenancy):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found, pending = [], [DomainError]
    while pending:
        kinds = [kind for kind in pending.pop().__subclasses__() if kind.__module__.split(".")[0] in PRODUCT]
        found += kinds
        pending += kinds
    return list(dict.fromkeys(found))


def test_every_error_says_one_sentence_and_has_a_code_of_its_own():
    errors = domain_errors()
    assert {NotFound, Conflict, Forbidden, Invalid, Unavailable} <= set(errors)
    wordy = [error.__name__ for error in errors if not re.fullmatch(r"[A-Z][^.\n]*\.", error.__doc__ or "")]
    assert wordy == []
    codes = Counter(error.code for error in errors)
    assert [code for code, count in codes.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def handlers_of(route):
    """The handlers of a route; the marketplace's door is plain ASGI and is one itself."""
    return [route.route_handler] if isinstance(route, ASGIRoute) else route.route_handlers


def test_every_route_says_who_may_call_it():
    # Litestar adds OPTIONS everywhere, and the pages that show the OpenAPI document.
    documents = {"/", "/{path:str}", "/docs", "/openapi.json", "/openapi.yaml", "/openapi.yml"}
    handlers = {
        f"{route.path} {sorted(getattr(route, 'methods', ()))} {handler}": handler
        for route in create_app(read_settings({})).routes
        for handler in handlers_of(route)
        if getattr(handler, "http_methods", None) != {"OPTIONS"} and route.path not in documents
    }
    stances = {name: handler.opt.get("caller") for name, handler in handlers.items()}
    known = {"marketplace", "token", "client", "browser", "anyone"}
    assert {name for name, stance in stances.items() if stance not in known} == set()
    ours = {name for name in handlers if name.startswith("/v1/")}
    assert ours == {name for name, stance in stances.items() if stance == "token"}
    assert ours == {name for name, handler in handlers.items() if demand_token in handler.resolve_guards()}
