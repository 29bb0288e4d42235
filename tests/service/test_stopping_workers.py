"""A worker that is told to stop stops, even when a library keeps that to itself."""

import asyncio
import contextlib

import pytest

from service.worker import run_worker


@pytest.mark.parametrize(
    "step",
    [
        "service.webhooks.delivery.feed_events",
        "service.logouts.follow_departures",
        "service.logouts.claim_duties",
        "service.worker.settle_expired",
    ],
)
async def test_a_worker_stops_though_a_cancellation_was_lost_in_a_step(runtime, monkeypatch, step):
    """As `asyncio.wait_for` loses it before Python 3.12, with which the Redis client sends its commands."""
    begun = asyncio.Event()

    async def lose_the_first_cancellation(*_values, **_options):
        if begun.is_set():
            further.append(step)
            raise asyncio.CancelledError
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return []

    further = []
    monkeypatch.setattr(step, lose_the_first_cancellation)
    async with run_worker(runtime):
        await begun.wait()
    assert further == []
