"""The page about the doctor says what the doctor says."""

import importlib
import pkgutil
import re
from collections import Counter

import service.doctor
from service.doctor.examination import CHECKS
from service.doctor.findings import NOT_CHECKED, UNFINISHED, Trouble
from service.doctor.tables import BEHIND
from tests.documents import read

PAGE = "docs/doctor.md"


def troubles():
    modules = [
        importlib.import_module(f"service.doctor.{found.name}")
        for found in pkgutil.iter_modules(service.doctor.__path__)
    ]
    known = {value for module in modules for value in vars(module).values() if isinstance(value, Trouble)}
    return known - {NOT_CHECKED, UNFINISHED}


def test_the_tables_are_the_troubles_that_the_checks_can_find():
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (\w+) \| (.+?) \| (.+) \|$", read(PAGE), re.MULTILINE)
    told = [Trouble(check=row[0], level=row[1], cause=row[2], remedy=row[3]) for row in rows]
    assert [row for row, count in Counter(told).items() if count > 1] == []
    assert set(told) == troubles()
    assert [trouble.check for trouble in told] == sorted(
        (trouble.check for trouble in told), key=CHECKS.index
    )


def test_every_check_is_named_and_no_other_is():
    subjects = "|".join({check.partition(".")[0] for check in CHECKS})
    named = set(re.findall(rf"`((?:{subjects})\.[a-z_]+)`", read(PAGE)))
    assert named == set(CHECKS)
    assert len(CHECKS) == len(set(CHECKS))


def test_the_example_is_what_is_printed():
    page = read(PAGE)
    for trouble in (BEHIND, NOT_CHECKED):
        assert f"         cause:  {trouble.cause}\n         remedy: {trouble.remedy}\n" in page


def test_causes_and_remedies_are_sentences():
    for trouble in troubles() | {NOT_CHECKED, UNFINISHED}:
        assert re.fullmatch(r"[A-Z].*\.", trouble.cause), trouble.cause
        assert re.fullmatch(r"[A-Z].*\.", trouble.remedy), trouble.remedy
