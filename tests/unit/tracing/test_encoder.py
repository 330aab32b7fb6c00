from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.common import trace_encoder
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, Tracer, TraceState

from connectrt.tracing.encoder import encode_spans
from connectrt.tracing.links import CompactLinks, links_of, set_links
from connectrt.tracing.task import under
from tests.unit.tracing.test_links import some_links


@pytest.fixture
def tracer() -> Tracer:
    return TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(max_attributes=20)).get_tracer(
        "connectrt", "1", "https://opentelemetry.io/schemas/1.44.0")


def ended(span: object, links: CompactLinks | None) -> ReadableSpan:
    assert isinstance(span, ReadableSpan)
    if links is not None:
        set_links(span, links)  # type: ignore[arg-type]
    span.end()  # type: ignore[attr-defined]
    return span


def assert_encoded_as_by_the_sdk(*spans: ReadableSpan) -> None:
    """Parse ours; the SDK's own encoder sees the same spans with their links made ordinary."""
    ours = ExportTraceServiceRequest.FromString(encode_spans(spans).SerializePartialToString())
    theirs = trace_encoder.encode_spans(sorted(spans, key=lambda span: links_of(span) is not None))
    merged = ExportTraceServiceRequest()
    for resource in ours.resource_spans:  # ours come as ResourceSpans of their own
        if not merged.resource_spans or merged.resource_spans[-1].resource != resource.resource:
            merged.resource_spans.append(resource)
        elif merged.resource_spans[-1].scope_spans[-1].scope == resource.scope_spans[0].scope:
            merged.resource_spans[-1].scope_spans[-1].spans.extend(resource.scope_spans[0].spans)
        else:
            merged.resource_spans[-1].scope_spans.extend(resource.scope_spans)
    assert merged == theirs


def test_a_span_with_compact_links_is_encoded_as_by_the_sdk(tracer: Tracer) -> None:
    span = tracer.start_span("process orders", kind=SpanKind.CONSUMER, attributes={
        "text": "zürich", "true": True, "false": False, "one": 1, "minus": -5, "zero": 0, "float": 0.1, "empty": ""})
    assert_encoded_as_by_the_sdk(ended(span, some_links(500, dropped=300)))


@pytest.mark.parametrize("remote", [True, False])
def test_a_child_with_compact_links_is_encoded_as_by_the_sdk(tracer: Tracer, remote: bool) -> None:
    context = under(SpanContext(5, 6, remote, TraceFlags(1)))
    assert_encoded_as_by_the_sdk(ended(tracer.start_span("send", context, SpanKind.CLIENT), some_links(1)))


def test_what_is_not_simple_is_left_to_the_sdk(tracer: Tracer) -> None:
    failed = tracer.start_span("process", attributes={"list": ["a", "b"]})
    failed.add_event("connectrt.retry", {"connectrt.attempt": 1})
    failed.set_status(StatusCode.ERROR, "no")
    crowded = tracer.start_span("process", attributes={str(number): number for number in range(20)})
    listing = tracer.start_span("process", attributes={"list": [1, 2]})
    state = SpanContext(5, 6, True, TraceFlags(1), TraceState([("vendor", "x")]))
    child = tracer.start_span("process", under(state))
    assert_encoded_as_by_the_sdk(*(ended(span, some_links(3, dropped=2)) for span in (failed, crowded, listing, child)))


def test_links_added_later_are_encoded_too(tracer: Tracer) -> None:
    span = tracer.start_span("process")
    links = some_links(2)
    set_links(span, links)
    span.add_link(SpanContext(1, 2, False, TraceFlags(1)), {"a": "b"})
    assert_encoded_as_by_the_sdk(ended(span, None))
    assert len(links.added) == 1


def test_spans_of_several_scopes_go_in_one_request(tracer: Tracer) -> None:
    provider = TracerProvider(shutdown_on_exit=False, resource=tracer.resource)  # type: ignore[attr-defined]
    other = provider.get_tracer("psycopg")
    request = ExportTraceServiceRequest.FromString(encode_spans([
        ended(tracer.start_span("process"), some_links(2)), ended(other.start_span("INSERT"), None),
        ended(other.start_span("other"), some_links(1)), ended(tracer.start_span("process"), some_links(1))]))
    spans = [(scope.scope.name, [(span.name, len(span.links)) for span in scope.spans])
             for resource in request.resource_spans for scope in resource.scope_spans]
    assert spans == [("psycopg", [("INSERT", 0)]), ("connectrt", [("process", 2), ("process", 1)]),
                     ("psycopg", [("other", 1)])]
    assert {scope.schema_url for resource in request.resource_spans for scope in resource.scope_spans
            if scope.scope.name == "connectrt"} == {"https://opentelemetry.io/schemas/1.44.0"}


def test_no_link_object_is_made_on_the_way_to_otlp(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    span = ended(tracer.start_span("process"), some_links(100))

    def refuse(self: CompactLinks) -> None:
        raise AssertionError("links were materialised")

    monkeypatch.setattr(CompactLinks, "__iter__", refuse)
    assert len(encode_spans([span])) > 100 * 36


def test_nothing_is_encoded_as_nothing() -> None:
    assert encode_spans([]) == b""


def test_the_sdk_exporter_still_calls_its_encoder_by_the_name_that_is_replaced() -> None:
    """If this fails, tracing/otlp.py is to be changed: its exporter would send, slowly, ordinary links."""
    assert "encode_spans" in OTLPSpanExporter.export.__code__.co_names
    assert OTLPSpanExporter.export.__globals__["encode_spans"] is trace_encoder.encode_spans

