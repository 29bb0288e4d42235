"""When events are tried again: pure rules."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tenancy.retries import (
    FAILING_FROM,
    GIVE_UP_AFTER,
    JITTER,
    pause_length,
    reason_to_disable,
    retry_delay,
)

failures = st.integers(1, 10_000)
jitters = st.floats(-1, 1)


def test_an_event_waits_longer_and_longer_up_to_eight_hours():
    delays = [retry_delay(count, jitter=0).total_seconds() for count in range(1, 12)]
    assert delays == [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800, 28_800]


@given(failures, jitters)
def test_jitter_moves_a_delay_by_a_fifth_at_the_most(count, jitter):
    plain = retry_delay(count, jitter=0)
    assert abs(retry_delay(count, jitter=jitter) - plain) <= plain * JITTER + timedelta(microseconds=1)


@given(st.integers(FAILING_FROM, 10_000), jitters)
def test_an_endpoint_is_never_left_alone_for_more_than_five_minutes(count, jitter):
    assert timedelta(seconds=4) <= pause_length(count, jitter=jitter) <= timedelta(minutes=5)


def test_an_endpoint_is_left_alone_longer_and_longer():
    pauses = [pause_length(FAILING_FROM + more, jitter=0).total_seconds() for more in range(5)]
    assert pauses == [5, 30, 120, 300, 300]


def test_three_days_of_refusals_or_a_receiver_that_is_gone_end_it():
    assert reason_to_disable(status=500, failing_for=GIVE_UP_AFTER - timedelta(microseconds=1)) is None
    assert "3 days" in reason_to_disable(status=500, failing_for=GIVE_UP_AFTER)
    assert "3 days" in reason_to_disable(status=None, failing_for=GIVE_UP_AFTER)
    assert "410" in reason_to_disable(status=410, failing_for=timedelta(0))


def test_three_days_hold_more_than_ten_tries():
    total, count = timedelta(0), 0
    while total < GIVE_UP_AFTER:
        count += 1
        total += retry_delay(count, jitter=0)
    assert count > 10
