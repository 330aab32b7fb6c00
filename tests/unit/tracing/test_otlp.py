from __future__ import annotations

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from requests.adapters import BaseAdapter

from connectrt.tracing import otlp
from connectrt.tracing.links import set_links
from connectrt.tracing.otlp import ExportQueue, OtlpExporter
from tests.unit.tracing.test_links import some_links


class Collector(BaseAdapter):
    """Answers requests of a session without a socket."""

    def __init__(self, status: int = 200) -> None:
        super().__init__()
        self.status = status
        self.requests: list[ExportTraceServiceRequest] = []

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        assert isinstance(request.body, bytes)
        self.requests.append(ExportTraceServiceRequest.FromString(request.body))
        response = requests.Response()
        response.status_code = self.status
        response.raw = None
        return response

    def close(self) -> None:
        return None

    def link_counts(self) -> list[list[int]]:
        return [[len(span.links) for resource in request.resource_spans for scope in resource.scope_spans
                 for span in scope.spans] for request in self.requests]


def exporter_to(collector: Collector) -> OtlpExporter:
    session = requests.Session()
    session.mount("http://", collector)
    return OtlpExporter(endpoint="http://collector:4318/v1/traces", session=session)


def span_with(links: int) -> ReadableSpan:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("process")
    set_links(span, some_links(links))
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def test_the_sdk_exporter_sends_compact_links() -> None:
    collector = Collector()
    assert exporter_to(collector).export([span_with(3), span_with(0)]) is SpanExportResult.SUCCESS
    assert collector.link_counts() == [[3, 0]]


def test_a_request_holds_no_more_links_than_collectors_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "LINKS_PER_REQUEST", 10)
    collector = Collector()
    exporter_to(collector).export([span_with(count) for count in (4, 6, 1, 30, 0, 5)])
    assert collector.link_counts() == [[4, 6], [1], [30], [0, 5]]


def test_one_refused_part_is_a_failure() -> None:
    assert exporter_to(Collector(status=400)).export([span_with(1)]) is SpanExportResult.FAILURE


class Held(SpanExporter):
    """Takes spans, or does not."""

    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.spans: list[ReadableSpan] = []

    def export(self, spans: object) -> SpanExportResult:
        self.spans.extend(spans)  # type: ignore[arg-type]
        return self.result

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def queue_of(exporter: SpanExporter, size: int = 2048) -> ExportQueue:
    return ExportQueue(exporter, size, 60_000)


def close(queue: ExportQueue) -> None:
    queue.shutdown()  # type: ignore[no-untyped-call]


def test_exported_spans_are_counted() -> None:
    queue = queue_of(Held())
    queue.on_end(span_with(1))
    queue.on_end(span_with(1))
    queue.force_flush()
    assert (queue.exported, queue.dropped) == (2, 0)
    close(queue)


def test_spans_the_exporter_could_not_deliver_are_dropped_ones() -> None:
    class Raising(Held):
        def export(self, spans: object) -> SpanExportResult:
            raise OSError("no route")

    for exporter in (Held(SpanExportResult.FAILURE), Raising()):
        queue = queue_of(exporter)
        queue.on_end(span_with(0))
        queue.force_flush()
        assert (queue.exported, queue.dropped) == (0, 1)
        close(queue)


def test_spans_a_full_queue_has_lost_are_counted() -> None:
    exporter = Held()
    queue = queue_of(exporter, size=512)
    spans = [span_with(0) for _ in range(600)]
    with queue._batch_processor._export_lock:  # the exporter is slow
        for span in spans:
            queue.on_end(span)
    queue.force_flush()
    assert (queue.exported, queue.dropped) == (512, 88)
    assert len(exporter.spans) == 512
    close(queue)


def test_unsampled_spans_are_not_counted() -> None:
    queue = queue_of(Held())
    queue.on_end(ReadableSpan("s"))
    queue.force_flush()
    assert (queue.exported, queue.dropped) == (0, 0)
    close(queue)


def test_while_the_backend_is_away_a_bounded_number_of_links_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "LINKS_WAITING_MAX", 10)
    exporter = Held()
    queue = queue_of(exporter)
    for span in [span_with(6), span_with(6), span_with(4)]:
        queue.on_end(span)
    queue.force_flush()
    assert [(len(span.links), span.dropped_links) for span in exporter.spans] == [(6, 0), (0, 6), (4, 0)]
    queue.on_end(span_with(10))
    queue.force_flush()
    assert len(exporter.spans[3].links) == 10
    close(queue)
