"""A process that delivers and does nothing else, to be killed: `python -m tests.service.webhooks.worker`."""

import asyncio
import os
import sys

from service.settings import read_settings
from service.webhooks.delivery import Bounds, deliver_events
from service.wiring import open_runtime


async def main(lease, turn):
    async with open_runtime(read_settings(os.environ)) as runtime:
        await deliver_events(runtime, bounds=Bounds(lease=lease, turn=turn))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
