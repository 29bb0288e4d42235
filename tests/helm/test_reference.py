"""The chart's README tells of every value what it means."""

import shlex
import subprocess

import pytest

from tests.documents import fences
from tests.helm.binary import find_helm
from tests.helm.charts import CHART, VALUES_FILES, leaves, read_values
from tests.helm.reference import README, comments, find, made, table
from tests.repository import ROOT

pytestmark = pytest.mark.xdist_group("helm")


def test_the_readme_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert text == made(text), "Run `python -m tests.helm.reference`."


def test_every_value_is_explained_once():
    explained = [path for path, _ in comments((CHART / "values.yaml").read_text(encoding="utf-8"))]
    assert len(explained) == len(set(explained))
    for path, _ in leaves(read_values()):
        assert any(path == each or path.startswith(f"{each}.") for each in explained), path
    for path in explained:
        find(path)


def test_every_explanation_is_a_sentence_in_one_cell():
    for path, meaning in comments((CHART / "values.yaml").read_text(encoding="utf-8")):
        assert meaning.endswith("."), path
        assert "|" not in meaning, path
    assert table().count("\n") == 2 + len(list(comments((CHART / "values.yaml").read_text(encoding="utf-8"))))


def test_the_command_of_the_readme_is_one_that_helm_takes():
    [block] = fences(README.read_text(encoding="utf-8"), "sh")
    program, action, *rest = shlex.split(block.replace("\\\n", " "))
    assert (program, action) == ("helm", "install")
    command = [find_helm(), "install", *rest, "--dry-run=client"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_readme_names_every_file_of_values():
    text = README.read_text(encoding="utf-8")
    assert [file for file in VALUES_FILES if file != "values.yaml" and f"| `{file}` |" not in text] == []
