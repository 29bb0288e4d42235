"""Run the benchmarks: `python -m bench [names]`; without names, all of them."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping

import asyncpg

from bench.access_changes import access_changes
from bench.access_checks import access_checks
from bench.deauthorisation import SETTINGS as DEAUTHORISATION_SETTINGS
from bench.deauthorisation import deauthorisation
from bench.event_cost import event_cost
from bench.events import events
from bench.full_sync import full_sync, large_sync
from bench.members import members
from bench.ratios import describe_machine
from bench.servers import Server, running_databases, serving
from bench.sign_ins import SETTINGS as SIGN_IN_SETTINGS
from bench.sign_ins import sign_ins
from bench.signatures import signatures
from bench.single_changes import single_changes
from bench.snapshots import snapshots
from bench.traces import SETTINGS as TRACES_SETTINGS
from bench.traces import traces
from bench.webhooks import SETTINGS, webhooks

BENCHMARKS: dict[str, Callable[[Server], list[str]]] = {
    "full-sync": full_sync,
    "large-sync": large_sync,
    "single-changes": single_changes,
    "members": members,
    "signatures": signatures,
    "access-checks": access_checks,
    "access-changes": access_changes,
    "event-cost": event_cost,
    "events": events,
    "snapshots": snapshots,
    "webhooks": webhooks,
    "sign-ins": sign_ins,
    "deauthorisation": deauthorisation,
    "traces": traces,
}

# What else than its defaults the server is started with.
SETTINGS_OF: Mapping[str, Mapping[str, str]] = {
    "webhooks": SETTINGS,
    "sign-ins": SIGN_IN_SETTINGS,
    "deauthorisation": DEAUTHORISATION_SETTINGS,
    "traces": TRACES_SETTINGS,
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"No such benchmark: {', '.join(unknown)}. There are {', '.join(BENCHMARKS)}.")
    with running_databases() as (folder, embedded):
        for number, name in enumerate(names or BENCHMARKS):
            # A fresh process each time: memory is told as a peak.
            with serving(folder, embedded, SETTINGS_OF.get(name, {})) as server:
                if number == 0:
                    print(asyncio.run(_describe(server)), flush=True)
                started = time.monotonic()
                lines = BENCHMARKS[name](server)
                print(f"\n[{name}] {time.monotonic() - started:.0f} s", *lines, sep="\n", flush=True)


async def _describe(server: Server) -> str:
    connection = await asyncpg.connect(server.database_url, timeout=10)
    try:
        return describe_machine(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
