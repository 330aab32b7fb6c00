"""Records as a Kafka client has them, made by hand, and tracing whose spans stay in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.trace import ReadableSpan

from connectrt.tracing.capture import Capture
from connectrt.tracing.provider import Tracing
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from connectrt.tracing.source import SourceTracer

T0 = 1_700_000_000_000_000_000


@dataclass
class Record:
    """A Message."""

    raw_headers: Sequence[tuple[str, bytes | None]] | None = None
    at: int = 0
    of_topic: str = "orders"
    of_partition: int = 0

    def topic(self) -> str:
        return self.of_topic

    def partition(self) -> int:
        return self.of_partition

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return b"{}"

    def headers(self) -> Sequence[tuple[str, bytes | None]] | None:
        return self.raw_headers

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


def parent(number: int, flags: str = "01") -> bytes:
    """Return a traceparent: trace id 0xa000+number, span id 0xb000+number."""
    return f"00-{0xA000 + number:032x}-{0xB000 + number:016x}-{flags}".encode()


def traced(number: int, flags: str = "01", topic: str = "orders", partition: int = 0) -> Record:
    """Return a record at offset `number` with a context of its own."""
    return Record([("other", b"x"), ("traceparent", parent(number, flags))], number, topic, partition)


@dataclass
class Recorder:
    """Tracing as a worker has it, with its spans kept in memory."""

    environ: Mapping[str, str] = field(default_factory=dict)
    capture: Capture = field(default_factory=lambda: Capture(10_000))

    def __post_init__(self) -> None:
        self.tracing = Tracing.from_environment(self.environ, extra_processors=[self.capture])

    def sink(self, **settings: object) -> SinkTracer:
        return self.tracing.sink("orders-pg", 3, TracingSettings(**settings), group="connect-orders-pg",  # type: ignore[arg-type]
                                 bootstrap="kafka-1:9092,kafka-2:9092")

    def source(self, **settings: object) -> SourceTracer:
        return self.tracing.source("orders-src", 0, TracingSettings(**settings), bootstrap="kafka-1:9092")  # type: ignore[arg-type]

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        return [span for span in self.capture.spans() if name is None or span.name == name]

    def span(self, name: str) -> ReadableSpan:
        (span,) = self.spans(name)
        return span


def linked(span: ReadableSpan) -> set[int]:
    """Return the numbers of the records (see `parent`) that a span links to."""
    return {link.context.span_id - 0xB000 for link in span.links}
