"""A backup made and restored as the guide says is the same installation."""

import json
import re
import shutil
from base64 import b64decode

import pytest

from tests.operating.answers import all_answers, all_rows
from tests.operating.clusters import handed_out, replacing, shell
from tests.operating.conftest import GUIDE as INSTALLATION
from tests.operating.conftest import INSTALL, calling
from tests.operating.guides import blocks

pytestmark = pytest.mark.xdist_group("operating")

GUIDE = "docs/backup-and-restore.md"
ROLES_AND_DATABASE = 1


@pytest.fixture(scope="module")
async def backed_up(installed, homes):
    """The installation with a dump in its folder, and all that it had to say then."""
    await installed.run_all(blocks(GUIDE, "A role that reads everything"))
    installed.rows = await all_rows(seeing_all(installed))
    await installed.run_all(blocks(GUIDE, "Back up"))
    async with calling(installed, installed.token) as client:
        installed.answers = await all_answers(client, homes)
        installed.published = (await client.get("/oauth2/jwks")).json()
    return installed


@pytest.fixture(scope="module")
async def empty(own_folder, backed_up):
    """Another server, and the shell of somebody who has dump, secrets and values: no database yet."""
    async with handed_out(own_folder / "other") as server:
        await backed_up.run("kubectl scale deployment/tenon-web --replicas=0")
        with shell(own_folder / "rescue", port=backed_up.port, **server) as opened:
            for name in ("tenon.dump", "tenon-values.yaml"):
                shutil.copy(backed_up.folder / name, opened.folder)
            for made in (backed_up.folder / "cluster").iterdir():
                if made.name.startswith("tenon-") or made.name == "objects":
                    shutil.copy(made, opened.folder / "cluster")
            # Nothing is kept of what Valkey had.
            await opened.run(replacing("tenon-redis", url=server["REDIS_URL"]))
            yield opened
        await backed_up.run("kubectl scale deployment/tenon-web --replicas=2")
        await backed_up.run("kubectl rollout status deployment/tenon-web --timeout=1m")


@pytest.fixture(scope="module")
async def restored(empty):
    """That server after the guide, and all rows that it had before it served."""
    stop, make_roles, restore, start = blocks(GUIDE, "Restore")
    await empty.run(stop)
    await empty.run(blocks(INSTALLATION, INSTALL)[ROLES_AND_DATABASE])
    await empty.run_all([make_roles, restore])
    empty.rows = await all_rows(seeing_all(empty))
    await empty.run(start)
    return empty


@pytest.fixture
async def client(backed_up, restored):
    """A client with a token from before the backup."""
    async with calling(restored, backed_up.token) as opened:
        yield opened


def seeing_all(opened):
    """The address under which all rows of a server are seen."""
    return opened.variables["ADMIN_URL"].replace("/postgres?", "/tenon?")


async def test_a_restored_database_answers_the_same_at_every_address(backed_up, client, homes):
    answers = await all_answers(client, homes)
    assert answers == backed_up.answers
    assert {address: answer for address, answer in answers.items() if answer[0] != 200} == {}
    assert (await client.get("/oauth2/jwks")).json() == backed_up.published


async def test_every_row_of_every_table_is_back(backed_up, restored):
    assert sum(count for count, _ in restored.rows.values()) > 50
    assert restored.rows == backed_up.rows


async def test_after_a_restore_a_push_works_and_is_told_with_the_next_number(client, homes):
    events = f"/v1/tenants/{homes[0].names['tenant_id']}/events"
    last = (await client.get(events, params={"limit": 1000})).json()["items"][-1]["number"]
    assert (await homes[0].enterprise.department("D-after-restore")).code == "000000"
    [event] = (await client.get(events, params={"after": last})).json()["items"]
    assert (event["number"], event["subject"]) == (last + 1, "D-after-restore")


async def test_a_restore_into_a_database_that_has_something_changes_nothing(restored):
    rows = await all_rows(seeing_all(restored))
    said = await restored.run(blocks(GUIDE, "Restore")[2], refused=True)
    assert "already exists" in said
    assert await all_rows(seeing_all(restored)) == rows


async def test_wrong_encryption_keys_are_named_after_a_restore(restored):
    kept = restored.folder / "cluster" / "tenon-encryption"
    was = kept.read_text()
    used = b64decode(json.loads(was)["keys"]).decode().partition(":")[0]
    await restored.run(replacing("tenon-encryption", keys="other:" + "A" * 43 + "="))
    try:
        examined = await restored.run("kubectl exec deployment/tenon-web -- tenon doctor", refused=True)
        rotated = await restored.run("kubectl exec deployment/tenon-web -- tenon keys rotate", refused=True)
    finally:
        kept.write_text(was)
    for said in (examined, rotated):
        assert re.search(rf"\b{used}\b", said)
        assert "Traceback" not in said


async def test_the_owner_cannot_dump_and_a_dump_under_row_security_would_be_empty(backed_up):
    """What the guide warns of is so."""
    owner = 'pg_dump --format=plain "postgresql://tenon_owner:$OWNER_PASSWORD@$DB"'
    refused = await backed_up.run(f"{owner} > /dev/null", refused=True)
    assert "query would be affected by row-level security policy" in refused
    empty = await backed_up.run(f"{owner} --enable-row-security --data-only --table=push")
    _, _, rows = empty.partition("FROM stdin;\n")
    assert rows.startswith("\\.")
