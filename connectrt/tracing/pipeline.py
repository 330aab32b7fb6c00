"""Build OpenTelemetry's provider: resource, limits, sampler, processors, exporters.

Invariant: what an OTEL_* variable says is the SDK's to read, save which exporters there are (OTEL_TRACES_EXPORTER).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, entry_points, version

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import NoOpTracer, Tracer

from connectrt.errors import ConfigError
from connectrt.tracing.batch_links import BatchLinks, ReadTraceparents, links_limit, read_w3c
from connectrt.tracing.capture import Capture
from connectrt.tracing.off import off
from connectrt.tracing.otlp import ExportQueue, OtlpExporter
from connectrt.tracing.recording_sink import SinkSpans
from connectrt.tracing.recording_source import SourceSpans
from connectrt.tracing.sampler import LinkedSampler
from connectrt.tracing.semconv import SCHEMA_URL, Conventions, wants_old_names
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from connectrt.tracing.source import SourceTracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_QUEUE_SPANS = 2048  #: the SDK's default
_EXPORT_EVERY_MS = 1000  #: the SDK's 5000 lets a queue of 2048 run over


class Pipeline:
    """One provider and the tracers made from it. Thread-safe."""

    def __init__(self, environ: Mapping[str, str], service_name: str,
                 extra_processors: Sequence[SpanProcessor | Capture]) -> None:
        self.queues = [_queue(exporter, environ) for exporter in _exporters(environ)]
        self._old_names = wants_old_names(environ)
        self._read = _reader(environ)
        # The runtime chooses how many links a span has, so the SDK's default of 128 does not bind; the variable does.
        unset = None if "OTEL_SPAN_LINK_COUNT_LIMIT" in environ else SpanLimits.UNSET
        self._limits = SpanLimits(max_links=unset)
        self._provider = TracerProvider(resource=_resource(environ, service_name), span_limits=self._limits,
                                        shutdown_on_exit=False)
        if isinstance(self._provider.sampler, ParentBased):
            self._provider.sampler = LinkedSampler(self._provider.sampler)
        for processor in (*self.queues, *extra_processors):
            self._provider.add_span_processor(
                processor if isinstance(processor, SpanProcessor) else _Captured(processor))
        self._tracer: Tracer = NoOpTracer()
        if self.queues or extra_processors:
            self._tracer = self._provider.get_tracer("connectrt", _version(), SCHEMA_URL)
        self._records = not isinstance(self._tracer, NoOpTracer)

    def sink(self, connector: str, task: int, settings: TracingSettings, group: str, bootstrap: str) -> SinkTracer:
        if not self._records:
            return off().sink
        conventions = Conventions(connector, task, bootstrap, group=group, old_names=self._old_names)
        links = BatchLinks(settings, self._limits, old_names=self._old_names, read=self._read)
        return SinkSpans(self._tracer, conventions, settings, links)

    def source(self, connector: str, task: int, settings: TracingSettings, bootstrap: str) -> SourceTracer:
        """Where nothing records, contexts that records bring still travel on."""
        conventions = Conventions(connector, task, bootstrap, old_names=self._old_names)
        return SourceSpans(self._tracer, conventions, settings, links_limit(settings, self._limits))

    def shutdown(self) -> None:
        self._provider.shutdown()


class _Captured(SpanProcessor):
    """Hands ended spans to a Capture."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def on_end(self, span: ReadableSpan) -> None:
        self._capture.on_end(span)


def _resource(environ: Mapping[str, str], service_name: str) -> Resource:
    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create(None if named else {"service.name": service_name})


def _exporters(environ: Mapping[str, str]) -> list[SpanExporter]:
    default = "otlp" if any(environ.get(variable) for variable in _ENDPOINTS) else "none"
    names = (environ.get("OTEL_TRACES_EXPORTER") or default).split(",")
    return [_exporter(name.strip(), environ) for name in names if name.strip() not in ("", "none")]


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    protocol = (environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
                or "http/protobuf").strip()
    if name in ("otlp", "otlp_proto_http") and protocol == "http/protobuf":
        return OtlpExporter()
    wanted = "otlp_proto_grpc" if name == "otlp" and protocol == "grpc" else name
    for entry_point in entry_points(group="opentelemetry_traces_exporter", name=wanted):
        made = entry_point.load()()
        if isinstance(made, SpanExporter):
            return made
    if name == "otlp":
        raise ConfigError("OTEL_EXPORTER_OTLP_PROTOCOL", protocol,
                          "set it to http/protobuf, or to grpc and install opentelemetry-exporter-otlp-proto-grpc")
    known = sorted({"none", "otlp", *entry_points(group="opentelemetry_traces_exporter").names})
    raise ConfigError("OTEL_TRACES_EXPORTER", name, f"no such exporter is installed; there are {', '.join(known)}")


def _queue(exporter: SpanExporter, environ: Mapping[str, str]) -> ExportQueue:
    size = _number(environ, "OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE_SPANS)
    return ExportQueue(exporter, size, _number(environ, "OTEL_BSP_SCHEDULE_DELAY", _EXPORT_EVERY_MS))


def _number(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable, "").strip()
    return int(text) if text.isdecimal() and int(text) else default


def _reader(environ: Mapping[str, str]) -> ReadTraceparents:
    propagators = {name.strip() for name in environ.get("OTEL_PROPAGATORS", "").split(",")}
    if propagators <= {"", "tracecontext", "baggage"}:
        return read_w3c
    try:
        from connectrt.tracing.foreign import read_foreign
    except ValueError as error:
        raise ConfigError("OTEL_PROPAGATORS", environ["OTEL_PROPAGATORS"], str(error)) from error
    return read_foreign


def _version() -> str | None:
    try:
        return version("connectrt")
    except PackageNotFoundError:  # run from its sources
        return None
