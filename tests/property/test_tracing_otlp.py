"""Our OTLP bytes parse to exactly what the SDK's encoder yields for the same spans with ordinary links."""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common import trace_encoder
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags

from connectrt.tracing.context import traceparent
from connectrt.tracing.encoder import encode_spans
from connectrt.tracing.links import CompactLinks, LinkBlock, set_links
from connectrt.tracing.task import under

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("connectrt", "1", "https://opentelemetry.io/schemas/1.44.0")

keys = st.text(min_size=1, max_size=40)
traceparents = st.builds(traceparent, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 3))




class Drawn(NamedTuple):
    """A span to be; the SDK makes its ids, which hypothesis would not allow while it draws."""

    name: str
    kind: SpanKind
    parent: SpanContext | None
    attributes: dict[str, Any]
    blocks: list[LinkBlock]
    dropped: int
    times: tuple[int, int]
    event: bool
    added_link: bool
    status: StatusCode
    description: str | None


@st.composite
def blocks(draw: st.DrawFn) -> LinkBlock:
    raws = draw(st.lists(traceparents, max_size=5))
    count = len(raws)
    size = draw(st.integers(0, 3))
    partitions = st.integers(10**size, 10**(size + 1) - 1).map(str)
    offsets = st.integers(0, 2**63 - 1) | st.integers(0, 300)
    shared, text, first, second = draw(st.lists(keys, min_size=4, max_size=4, unique=True))
    return LinkBlock(
        raws, draw(st.booleans()),
        {shared: draw(st.text(max_size=200))} if draw(st.booleans()) else {},
        {text: draw(st.lists(partitions, min_size=count, max_size=count))} if draw(st.booleans()) else {},
        {key: array("q", draw(st.lists(offsets, min_size=count, max_size=count)))
         for key in draw(st.sampled_from([(), (first,), (first, second)]))})


contexts = st.builds(SpanContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans(),
                     st.just(TraceFlags(1)))
values = st.one_of(st.text(max_size=200), st.booleans(), st.integers(-2**63, 2**63 - 1), st.floats(allow_nan=False),
                   st.lists(st.integers(0, 9), max_size=3))
drawn = st.builds(
    Drawn, st.text(max_size=40), st.sampled_from(SpanKind), st.none() | contexts,
    st.dictionaries(keys, values, max_size=5), st.lists(blocks(), max_size=2), st.integers(0, 10_000),
    st.tuples(st.integers(1, 2**62), st.integers(1, 2**62)), st.booleans(), st.booleans(),
    st.sampled_from([StatusCode.UNSET, StatusCode.ERROR]), st.none() | st.text(max_size=20))


def span_of(one: Drawn) -> ReadableSpan:
    start_ns, end_ns = one.times
    span = TRACER.start_span(one.name, under(one.parent) if one.parent else Context(), one.kind, one.attributes,
                             start_time=start_ns)
    set_links(span, CompactLinks(one.blocks, dropped=one.dropped))
    if one.event:
        span.add_event("e", {"a": 1}, 5)
    if one.added_link:
        span.add_link(SpanContext(1, 2, False, TraceFlags(1)), {"added": True})
    span.set_status(one.status, one.description)
    span.end(end_ns)
    assert isinstance(span, ReadableSpan)
    return span


@settings(max_examples=50)
@given(drawn)
def test_a_span_is_encoded_as_by_the_sdk(one: Drawn) -> None:
    span = span_of(one)
    ours = ExportTraceServiceRequest.FromString(encode_spans([span]).SerializePartialToString())
    assert ours == trace_encoder.encode_spans([span])


@settings(max_examples=30)
@given(st.lists(drawn, max_size=3))
def test_no_span_of_a_request_is_lost_or_doubled(several: list[Drawn]) -> None:
    spans = [span_of(one) for one in several]
    request = ExportTraceServiceRequest.FromString(encode_spans(spans))
    sent = [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]
    assert sorted(int.from_bytes(span.span_id) for span in sent) == sorted(
        span.context.span_id for span in spans if span.context)
    assert sum(len(span.links) for span in sent) == sum(len(span.links) for span in spans)
