"""Send spans over OTLP/HTTP, compact links included, and count what became of every span.

Invariant: the SDK queues, sends, retries, compresses and authenticates, on a thread of its own; only encoding is ours.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from connectrt.tracing.encoder import encode_spans
from connectrt.tracing.links import links_of

#: A request stays near 2 MB: collectors refuse 4 MB (gRPC) or 20 MB (HTTP), and 512 spans may hold 250,000 links.
LINKS_PER_REQUEST = 20_000
#: While the backend is away at most this many links wait, about 17 MB; spans beyond wait without theirs.
LINKS_WAITING_MAX = 500_000


def _calling_our_encoder(export: Any) -> Any:
    """Return OTLPSpanExporter.export, the same code, but where it says `encode_spans` it gets ours.

    The exporter has no public door for bytes or for an encoder; what `export` does around it (limits, metrics, retries)
    differs from version to version, the name of the encoder does not.
    """
    names = {**export.__globals__, "encode_spans": encode_spans}
    return FunctionType(export.__code__, names, export.__name__, export.__defaults__, export.__closure__)


class OtlpExporter(OTLPSpanExporter):
    """The SDK's OTLP/HTTP exporter with compact links, and requests of a size that collectors take."""

    _export_part = _calling_our_encoder(OTLPSpanExporter.export)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        results = [self._export_part(part) for part in _parts(spans)]
        failed = any(result is not SpanExportResult.SUCCESS for result in results)
        return SpanExportResult.FAILURE if failed else SpanExportResult.SUCCESS


def _parts(spans: Sequence[ReadableSpan]) -> Iterator[list[ReadableSpan]]:
    part: list[ReadableSpan] = []
    links = 0
    for span in spans:
        links += _count(span)
        if links > LINKS_PER_REQUEST and part:
            yield part
            part, links = [], _count(span)
        part.append(span)
    yield part


def _count(span: ReadableSpan) -> int:
    links = links_of(span)
    return 0 if links is None else len(links)


class ExportQueue(BatchSpanProcessor):
    """The SDK's queue in front of one exporter, with counts. Thread-safe.

    The SDK drops the oldest span of a full queue without telling, so what waits is mirrored here.
    """

    def __init__(self, exporter: SpanExporter, max_queue_size: int, schedule_delay_ms: float) -> None:
        self.exported = 0
        self.dropped = 0  #: for want of room, or because the exporter failed
        self._lock = threading.Lock()
        self._waiting: deque[int] = deque(maxlen=max_queue_size)  # links of each span, oldest first
        self._waiting_links = 0
        super().__init__(_Counted(exporter, self), max_queue_size, schedule_delay_ms)

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        links = links_of(span)
        with self._lock:
            if len(self._waiting) == self._waiting.maxlen:
                self._waiting_links -= self._waiting.popleft()
                self.dropped += 1
            if links is not None and self._waiting_links + len(links) > LINKS_WAITING_MAX:
                links.release()
            count = 0 if links is None else len(links)
            self._waiting.append(count)
            self._waiting_links += count
        super().on_end(span)

    def taken(self, spans: int) -> None:
        """The oldest `spans` have left the queue."""
        with self._lock:
            for _ in range(min(spans, len(self._waiting))):
                self._waiting_links -= self._waiting.popleft()

    def delivered(self, spans: int, result: SpanExportResult) -> None:
        with self._lock:
            if result is SpanExportResult.SUCCESS:
                self.exported += spans
            else:
                self.dropped += spans


class _Counted(SpanExporter):
    """Tells an ExportQueue what its exporter did."""

    def __init__(self, exporter: SpanExporter, queue: ExportQueue) -> None:
        self._exporter = exporter
        self._queue = queue

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._queue.taken(len(spans))
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._queue.delivered(len(spans), result)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)
