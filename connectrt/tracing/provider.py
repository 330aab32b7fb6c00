"""Own OpenTelemetry's provider, exporters and sampler of one worker process, as OTEL_* variables say.

Invariant: OpenTelemetry is imported when the first task with tracing asks for its tracer, and not before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from connectrt.tracing.off import off
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from connectrt.tracing.source import SourceTracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from connectrt.tracing.capture import Capture
    from connectrt.tracing.pipeline import Pipeline

__all__ = ["Tracing", "off"]

log = logging.getLogger(__name__)


class Tracing:
    """All tracing of one worker process. Thread-safe."""

    def __init__(self, environ: Mapping[str, str], service_name: str,
                 extra_processors: Sequence[SpanProcessor | Capture]) -> None:
        self._environ = environ
        self._service_name = service_name
        self._extra_processors = extra_processors
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, service_name: str = "connectrt",
                         extra_processors: Sequence[SpanProcessor | Capture] = ()) -> Self:
        """Take exporters and sampler from OTEL_* variables; OTLP over HTTP when an OTLP endpoint is set.

        Without exporters spans are made for `extra_processors` only; without those nothing records. `environ` is the
        process's environment: the SDK reads its own variables there, too.
        """
        return cls(environ, service_name, extra_processors)

    def sink(self, connector: str, task: int, settings: TracingSettings, *, group: str, bootstrap: str) -> SinkTracer:
        """Make the tracer of one sink task; `bootstrap` is bootstrap.servers.

        Raises ConfigError if an OTEL_* variable asks for what is not installed.
        """
        if settings.mode == "off":
            return off().sink
        return self._started().sink(connector, task, settings, group, bootstrap)

    def source(self, connector: str, task: int, settings: TracingSettings, *, bootstrap: str) -> SourceTracer:
        """Make the tracer of one source task; `bootstrap` is bootstrap.servers.

        Raises ConfigError if an OTEL_* variable asks for what is not installed.
        """
        if settings.mode == "off":
            return off().source
        return self._started().source(connector, task, settings, bootstrap)

    def spans_exported(self) -> int:
        """Count the spans that exporters have delivered."""
        return 0 if self._pipeline is None else sum(queue.exported for queue in self._pipeline.queues)

    def spans_dropped(self) -> int:
        """Count the spans lost because an exporter failed or its queue was full."""
        return 0 if self._pipeline is None else sum(queue.dropped for queue in self._pipeline.queues)

    def shutdown(self, timeout_s: float) -> None:
        """Export what is still queued, for at most `timeout_s`; later spans are lost. Once, after all tasks."""
        if self._pipeline is None:
            return
        # The SDK's own deadlines are longer and fixed. Its shutdown includes a flush. (OpenTelemetry specification)
        closing = threading.Thread(target=self._pipeline.shutdown, name="tracing-shutdown", daemon=True)
        closing.start()
        closing.join(timeout_s)
        if closing.is_alive():
            log.warning("spans were still being exported at the end of the shutdown timeout and may be lost: see "
                        "whether OTEL_EXPORTER_OTLP_ENDPOINT can be reached", extra={"action": "tracing_shutdown"})

    def _started(self) -> Pipeline:
        with self._lock:
            if self._pipeline is None:
                from connectrt.tracing.pipeline import Pipeline

                self._pipeline = Pipeline(self._environ, self._service_name, self._extra_processors)
            return self._pipeline
