from __future__ import annotations

import logging
import sys
import threading

import pytest
from opentelemetry import propagate
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from connectrt.errors import ConfigError
from connectrt.tracing.off import off
from connectrt.tracing.otlp import OtlpExporter
from connectrt.tracing.pipeline import Pipeline
from connectrt.tracing.provider import Tracing
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from tests.unit.tracing.fakes import T0, Record, Recorder, linked, traced


def sink_of(tracing: Tracing) -> SinkTracer:
    return tracing.sink("c", 0, TracingSettings(), group="g", bootstrap="b:1")


@pytest.mark.parametrize(("environ", "exporters"), [
    ({}, []),
    ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, []),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, ["OtlpExporter"]),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, ["OtlpExporter"]),
    ({"OTEL_TRACES_EXPORTER": "otlp"}, ["OtlpExporter"]),
    ({"OTEL_TRACES_EXPORTER": "otlp_proto_http, console"}, ["OtlpExporter", "ConsoleSpanExporter"]),
])
def test_the_environment_says_where_spans_go(environ: dict[str, str], exporters: list[str]) -> None:
    pipeline = Pipeline(environ, "connectrt", ())
    assert [type(queue.span_exporter._exporter).__name__ for queue in pipeline.queues] == exporters
    pipeline.shutdown()


@pytest.mark.parametrize(("environ", "key", "cure"), [
    ({"OTEL_TRACES_EXPORTER": "zipkins"}, "OTEL_TRACES_EXPORTER", "there are console, none, otlp"),
    ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL",
     "install opentelemetry-exporter-otlp-proto-grpc"),
    ({"OTEL_PROPAGATORS": "b3, tracecontext"}, "OTEL_PROPAGATORS", "b3 not found"),
])
def test_what_is_not_installed_is_refused_with_the_cure(
        monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], key: str, cure: str) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delitem(sys.modules, "opentelemetry.propagate", raising=False)
    monkeypatch.delitem(sys.modules, "connectrt.tracing.foreign", raising=False)
    with pytest.raises(ConfigError, match=cure) as refused:
        sink_of(Tracing.from_environment(environ))
    assert refused.value.key == key


def test_without_exporters_and_processors_no_header_of_a_sink_is_read() -> None:
    assert sink_of(Tracing.from_environment({})) is off().sink


def test_a_disabled_sdk_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert Recorder().sink() is off().sink


def test_the_service_is_named_unless_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def service(**environ: str) -> object:
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        recorder = Recorder(environ)
        recorder.sink().start_put([traced(1)], T0).end()
        return recorder.span("process orders").resource.attributes["service.name"]

    assert service() == "connectrt"
    assert service(OTEL_RESOURCE_ATTRIBUTES="service.name=by-attributes") == "by-attributes"
    assert service(OTEL_SERVICE_NAME="by-name") == "by-name"


def test_a_processor_of_the_sdk_sees_ordinary_links() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing.from_environment({}, extra_processors=[SimpleSpanProcessor(exporter)])
    sink_of(tracing).start_put([traced(1), traced(2)], T0).end()
    (span,) = exporter.get_finished_spans()
    assert linked(span) == {1, 2}
    tracing.shutdown(1)


def test_all_tasks_share_one_provider() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(1)], T0).end()
    recorder.source().polled(1, T0, None)
    one, two = recorder.spans()
    assert one.resource is two.resource


def test_shutdown_exports_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[ReadableSpan] = []
    monkeypatch.setattr(OtlpExporter, "_export_part", lambda self, spans: sent.extend(spans))
    tracing = Tracing.from_environment({"OTEL_TRACES_EXPORTER": "otlp"})
    sink_of(tracing).start_put([traced(1)], T0).end()
    tracing.shutdown(5)
    assert [span.name for span in sent] == ["process orders"]


def test_shutdown_waits_no_longer_than_it_may(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    released = threading.Event()
    monkeypatch.setattr(OtlpExporter, "_export_part", lambda self, spans: released.wait(5))
    tracing = Tracing.from_environment({"OTEL_TRACES_EXPORTER": "otlp"})
    sink_of(tracing).start_put([traced(1)], T0).end()
    with caplog.at_level(logging.WARNING):
        tracing.shutdown(0.01)
    released.set()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in caplog.text


def test_counts_are_those_of_the_exporters(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([SpanExportResult.SUCCESS, SpanExportResult.FAILURE])
    monkeypatch.setattr(OtlpExporter, "export", lambda self, spans: next(results))
    tracing = Tracing.from_environment({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_BSP_SCHEDULE_DELAY": "60000"})
    sink = sink_of(tracing)
    for _ in range(2):
        sink.start_put([traced(1)], T0).end()
        tracing._pipeline.queues[0].force_flush()  # type: ignore[union-attr]
    assert (tracing.spans_exported(), tracing.spans_dropped()) == (1, 1)
    tracing.shutdown(5)


def test_shutdown_without_any_traced_task_does_nothing() -> None:
    Tracing.from_environment({}).shutdown(0)


class Vendor(TextMapPropagator):
    """Reads `vendor-trace: <trace id> <span id>`, and raises on what it does not like."""

    def extract(self, carrier, context=None, getter=default_getter):  # type: ignore[no-untyped-def]
        values = getter.get(carrier, "vendor-trace")
        if not values or "vendor-trace" not in [key.lower() for key in getter.keys(carrier)]:
            return context
        trace_id, span_id = values[0].split(" ")
        span = NonRecordingSpan(SpanContext(int(trace_id), int(span_id), True, TraceFlags(1)))
        return set_span_in_context(span, context)

    def inject(self, carrier, context=None, setter=None):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @property
    def fields(self) -> set[str]:
        return {"vendor-trace"}


def test_a_foreign_format_is_read_if_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagate, "propagator", Vendor())
    recorder = Recorder({"OTEL_PROPAGATORS": "tracecontext,vendor"})
    monkeypatch.setattr("connectrt.tracing.foreign.get_global_textmap", lambda: Vendor())
    records = [Record([("Vendor-Trace", b"1 45061")]), Record([("vendor-trace", b"\xff\xfe")]), Record(None)]
    recorder.sink().start_put(records, T0).end()
    span = recorder.span("process orders")
    assert linked(span) == {5}
    assert span.attributes is not None
    assert (span.attributes["connectrt.links.malformed"], span.attributes["connectrt.links.missing"]) == (1, 1)
