"""Own OpenTelemetry's provider, exporters and sampler of one worker process, as OTEL_* variables say.

Invariant: OpenTelemetry is imported when the first task with tracing asks for its tracer, and not before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from connectrt.tracing.off import off
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from connectrt.tracing.source import SourceTracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

    from connectrt.tracing.capture import Capture

__all__ = ["Tracing", "off"]


class Tracing:
    """All tracing of one worker process. Thread-safe."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, service_name: str = "connectrt",
                         extra_processors: Sequence[SpanProcessor | Capture] = ()) -> Self:
        """Read which exporters and sampler to use; OTLP over HTTP when an OTLP endpoint is set.

        Without exporters spans are made for `extra_processors` only; without those, nothing records. `environ` is the
        process's environment: the SDK reads its own variables there too. Raises ConfigError for an unknown exporter.
        """
        raise NotImplementedError

    def sink(self, connector: str, task: int, settings: TracingSettings, *, group: str, bootstrap: str) -> SinkTracer:
        """Make the tracer of one sink task; `bootstrap` is bootstrap.servers."""
        raise NotImplementedError

    def source(self, connector: str, task: int, settings: TracingSettings, *, bootstrap: str) -> SourceTracer:
        """Make the tracer of one source task; `bootstrap` is bootstrap.servers."""
        raise NotImplementedError

    def spans_exported(self) -> int:
        """Count the spans that exporters have delivered."""
        raise NotImplementedError

    def spans_dropped(self) -> int:
        """Count the spans lost because an exporter failed or its queue was full."""
        raise NotImplementedError

    def shutdown(self, timeout_s: float) -> None:
        """Export what is still queued, for at most `timeout_s`; later spans are dropped. Once, after all tasks."""
        raise NotImplementedError
