from email.message import Message

import pytest

from tests.documents import read
from tools import licences
from tools.licences import (
    ALLOWED,
    LicenceUnclear,
    find_licence,
    find_packages,
    is_allowed,
    make_page,
    read_lock,
)


def test_the_page_of_licences_is_what_make_licences_writes():
    assert read("docs/licences.md") == make_page(), "run `make licences`"


def test_every_package_of_the_image_stands_on_the_page_with_an_allowed_licence():
    rows = [line.strip("| ").split(" | ") for line in read("docs/licences.md").splitlines() if " | " in line]
    shown = {name: (version, licence) for name, version, licence in rows if name != "package"}
    for lock in ("requirements-image.lock", "requirements.lock"):
        for name, version in read_lock(lock).items():
            assert shown[name][0] == version
            assert is_allowed(shown[name][1])


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("MIT", True),
        ("MIT OR Apache-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("Apache-2.0 AND BSD-2-Clause", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later OR SSPL-1.0", False),
        ("(MIT)", False),
        ("", False),
        ("mit license, somehow", False),
    ],
)
def test_an_expression_is_allowed_if_listed_licences_alone_fulfil_it(expression, may):
    assert is_allowed(expression) is may


@pytest.mark.parametrize("word", ["GPL", "SSPL", "BUSL", "CC-BY-NC"])
def test_the_list_holds_nothing_that_asks_for_more_than_its_own_files(word):
    assert not any(word in licence for licence in ALLOWED)


def test_a_licence_that_is_not_on_the_list_stops_the_page_with_the_remedy(monkeypatch):
    monkeypatch.setattr(licences, "find_licence", lambda name: "AGPL-3.0-only")
    with pytest.raises(LicenceUnclear, match=r"left-pad is under AGPL-3.0-only, .* do without it"):
        find_packages({"left-pad": "1.0"})


def test_a_package_that_is_not_installed_is_told_with_the_remedy():
    with pytest.raises(LicenceUnclear, match="no-such-package is not installed; run `make check`"):
        find_licence("no-such-package")


def test_a_package_that_says_nothing_is_told(monkeypatch):
    monkeypatch.setattr(licences, "metadata", lambda name: Message())
    with pytest.raises(LicenceUnclear, match=r"silent says of its licence .*; read its text"):
        find_licence("silent")
