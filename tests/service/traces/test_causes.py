"""Ids of traces, which of them are sampled, and the header between applications."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

from service.traces.carriers import read_links, write_headers
from service.traces.causes import CauseIds, IdSampler, context_of, root_span_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@given(st.uuids())
def test_whoever_knows_a_cause_knows_its_trace_and_its_root(cause):
    ids = CauseIds()
    with ids.of(cause):
        root = (ids.generate_trace_id(), ids.generate_span_id())
    parent = get_current_span(context_of(cause)).get_span_context()
    if cause.int:
        assert (parent.trace_id, parent.span_id) == root
    assert root_span_id(cause)


def test_only_the_root_span_has_the_ids_of_its_request():
    ids, request_id = CauseIds(), uuid4()
    with ids.of(request_id):
        assert ids.generate_trace_id() == request_id.int
    assert ids.generate_trace_id() != request_id.int
    assert ids.generate_span_id() != root_span_id(request_id)


def test_a_call_without_a_cause_has_a_trace_of_its_own():
    assert not get_current_span(context_of(None)).get_span_context().is_valid


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_a_share_of_ids_is_sampled_as_large_as_was_asked(ratio):
    sampler = IdSampler(ratio)
    taken = sum(sampler.takes(uuid4().int) for _ in range(4000)) / 4000
    # Five standard deviations: random ids miss this once in two million times.
    assert taken == pytest.approx(ratio, abs=5 * (ratio * (1 - ratio) / 4000) ** 0.5)


@given(st.uuids(version=4), st.floats(0, 1), st.floats(0, 1))
def test_what_is_sampled_at_a_ratio_is_sampled_at_every_higher_one(cause, one, other):
    low, high = sorted((one, other))
    assert not IdSampler(low).takes(cause.int) or IdSampler(high).takes(cause.int)
    assert IdSampler(1).takes(cause.int)
    assert not IdSampler(0).takes(cause.int)


@given(st.uuids(version=4), st.floats(0, 1))
def test_every_span_of_a_trace_is_sampled_or_none_whatever_its_parent_says(cause, ratio):
    sampler = IdSampler(ratio)
    decisions = {
        sampler.should_sample(context, cause.int, "any").decision.is_sampled()
        for context in (None, context_of(cause), context_of(uuid4()))
    }
    assert decisions == {sampler.takes(cause.int)}


@given(st.uuids(version=4), st.booleans())
def test_the_header_that_is_written_can_be_read(cause, sampled):
    told = SpanContext(cause.int, root_span_id(cause), is_remote=False, trace_flags=TraceFlags(int(sampled)))
    header = write_headers(told)["traceparent"]
    [link] = read_links([(b"traceparent", header.encode())])
    assert (link.context.trace_id, link.context.span_id) == (told.trace_id, told.span_id)
    assert link.context.trace_flags == told.trace_flags


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n00-{TRACE}-{SPAN}-01",
        "\xff" * 55,
    ],
)
def test_what_is_no_traceparent_is_passed_over(value):
    assert read_links([(b"traceparent", value.encode("latin-1"))]) == []


def test_two_traceparents_are_none_and_a_later_version_may_say_more():
    header = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
    assert read_links([header, header]) == []
    assert read_links([(b"tracestate", b"a=b")]) == []
    [link] = read_links([(b"traceparent", f"01-{TRACE}-{SPAN}-01-more".encode())])
    assert link.context.trace_id == UUID(TRACE).int
