"""Say what the source's record path needs of tracing: spans for poll and send, and contexts for the records.

Invariant: nothing here raises, and header lists that are handed in are never changed. Task thread only, but for
`SendSpan.end`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from connectrt.data.record import SourceRecord
from connectrt.sdk.tracing import TaskTracing

HeaderList = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Injected:
    """Headers ready to be produced, in the order of the records, and which contexts the send span links to."""

    headers: Sequence[HeaderList]
    created: Mapping[int, bytes] = field(default_factory=dict)  #: record's index -> traceparent of its create span
    brought: Mapping[int, bytes] = field(default_factory=dict)  #: record's index -> traceparent it came with


class SendSpan(Protocol):
    """The `send` span of one batch to one topic, from the first produce to the last acknowledgement."""

    def end(self, failed: int = 0, error: BaseException | None = None) -> None:
        """End the span; `failed` records were not delivered, the last one because of `error`. Any thread, once."""


class SourceTracer(Protocol):
    """Tracing of one source task."""

    task_tracing: TaskTracing  #: what the plugin sees as context.tracing

    def polling(self) -> AbstractContextManager[None]:
        """Around poll() of a task with `traces_poll`: the poll span is current, client spans are its children."""

    def polled(self, count: int, start_ns: int, error: BaseException | None) -> None:
        """After each poll(): make or end its span; an empty poll without an error leaves none."""

    def inject(self, records: Sequence[SourceRecord], headers: Sequence[HeaderList]) -> Injected:
        """Give each record of the last poll a context, after transforms and header conversion.

        `headers` are the converted ones, in the order of the records; where one changes, its list is a new one.
        """

    def start_send(self, topic: str, injected: Injected, indexes: Sequence[int], start_ns: int) -> SendSpan:
        """Start the span of sending these records of `injected` to one topic."""
