"""Encryption keys against everything that is sealed, and the keys that sign tokens."""

from datetime import UTC, datetime, timedelta

import pytest

from service.doctor.keys import judge_keys, judge_signing_keys
from service.setting_values import EncryptionKey
from sso.signing_keys import StoredSigningKey
from tenancy.sealed_values import SealedValues

KINDS = {"products", "endpoints", "contacts", "apps", "bodies", "connections", "signing_keys"}

# Bytes that are no sealed value.
UNSEALED = {
    ("held_push", "departments"),
    ("token", "hash"),
}

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def key(name, filling):
    return EncryptionKey(id=name, key=bytes([filling]) * 32)


@pytest.fixture
def first(installation):
    return installation.settings.encryption_keys[0]


async def test_every_column_of_bytes_is_examined_or_known_to_be_no_secret(installation):
    rows = await installation.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'bytea'"
    )
    sealed = {
        ("product", "secrets"),
        ("endpoint", "secrets"),
        ("instance", "contact"),
        ("app", "client_secret"),
        ("push", "body"),
        ("connection", "secret"),
        ("signing_key", "private_key"),
    }
    assert {tuple(row) for row in rows} == sealed | UNSEALED


async def test_all_kinds_of_secrets_open_with_the_key_in_use(installation, first):
    found = await installation.examine()
    assert (
        found.levels("keys.present")
        == found.levels("keys.secrets")
        == found.levels("keys.rotation")
        == ["ok"]
    )
    # Two enterprises with an app each, a product, an endpoint, a contact, a connection, two signing keys, and
    # what came in the pushes.
    bodies = (await installation.fetch("SELECT count(*) FROM push WHERE body IS NOT NULL"))[0][0]
    assert bodies
    assert found.one("keys.present").message.endswith(f"by key: {first.id}: {8 + bodies}.")


async def test_a_key_in_use_that_is_missing_is_told_for_every_kind(installation, first):
    found = await installation.examine(encryption_keys=(key("other", 1),))
    missing = [finding.message for finding in found.all if finding.check == "keys.present"]
    assert {message.partition(":")[0].lower().replace(" ", "_") for message in missing} == KINDS
    assert all(repr(first.id) in message for message in missing)
    assert set(found.levels("keys.present")) == {"error"}
    assert found.one("products.readable").level == "error"
    assert found.one("products.base_keys").message == "not checked: no product can be read"


async def test_another_key_under_the_same_id_is_told_for_every_kind(installation, first):
    found = await installation.examine(encryption_keys=(key(first.id, 2),))
    assert found.levels("keys.present") == ["ok"]
    broken = [finding.message for finding in found.all if finding.check == "keys.secrets"]
    assert {message.partition(":")[0].lower().replace(" ", "_") for message in broken} == KINDS


async def test_a_value_that_was_moved_to_another_row_is_told(installation):
    async with installation.altered(
        "CREATE TABLE kept AS SELECT id, secrets FROM endpoint",
        "UPDATE endpoint SET secrets = (SELECT secrets FROM product)",
        back=["UPDATE endpoint e SET secrets = k.secrets FROM kept k WHERE k.id = e.id", "DROP TABLE kept"],
    ):
        found = await installation.examine()
    assert found.one("keys.secrets").message.startswith("Endpoints: 1 values do not open")


async def test_an_old_key_that_nothing_uses_may_go(installation, first):
    found = await installation.examine(encryption_keys=(first, key("old", 3)))
    assert found.one("keys.rotation").level == "hint"
    assert found.one("keys.rotation").message == "The old key 'old' is used by nothing."


async def test_an_old_key_that_is_still_used_is_to_be_rotated_away(installation, first):
    found = await installation.examine(encryption_keys=(key("new", 4), first))
    assert found.levels("keys.present") == found.levels("keys.secrets") == ["ok"]
    assert "tenon keys rotate" in found.one("keys.rotation").remedy
    assert repr(first.id) in found.one("keys.rotation").message


def test_a_missing_key_is_not_called_broken_as_well():
    values = [SealedValues(kind="apps", counts={"gone": 3, "k": 2}, broken={"gone": 3})]
    levels = {finding.check: finding.level for finding in judge_keys(values, ["k"])}
    assert levels == {"keys.present": "error", "keys.secrets": "ok", "keys.rotation": "ok"}


def signing_key(algorithm, *, active=timedelta(days=-1), retired=None):
    return StoredSigningKey(
        id="x",
        algorithm=algorithm,
        private_key=b"",
        public_key={},
        active_at=NOW + active,
        retired_at=None if retired is None else NOW + retired,
    )


@pytest.mark.parametrize(
    ("stored", "lacking"),
    [
        ([], "RS256 and ES256"),
        ([signing_key("RS256")], "ES256"),
        ([signing_key("RS256"), signing_key("ES256", active=timedelta(hours=1))], "ES256"),
        ([signing_key("RS256", retired=timedelta(0)), signing_key("ES256")], "RS256"),
    ],
)
def test_an_algorithm_without_a_key_that_signs_is_told(stored, lacking):
    [finding] = judge_signing_keys(stored, NOW)
    assert finding.level == "warning"
    assert finding.message == f"No key signs now for {lacking}."


def test_a_key_that_is_to_be_retired_signs_until_then():
    stored = [signing_key("RS256", retired=timedelta(hours=1)), signing_key("ES256")]
    assert [finding.level for finding in judge_signing_keys(stored, NOW)] == ["ok"]
