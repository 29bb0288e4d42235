from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.simulator.calls import INVALID, SUCCESS, UNAUTHENTICATED, Call, Surface
from service.simulator.chaos import Mode, disturb, is_genuine

surfaces = st.sampled_from(list(Surface))
streams = st.lists(surfaces, max_size=40).map(
    lambda kinds: [
        Call(surface=kind, name=f"call{number}", body=b'{"n":%d}' % number)
        for number, kind in enumerate(kinds)
    ]
)
modes = st.frozensets(st.sampled_from(list(Mode)))
KIT = [Call(surface=Surface.V2_KIT, name=f"call{number}", body=b'{"n":%d}' % number) for number in range(60)]


def names(calls):
    return [call.name for call in calls]


@settings(deadline=None, max_examples=50)
@given(streams, modes, st.text(max_size=5))
def test_the_same_seed_disturbs_the_same_way(stream, chosen, seed):
    assert disturb(stream, chosen, seed=seed) == disturb(stream, chosen, seed=seed)


@settings(deadline=None, max_examples=50)
@given(streams, modes)
def test_every_disturbed_call_says_what_a_correct_vendor_answers(stream, chosen):
    for call in disturb(stream, chosen, seed="7"):
        assert call.expected
        if call.has_wrong_key:
            assert call.expected == (UNAUTHENTICATED,)
        if call.skew:
            assert INVALID in call.expected
            assert SUCCESS not in call.expected


@settings(deadline=None, max_examples=50)
@given(streams, modes)
def test_only_drop_loses_genuine_calls_and_only_duplicate_repeats_them(stream, chosen):
    genuine = Counter(call.name for call in disturb(stream, chosen, seed="7") if is_genuine(call))
    if Mode.DROP not in chosen:
        assert set(genuine) == set(names(stream))
    if Mode.DUPLICATE not in chosen:
        assert all(count == 1 for count in genuine.values())


@settings(deadline=None, max_examples=50)
@given(streams)
def test_without_modes_nothing_changes(stream):
    assert disturb(stream, frozenset(), seed="7") == stream


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_disturbs_a_long_stream(mode):
    assert disturb(KIT, frozenset({mode}), seed="7") != KIT
    assert disturb(KIT, frozenset({mode}), seed="7") != disturb(KIT, frozenset({mode}), seed="8")


def test_delay_moves_calls_by_a_few_places_only():
    order = names(disturb(KIT, frozenset({Mode.DELAY}), seed="7"))
    moved = [order.index(call.name) - place for place, call in enumerate(KIT)]
    assert max(moved) > 0
    assert all(-60 < shift <= 8 for shift in moved)


def test_a_reordered_kit_call_may_ask_for_a_retry_and_an_undisturbed_one_may_not():
    assert {call.expected for call in disturb(KIT, frozenset({Mode.SHUFFLE}), seed="7")} == {
        (SUCCESS, INVALID)
    }
    assert {call.expected for call in disturb(KIT, frozenset({Mode.DUPLICATE}), seed="7")} == {(SUCCESS,)}


def test_v1_calls_are_not_skewed_because_v1_has_no_freshness():
    old = [Call(surface=Surface.V1_KIT, name="tenantSync", body=b"{}") for _ in range(50)]
    assert disturb(old, frozenset({Mode.CLOCK_SKEW}), seed="7") == old
