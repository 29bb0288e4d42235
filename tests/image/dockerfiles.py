"""Reading the Dockerfile and .dockerignore, as far as ours go."""

import json
import re
import shlex
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.documents import read


class Step(NamedTuple):
    """One instruction: its word, and the rest with continued lines joined."""

    word: str
    rest: str


def read_stages():
    """The stages of the Dockerfile, each beginning with its FROM; what stands before is left out."""
    lines = [line for line in read("Dockerfile").splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    stages = []
    for line in filter(str.strip, text.splitlines()):
        step = Step(*line.split(maxsplit=1))
        if step.word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(step)
    return stages


def rest_of(stage, word):
    """The only instruction of this kind in a stage."""
    [rest] = [step.rest for step in stage if step.word == word]
    return rest


def variables_of(stage, *words):
    """The variables that a stage sets by ENV, or what LABEL says."""
    pairs = [pair for step in stage if step.word in words for pair in shlex.split(step.rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def command_of(stage):
    """What a container runs without arguments."""
    return [*json.loads(rest_of(stage, "ENTRYPOINT")), *json.loads(rest_of(stage, "CMD"))]


def copies_of(stage):
    """What a stage takes from the repository: (names, to where)."""
    for step in stage:
        if step.word == "COPY" and not step.rest.startswith("--from="):
            *names, target = step.rest.split()
            yield names, target


def is_ignored(name):
    """Whether .dockerignore keeps a path out: the last line that fits it or a folder above it counts."""
    steps = name.split("/")
    paths = ["/".join(steps[: count + 1]) for count in range(len(steps))]
    ignored = False
    for line in read(".dockerignore").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        if any(_fits(path, pattern) for path in paths):
            ignored = not line.startswith("!")
    return ignored


def _fits(path, pattern):
    if pattern.startswith("**/"):
        return fnmatchcase(path.rpartition("/")[2], pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)
