"""Say what the sink's record path needs of tracing: a span per batch, and one per commit of offsets.

Invariant: nothing here raises, whatever the headers hold and whatever the exporter does. Task thread only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from connectrt.data.message import Message
from connectrt.sdk.tracing import TaskTracing


class PutSpan(Protocol):
    """The `process` span of one batch, from the return of consume to the return of put."""

    def active(self) -> AbstractContextManager[None]:
        """Make the span OpenTelemetry's current one (no baggage), around conversion, transforms and put()."""

    def retried(self, error: BaseException, start_ns: int, end_ns: int, attempt: int) -> None:
        """put() has failed and will be called again: an attempt span with these times, and an event.

        `attempt` counts from 1. A span open for more than 60 s ends here; a new one, linked to it, goes on.
        """

    def counted(self, *, filtered: int = 0, failed: int = 0, dlq: int = 0, redelivered: bool = False) -> None:
        """Add to what the span tells of its records; may be called several times."""

    def end(self, error: BaseException | None = None, outcome: str | None = None) -> None:
        """End the span, failed if there is an error; `outcome` is `discarded`, `cancelled` or `fenced`. Once."""


class CommitSpan(Protocol):
    """The `commit` span of one commit of offsets, from the request to the broker's answer."""

    def end(self, *, error: BaseException | None = None, end_ns: int | None = None) -> None:
        """The broker has answered, or the commit failed. Once."""


class SinkTracer(Protocol):
    """Tracing of one sink task."""

    task_tracing: TaskTracing  #: what the plugin sees as context.tracing

    def start_put(self, messages: Sequence[Message], start_ns: int) -> PutSpan:
        """Start the span of a batch that is not empty, once, right after consume (`start_ns` by time.time_ns).

        Reads the raw headers, links to the producers' spans and asks the sampler.
        """

    def start_commit(self, topics: Collection[str], partitions: int, start_ns: int) -> CommitSpan:
        """Offsets of this many partitions are being committed; a child of the last flush or put span."""
