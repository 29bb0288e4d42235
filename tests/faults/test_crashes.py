"""SIGKILL to the service or to PostgreSQL during a full sync: the old tree or the new one, nothing else."""

import asyncio
import json
import random
import sys
import time

import asyncpg
import httpx2
import pytest

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(420)]

SIZE = 50_000
KILLS = 20
SEED = 20261122

# Everything a full sync sets, in one line: the tree, its watermark and the change set of its push.
FACTS = """
SELECT (SELECT md5(string_agg(code || ':' || name || ':' || coalesce(parent_code, ''), ',' ORDER BY code))
        FROM department d WHERE d.tenant_id = t.id AND removed_at IS NULL) AS tree,
       t.departments_listed_at AS listed_at,
       (SELECT count(*) FROM push p WHERE p.tenant_id = t.id AND p.interface = 'allOrgSync'
          AND p.verdict = 'applied' AND p.source_time = t.departments_listed_at) AS applied,
       (SELECT coalesce(sum((SELECT sum(n::bigint) FROM jsonb_each_text(counts) AS e (k, n))), 0)
          FROM push p WHERE p.tenant_id = t.id AND p.interface = 'allOrgSync')
       = (SELECT count(*) FROM event e WHERE e.tenant_id = t.id AND e.change_set IN
            (SELECT c.number FROM change_set c JOIN push p ON p.tenant_id = t.id AND p.id = c.cause_id
             WHERE c.tenant_id = t.id AND p.interface = 'allOrgSync'))
       AS changes_complete
FROM tenant t WHERE t.external_id = $1
"""


def make_tree(variant):
    """Two organisations that differ in names, parents and members of a fifth of their departments."""
    entries = []
    for number in range(SIZE):
        code, parent, name = f"D{number:06d}", f"D{(number - 1) // 8:06d}" if number else "", f"Unit {number}"
        if number % 20 == variant:
            code = f"{code}-{variant}"  # added in one, removed in the other
        elif variant and number % 10 == 5:
            name += " renamed"
        elif variant and number % 40 == 7:
            parent = "D000000"
        entries.append({"orgCode": code, "orgName": name, "parentCode": parent})
    return json.dumps(entries, separators=(",", ":")).encode()


class Crashes:
    """Pushes two trees in turn and looks at what the database holds."""

    def __init__(self, servers, enterprise):
        self.superuser_url = servers.postgres.superuser_url.rsplit("/", 1)[0] + "/tenon"
        self.enterprise = enterprise
        self.trees = [make_tree(0), make_tree(1)]

    def body(self, variant, at):
        """A message whose members are in order, so that what is sent is what is signed."""
        start = {"flag": 1, "instanceId": self.enterprise.instance, "orgInfoList": "THE TREE"}
        end = {"tenantId": self.enterprise.tenant, "testFlag": 0, "timeStamp": at}
        message = json.dumps(start | end, separators=(",", ":")).encode()
        return message.replace(b'"THE TREE"', self.trees[variant])

    async def push(self, body):
        return await self.enterprise.marketplace.kit("allOrgSync", body)

    async def facts(self):
        connection = await asyncpg.connect(self.superuser_url, timeout=30)
        try:
            return await connection.fetchrow(FACTS, self.enterprise.tenant)
        finally:
            await connection.close()


async def test_a_kill_during_a_full_sync_leaves_the_old_tree_or_the_new_one(
    own_servers, server, far_marketplace, capsys
):
    crashes = Crashes(own_servers, await far_marketplace.open_enterprise())
    for variant in (0, 1, 0):
        started = time.perf_counter()
        answer = await crashes.push(crashes.body(variant, far_marketplace.time()))
        duration = time.perf_counter() - started
        assert answer.code == "000000", answer
    old, digests = await crashes.facts(), {}
    digests[0] = old["tree"]

    dice, endings, variant = random.Random(SEED), {"old": 0, "new": 0}, 1
    for number in range(KILLS):
        body = crashes.body(variant, far_marketplace.time())
        # Each kill in a stretch of its own, so that chance leaves no part of the sync out.
        fraction = (number // 2 + dice.random()) / (KILLS / 2) * 1.25
        push = asyncio.create_task(crashes.push(body))
        await asyncio.sleep(fraction * duration)
        victim = "service" if number % 2 else "postgres"
        if victim == "service":
            server.kill()
        else:
            own_servers.postgres.kill()
        try:
            reply = (await push).code
            assert reply in ({"000000", "000005"}), reply
        except httpx2.TransportError:
            reply = "none"
            assert victim == "service"
        if victim == "service":
            await server.start()
        else:
            own_servers.postgres.start()
            await server.wait_until_ready()

        found = await crashes.facts()
        ending = "old" if found["listed_at"] == old["listed_at"] else "new"
        if ending == "old":
            assert (found["tree"], reply != "000000") == (old["tree"], True)
        assert found["applied"] == 1
        assert found["changes_complete"]
        endings[ending] += 1

        assert (await crashes.push(body)).code == "000000"
        new = await crashes.facts()
        assert ending == "old" or new["tree"] == found["tree"]
        assert new["tree"] == digests.setdefault(variant, new["tree"])
        assert new["tree"] != old["tree"]
        old, variant = new, 1 - variant
        note = f"{victim} at {fraction:.2f} of {duration:.2f} s, answer {reply}: {ending}"
        with capsys.disabled():
            sys.stdout.write(f"\nkill {number} of {KILLS} (seed {SEED}): {note}")
    assert endings["old"] > 0, endings
