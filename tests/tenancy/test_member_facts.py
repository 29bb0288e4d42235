"""Laws of what messages say of a person: any order and number of them gives the same person."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.member_facts import (
    CANCELLED,
    DEFAULTS,
    GRANTED,
    REMOVED,
    KnownMember,
    MemberFacts,
    authorise,
    describe,
    imply_grant,
)
from tests.tenancy.histories import attributes
from tests.tenancy.pushing import moment

words = st.sampled_from((GRANTED, CANCELLED, REMOVED))
told = st.lists(st.one_of(attributes, words), max_size=8)


def tell(known, number, said):
    if isinstance(said, str):
        return authorise(known, said, moment(number))
    return imply_grant(describe(known, MemberFacts("ann", said), moment(number)), moment(number))


def told_in_order(messages, ended=None):
    known = KnownMember(ended_time=None if ended is None else moment(ended))
    for number, said in messages:
        known = tell(known, number, said)
    return known


@given(messages=told, order=st.randoms(use_true_random=False), ended=st.none() | st.integers(0, 8))
def test_order_and_repetition_of_messages_do_not_matter(messages, order, ended):
    numbered = list(enumerate(messages))
    shuffled = numbered + order.choices(numbered, k=3) if numbered else []
    order.shuffle(shuffled)
    assert told_in_order(shuffled, ended) == told_in_order(numbered, ended)


@given(messages=told)
def test_each_attribute_is_as_last_mentioned(messages):
    known = told_in_order(list(enumerate(messages)))
    for name, default in DEFAULTS.items():
        mentions = [said[name] for said in messages if not isinstance(said, str) and name in said]
        assert known.attributes[name] == (mentions[-1] if mentions else default)


@given(messages=told)
def test_the_newest_word_counts_and_without_one_a_description_grants(messages):
    said = [message for message in messages if isinstance(message, str)]
    described = len(said) < len(messages)
    known = told_in_order(list(enumerate(messages)))
    assert known.word == (said[-1] if said else GRANTED if described else None)


@given(messages=told, ended=st.integers(0, 8))
def test_what_was_said_before_the_binding_ended_does_not_count(messages, ended):
    counted = list(enumerate(messages))[ended:]
    assert told_in_order(list(enumerate(messages)), ended).word == told_in_order(counted).word


@pytest.mark.parametrize(
    ("word", "elsewhere", "removed_elsewhere", "removed"),
    [
        (GRANTED, False, False, False),
        (GRANTED, False, True, False),
        (CANCELLED, False, True, False),
        (REMOVED, True, True, False),
        (REMOVED, False, False, True),
        (REMOVED, False, True, True),
    ],
)
def test_a_person_is_removed_when_an_app_has_removed_it_and_none_keeps_it(
    word, elsewhere, removed_elsewhere, removed
):
    known = KnownMember(elsewhere=elsewhere, removed_elsewhere=removed_elsewhere)
    known = authorise(describe(known, MemberFacts("ann", {}), moment(1)), word, moment(2))
    assert known.removed == removed


def test_a_grant_of_an_ended_binding_keeps_nobody():
    known = KnownMember(removed_elsewhere=True, ended_time=moment(5))
    described = describe(known, MemberFacts("ann", {}), moment(1))
    assert authorise(described, GRANTED, moment(2)).removed
    assert not authorise(described, GRANTED, moment(5)).removed


def test_somebody_never_described_is_not_there():
    assert authorise(KnownMember(), GRANTED, moment(1)).removed


def test_messages_of_one_time_are_applied_as_they_come():
    first = describe(KnownMember(), MemberFacts("ann", {"name": "one"}), moment(1))
    second = describe(first, MemberFacts("ann", {"name": "two"}), moment(1))
    assert second.attributes["name"] == "two"
    assert authorise(authorise(second, GRANTED, moment(1)), CANCELLED, moment(1)).word == CANCELLED


def test_times_are_kept_to_the_millisecond_of_the_wire():
    late = moment(1) + timedelta(milliseconds=1)
    known = describe(KnownMember(), MemberFacts("ann", {"name": "late"}), late)
    assert describe(known, MemberFacts("ann", {"name": "early"}), moment(1)).attributes["name"] == "late"
