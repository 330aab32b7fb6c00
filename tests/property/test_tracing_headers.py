"""Foreign bytes in trace headers: nothing raises, nothing good is lost, nothing bad gets in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connectrt.data.record import SourceRecord, TraceCarrier
from connectrt.tracing.context import allowed_baggage, canonical, ids, is_sampled, traceparent, usable_tracestate
from connectrt.tracing.injection import plan
from connectrt.tracing.selection import select
from tests.unit.tracing.fakes import T0, Record, Recorder, parent

HEX = "0123456789abcdef"
ids_of_traces = st.integers(1, 2**128 - 1)
ids_of_spans = st.integers(1, 2**64 - 1)
good = st.builds(traceparent, ids_of_traces, ids_of_spans, st.integers(0, 3))
few = st.builds(parent, st.integers(0, 5), st.sampled_from(["00", "01", "02", "03", "ff"]))
later = st.builds(lambda raw, version: b"%02x" % version + raw[2:] + b"-more", good, st.integers(1, 254))
near = st.builds(lambda raw, at, byte: raw[:at] + bytes([byte]) + raw[at + 1:], good, st.integers(0, 54),
                 st.integers(0, 255))
cut = st.builds(lambda raw, at: raw[:at], good, st.integers(0, 55))
anything = st.one_of(good, few, later, near, cut, st.binary(max_size=70))
names = st.sampled_from(["traceparent", "tracestate", "baggage", "Traceparent", "other"])
headers = st.lists(st.tuples(names, st.none() | anything | st.binary(max_size=600)), max_size=6)


def chosen_by_looking_at_each(raws: list[bytes]) -> set[tuple[int, int]]:
    wanted: dict[tuple[int, int], bool] = {}
    for raw in raws:
        clean = canonical(raw)
        if clean is not None:
            wanted[ids(clean)[:2]] = wanted.get(ids(clean)[:2], False) or is_sampled(clean)
    return {context for context, sampled in wanted.items() if sampled}


@given(st.lists(anything, max_size=30))
def test_exactly_the_well_formed_sampled_contexts_are_selected(raws: list[bytes]) -> None:
    selection = select(raws, None)
    assert {ids(raw)[:2] for raw in selection.traceparents} == chosen_by_looking_at_each(raws)
    assert len(selection.traceparents) == len(selection.first)
    assert all(canonical(raws[place]) is not None for place in selection.first)


@given(st.lists(st.builds(parent, st.integers(0, 99)) | later | cut, max_size=40), st.integers(0, 20))
def test_selected_and_dropped_add_up(raws: list[bytes], limit: int) -> None:
    selection = select(raws, limit)
    assert len(selection.traceparents) == min(limit, len(chosen_by_looking_at_each(raws)))
    assert len(selection.traceparents) + selection.dropped == len(chosen_by_looking_at_each(raws))


@given(ids_of_traces, ids_of_spans, st.integers(0, 3))
def test_what_is_written_is_read_by_the_sdk_and_the_other_way_round(trace_id: int, span_id: int, flags: int) -> None:
    raw = traceparent(trace_id, span_id, flags)
    assert canonical(raw) == raw
    assert ids(raw) == (trace_id, span_id, flags)
    context = TraceContextTextMapPropagator().extract({"traceparent": raw.decode()}, Context())
    read = get_current_span(context).get_span_context()
    assert (read.trace_id, read.span_id, read.trace_flags) == (trace_id, span_id, flags)
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, context)
    assert canonical(carrier["traceparent"].encode()) == raw


@given(st.binary(max_size=80) | anything)
def test_what_is_canonical_stays_so(raw: bytes) -> None:
    clean = canonical(raw)
    assert clean is None or (canonical(clean) == clean and len(clean) == 55)


@given(st.lists(headers, min_size=1, max_size=5))
def test_no_header_of_a_sink_record_raises_or_stops_the_batch(batch: list[list[tuple[str, bytes | None]]]) -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put = sink.start_put([Record(own, at) for at, own in enumerate(batch)], T0)
    with put.active():
        pass
    put.end()
    (span,) = recorder.spans()
    assert all(link.context.is_valid and link.context.trace_flags.sampled for link in span.links)
    assert not sink.guard.tripped  # type: ignore[attr-defined]
    assert not sink.guard._failed_at  # type: ignore[attr-defined]


@given(headers, st.none() | st.builds(TraceCarrier, anything, st.none() | st.binary(max_size=600),
                                      st.none() | st.binary(max_size=600)),
       st.sampled_from(["continue", "preserve", "replace", "none"]))
def test_no_header_of_a_source_record_raises_or_is_changed_in_place(
        own: list[tuple[str, bytes | None]], carrier: TraceCarrier | None, how: str) -> None:
    before = list(own)
    planned = plan(own, carrier, how, {"tenant"})  # type: ignore[arg-type]
    assert own == before
    recorder = Recorder()
    source = recorder.source(source_context=how)
    source.polled(1, T0, None)
    (out,) = source.inject([SourceRecord(topic="t", value=1, trace=carrier)], [own]).headers
    assert own == before
    assert [header for header in out if header[0] == "other"] == [header for header in own if header[0] == "other"]
    contexts = [value for name, value in out if name == "traceparent"]
    if how in ("continue", "replace"):
        assert len(contexts) == 1
        assert contexts[0] is not None
        assert canonical(contexts[0]) == contexts[0]
    if planned.brought is not None and how == "continue":
        assert contexts == [planned.brought]


@given(st.binary(max_size=9000), st.sets(st.sampled_from(["a", "tenant", "b"])))
def test_no_tracestate_or_baggage_raises(raw: bytes, allow: set[str]) -> None:
    assert usable_tracestate(raw) in (raw, None)
    kept = allowed_baggage(raw, allow, 1024)
    assert kept is None or {member.split(b"=")[0].strip().decode() for member in kept.split(b",")} <= allow


def test_bad_headers_are_never_twice_as_slow_as_good_ones() -> None:
    sink = Recorder().sink()
    rng = random.Random(7)
    shapes: list[Callable[[int], bytes]] = [
        lambda number: rng.randbytes(rng.randrange(100)),
        lambda number: rng.randbytes(55),
        lambda number: b"%055d" % number,
        lambda number: parent(number)[:53] + b"x1",
        lambda number: parent(number) * 9,
        lambda number: b"\xff" * 65_536,
    ]

    def batch(value: Callable[[int], bytes]) -> list[Record]:
        return [Record([("other", b"x"), ("traceparent", value(number))], number) for number in range(1000)]

    def takes_s(records: list[Record]) -> float:
        start = time.thread_time()
        sink.start_put(records, T0)
        return time.thread_time() - start

    good = batch(parent)
    for shape in shapes:
        bad = batch(shape)
        assert min(takes_s(bad) / takes_s(good) for _ in range(15)) < 2  # other processes slow down either at times
