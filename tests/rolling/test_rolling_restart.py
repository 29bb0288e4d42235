"""A rolling restart of two web processes under load, behind a proxy that forgives nothing."""

import asyncio
import sys

import pytest

from tests.faults.processes import PATIENCE
from tests.rolling.facts import Facts
from tests.rolling.load import loading
from tests.rolling.proxy import proxying

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.timeout(280)]

RATE = 200
ROUNDS = 1


async def restart(server, backend):
    """End a process as a cluster does, and start the next one in its place."""
    server.terminate()
    assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    await server.start()
    await backend.until_ready()


async def test_a_rolling_restart_under_200_pushes_a_second_loses_none(start, prepare, look, capsys):
    servers = await asyncio.gather(
        *(start(TENON_DRAIN_SECONDS="2", TENON_DATABASE_POOL="10") for _ in range(2))
    )
    async with proxying(*(server.port for server in servers)) as proxy:
        pushes = await prepare(f"http://127.0.0.1:{proxy.port}")
        facts = Facts(look, pushes)
        set_up = await facts.history()
        async with loading(proxy.port, pushes.make, RATE) as load:
            for server, backend in list(zip(servers, proxy.backends, strict=True)) * ROUNDS:
                await restart(server, backend)
    slow = sorted(outcome.seconds for outcome in load.outcomes)[len(load.outcomes) * 99 // 100]
    with capsys.disabled():
        note = f"{load.due} pushes in {load.seconds:.1f} s, {slow * 1000:.0f} ms at the 99th percentile"
        sys.stdout.write(f"\n{note}")

    assert [outcome for outcome in load.outcomes if not outcome.is_success] == []
    assert proxy.faults == []
    assert await facts.find_missing(load.outcomes) == []
    assert len(await facts.history()) == len(set_up) + load.due
    assert load.due == len(load.outcomes) == pytest.approx(RATE * load.seconds, rel=0.02)
    for backend in proxy.backends:
        assert backend.answers > load.due / 4
        # While it drains, a server asks for each of its connections back.
        assert backend.closing_answers > 0
