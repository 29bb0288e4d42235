"""Changing the encryption key: everything is sealed anew, and the old key can be taken away."""

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tenancy.acts import Act
from tenancy.apps import secret_purpose
from tenancy.audit_pages import list_audit
from tenancy.database import tenant_scope
from tenancy.errors import SecretUndecryptable
from tenancy.instance_rows import read_contact
from tenancy.products import read_product
from tenancy.resealing import reseal_secrets
from tenancy.secrets import Keyring
from tests.tenancy.histories import Message
from tests.tenancy.pushing import buy


def an_act():
    return Act(actor="operator:command-line", at=datetime.now(UTC))


CONTACT = {"mobile": "13900000001", "email": "ann@xinghe.example"}


@pytest.fixture
async def keys(runtime):
    """The key in use and a new one; what a test seals under the new one is sealed back afterwards."""
    old = [(key.id, key.key) for key in runtime.settings.encryption_keys]
    new = ("new", os.urandom(32))
    yield old, new
    await reseal_secrets(keyring=Keyring([*old, new]), act=an_act())


async def app_secret(directory):
    tenant_id = await directory.tenant_id()
    async with tenant_scope(tenant_id) as db:
        row = await db.fetchrow("SELECT * FROM app")
    return row["client_secret"], secret_purpose(tenant_id, row["id"], row["instance_id"])


async def test_after_resealing_the_new_key_alone_opens_everything(
    keys, runtime, product, shared_product, new_directory
):
    old, new = keys
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    instance_id = await buy(shared_product, runtime, contact=CONTACT)

    counts = await reseal_secrets(keyring=Keyring([new, *old]), act=an_act())
    assert set(counts) == {"products", "endpoints", "contacts", "apps", "bodies"}
    # Endpoints and bodies are there when other tests have left some; they have tests of their own.
    assert all(counts[kind] for kind in ("products", "contacts", "apps"))
    entries = await list_audit(None, action="keys.rotated", source="api", cursor=None, limit=1)
    assert (entries.items[0].subject, entries.items[0].after) == (new[0], {"counts": counts})

    only_new = Keyring([new])
    assert (await read_product(product, keyring=only_new)).secrets.base_keys
    assert await read_contact(instance_id, keyring=only_new) == CONTACT
    sealed, purpose = await app_secret(directory)
    assert only_new.open(sealed, purpose=purpose) == b"secret of client"
    with pytest.raises(SecretUndecryptable):
        Keyring(old).open(sealed, purpose=purpose)


async def test_without_the_old_key_nothing_is_lost(keys, runtime, product, new_directory):
    old, new = keys
    directory = new_directory()
    await directory.deliver(Message("bind", 0, 0, "one"))
    await directory.deliver(Message("put_app", 0, 1, ("app-1", "client")))
    before = await app_secret(directory)
    with pytest.raises(SecretUndecryptable):
        await reseal_secrets(keyring=Keyring([new]), act=an_act())
    assert await app_secret(directory) == before
    assert (await read_product(product, keyring=Keyring(old))).secrets.base_keys


def test_a_sealed_value_opens_for_its_purpose_only_and_not_when_altered():
    keyring = Keyring([("k", os.urandom(32))])
    purpose = f"app:{uuid4()}"
    sealed = keyring.seal(b"secret", purpose=purpose)
    assert keyring.open(sealed, purpose=purpose) == b"secret"
    assert b"secret" not in sealed
    with pytest.raises(SecretUndecryptable):
        keyring.open(sealed, purpose="another")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(SecretUndecryptable):
            keyring.open(bytes(altered), purpose=purpose)


def test_the_same_value_is_never_sealed_alike():
    keyring = Keyring([("k", os.urandom(32))])
    assert keyring.seal(b"x", purpose="p") != keyring.seal(b"x", purpose="p")
