"""Encrypting all stored secrets anew under the first key, so that an old one can be taken away."""

from collections.abc import Mapping
from uuid import UUID

from tenancy.acts import Act, record_act
from tenancy.apps import secret_purpose
from tenancy.database import system_scope, tenant_scope
from tenancy.endpoint_secrets import reseal_endpoints
from tenancy.event_objects import KeysFact
from tenancy.events import Event
from tenancy.instance_rows import contact_purpose
from tenancy.products import reseal_products
from tenancy.push_bodies import reseal_bodies
from tenancy.secrets import Keyring

_PAGE = 500


async def reseal_secrets(*, keyring: Keyring, act: Act, resealed: Mapping[str, int] = {}) -> dict[str, int]:
    """Encrypt everything anew, tenant by tenant; returns how many values of each kind there are.

    `resealed` counts what others have encrypted anew already.

    Raises:
        SecretUndecryptable: a value is under a key that is not configured; nothing of its kind is lost.
    """
    counts = {
        "products": await reseal_products(keyring=keyring),
        "endpoints": await reseal_endpoints(keyring=keyring),
        "contacts": await _reseal_contacts(keyring),
        "apps": sum([await _reseal_apps(tenant_id, keyring) for tenant_id in await _tenants()]),
        "bodies": await reseal_bodies(keyring=keyring),
        **resealed,
    }
    async with system_scope() as db:
        rotated = Event(type="keys.rotated", subject=keyring.first, data=KeysFact(counts=counts))
        await record_act(db, act, [rotated])
    return counts


async def _tenants() -> list[UUID]:
    async with system_scope() as db:
        return [row["id"] for row in await db.fetch("SELECT id FROM tenant ORDER BY id")]


async def _reseal_contacts(keyring: Keyring) -> int:
    done, after = 0, ""
    while True:
        async with system_scope() as db:
            rows = await db.fetch(
                "SELECT instance_id, contact FROM instance WHERE contact IS NOT NULL AND instance_id > $1"
                " ORDER BY instance_id LIMIT $2 FOR UPDATE",
                after,
                _PAGE,
            )
            for row in rows:
                purpose = contact_purpose(row["instance_id"])
                sealed = keyring.seal(keyring.open(row["contact"], purpose=purpose), purpose=purpose)
                await db.execute(
                    "UPDATE instance SET contact = $2 WHERE instance_id = $1", row["instance_id"], sealed
                )
        if not rows:
            return done
        done, after = done + len(rows), rows[-1]["instance_id"]


async def _reseal_apps(tenant_id: UUID, keyring: Keyring) -> int:
    async with tenant_scope(tenant_id, changing=True) as db:
        rows = await db.fetch(
            "SELECT id, instance_id, client_secret FROM app"
            " WHERE tenant_id = $1 AND client_secret IS NOT NULL",
            tenant_id,
        )
        for row in rows:
            purpose = secret_purpose(tenant_id, row["id"], row["instance_id"])
            sealed = keyring.seal(keyring.open(row["client_secret"], purpose=purpose), purpose=purpose)
            await db.execute(
                "UPDATE app SET client_secret = $4 WHERE tenant_id = $1 AND id = $2 AND instance_id = $3",
                tenant_id,
                row["id"],
                row["instance_id"],
                sealed,
            )
    return len(rows)
