"""Nothing here runs without Helm."""

import pytest

from tests.helm.binary import NoHelm, find_helm


@pytest.fixture(scope="session", autouse=True)
def helm():
    """The path of Helm."""
    try:
        return find_helm()
    except NoHelm as reason:
        pytest.skip(f"There is no Helm to be had here. {reason}")
