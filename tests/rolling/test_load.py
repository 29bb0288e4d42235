"""The load keeps to the clock, even where the machine does not."""

import asyncio
import time

import pytest

from tests.receivers import open_receiver
from tests.rolling.load import loading
from tests.rolling.pushes import Push


async def test_what_was_due_while_the_machine_stood_still_is_sent_before_the_load_ends():
    async with open_receiver() as receiver:
        data = b"POST / HTTP/1.1\r\nhost: receiver.test\r\ncontent-length: 0\r\n\r\n"

        def make(number):
            return Push(data=data, kind="push", tenant="t", says=str(number))

        async with loading(receiver.port, make, 200) as load:
            await asyncio.sleep(0.1)
            time.sleep(0.5)  # noqa: ASYNC251 - nothing else runs meanwhile
    assert load.seconds >= 0.6
    assert load.due == len(load.outcomes) == receiver.count == pytest.approx(200 * load.seconds, rel=0.02)
