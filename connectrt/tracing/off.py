"""Trace nothing: the twins of everything tracing offers, for `tracing.mode=off`.

Invariant: OpenTelemetry is not imported, nothing is allocated, no header is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from connectrt.data.message import Message
from connectrt.data.record import SourceRecord
from connectrt.sdk.tracing import Attributes, TaskSpan, TaskTracing
from connectrt.tracing.sink import CommitSpan, PutSpan, SinkTracer
from connectrt.tracing.source import HeaderList, Injected, SendSpan, SourceTracer


class OffSpan:
    """A TaskSpan, a SendSpan and a CommitSpan that keep nothing."""

    recording = False

    def set(self, attributes: Attributes) -> None:
        return None

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        return None

    def end(self, failed: int = 0, error: BaseException | None = None, end_ns: int | None = None) -> None:
        return None


class OffTaskTracing:
    def client(self, name: str, attributes: Attributes | None = None, *,
               start_ns: int | None = None) -> AbstractContextManager[TaskSpan]:
        return _SPAN_BLOCK

    def flush(self, name: str = "flush") -> AbstractContextManager[TaskSpan]:
        return _SPAN_BLOCK


class OffPut:
    def active(self) -> AbstractContextManager[None]:
        return _BLOCK

    def retried(self, error: BaseException, start_ns: int, end_ns: int, attempt: int) -> None:
        return None

    def counted(self, *, filtered: int = 0, failed: int = 0, dlq: int = 0, redelivered: bool = False) -> None:
        return None

    def end(self, error: BaseException | None = None, outcome: str | None = None) -> None:
        return None


class OffSink:
    task_tracing: TaskTracing = OffTaskTracing()

    def start_put(self, messages: Sequence[Message], start_ns: int) -> PutSpan:
        return OFF_PUT

    def start_commit(self, topics: Collection[str], partitions: int, start_ns: int) -> CommitSpan:
        return OFF_SPAN


class OffSource:
    task_tracing: TaskTracing = OffTaskTracing()

    def polling(self) -> AbstractContextManager[None]:
        return _BLOCK

    def polled(self, count: int, start_ns: int, error: BaseException | None) -> None:
        return None

    def inject(self, records: Sequence[SourceRecord], headers: Sequence[HeaderList]) -> Injected:
        return Injected(headers)

    def start_send(self, topic: str, injected: Injected, indexes: Sequence[int], start_ns: int) -> SendSpan:
        return OFF_SPAN


OFF_SPAN = OffSpan()
OFF_PUT = OffPut()
_BLOCK = nullcontext()
_SPAN_BLOCK: AbstractContextManager[TaskSpan] = nullcontext(OFF_SPAN)


class Off(NamedTuple):
    """Both tracers that do nothing."""

    sink: SinkTracer = OffSink()
    source: SourceTracer = OffSource()


_OFF = Off()


def off() -> Off:
    """Return the tracers that do nothing; the same two each time."""
    return _OFF
