"""Reading compose.yaml as Compose does: merged, with the variables of an .env put in."""

import re
import subprocess

import yaml

from tests.documents import fences, read

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?P<how>:[-?])(?P<other>[^}]*)\})")


class Missing(Exception):
    """A variable is not set that must be; says what to do."""


def load(variables=None):
    """The document, with variables put in if some are given."""
    document = yaml.safe_load(read("compose.yaml"))
    return document if variables is None else _put(document, variables)


def _put(value, variables):
    if isinstance(value, dict):
        return {name: _put(inner, variables) for name, inner in value.items() if not name.startswith("x-")}
    if isinstance(value, list):
        return [_put(inner, variables) for inner in value]
    return _VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match, variables):
    if match["escaped"]:
        return "$"
    if variables.get(match["name"]):
        return variables[match["name"]]
    if match["how"] == ":?":
        raise Missing(f"{match['name']}: {match['other']}")
    return match["other"]


def make_env(folder):
    """Make the file .env in a folder by the guide's own command, and read it as Compose does."""
    [block] = [block for block in fences(read("docs/compose.md"), "sh") if "> .env" in block]
    subprocess.run(["bash", "-euc", block], cwd=folder, check=True, timeout=30)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
