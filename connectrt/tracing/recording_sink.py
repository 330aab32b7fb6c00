"""Record a sink task's work as spans: one per batch with links to the producers, one per commit.

Invariant: headers are looked at once per batch, as bytes, and whatever fails in here costs a span, never a record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, set_span_in_context

from connectrt.data.message import Message
from connectrt.sdk.tracing import TaskTracing
from connectrt.tracing.batch_links import BatchLinks, Found, place_of
from connectrt.tracing.failure import error_type, fail, span_event
from connectrt.tracing.guard import Guard, guarded
from connectrt.tracing.links import carrying, set_links
from connectrt.tracing.off import OFF_PUT, OFF_SPAN
from connectrt.tracing.semconv import Attributes, Conventions
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import CommitSpan, PutSpan
from connectrt.tracing.task import Current, TaskSpans, under

RETRIES_TOLD_MAX = 16  #: per span; more are only counted
PUT_OPEN_MAX_NS = 60_000_000_000


class SinkSpans:
    """A SinkTracer that records."""

    def __init__(self, tracer: Tracer, conventions: Conventions, settings: TracingSettings, links: BatchLinks) -> None:
        self.guard = Guard()
        self.tracer = tracer
        self.conventions = conventions
        self.settings = settings
        self.spans = TaskSpans(tracer, conventions, settings.exception_detail, self.guard)
        self.task_tracing: TaskTracing = self.spans
        self._links = links

    @guarded(OFF_PUT)
    def start_put(self, messages: Sequence[Message], start_ns: int) -> PutSpan:
        place = place_of(messages)
        name, attributes = self.conventions.process(place.topic, place.partition, len(messages))
        if self.settings.batch_sampler == "root":
            span = self.tracer.start_span(name, Context(), SpanKind.CONSUMER, attributes, start_time=start_ns)
            if span.is_recording():
                found = self._links.find(messages, place)
                span.set_attributes(found.counts)
                self._give(found, span, start_ns)
        else:
            found = self._links.find(messages, place)
            span = self.tracer.start_span(name, carrying(found.links), SpanKind.CONSUMER, attributes | found.counts,
                                          start_time=start_ns)
            self._give(found, span, start_ns)
        self.spans.put_started(span.get_span_context())
        return RecordedPut(self, span, name, attributes, start_ns)

    @guarded(OFF_SPAN)
    def start_commit(self, topics: Collection[str], partitions: int, start_ns: int) -> CommitSpan:
        parent = self.spans.last
        if not self.settings.commit_spans or (parent is not None and not parent.trace_flags.sampled):
            return OFF_SPAN
        name, attributes = self.conventions.commit(topics, partitions)
        context = Context() if parent is None else under(parent)
        return RecordedCommit(self, self.tracer.start_span(
            name, context, SpanKind.CLIENT, attributes, start_time=start_ns))

    def _give(self, found: Found, span: Span, start_ns: int) -> None:
        """Hang the links on the batch span, or on children of it if they are too many for one span."""
        if not found.overflow:
            set_links(span, found.links)
        elif span.is_recording():
            for number, links in enumerate(found.overflow, 1):
                child = self.tracer.start_span(f"links #{number}", under(span.get_span_context()), start_time=start_ns)
                set_links(child, links)
                child.end(start_ns)


class RecordedCommit:
    """A CommitSpan that records."""

    def __init__(self, task: SinkSpans, span: Span) -> None:
        self.guard = task.guard
        self._task = task
        self._span = span

    @guarded(None)
    def end(self, *, error: BaseException | None = None, end_ns: int | None = None) -> None:
        if error is not None:
            fail(self._span, error, self._task.settings.exception_detail)
        self._span.end(end_ns)


class RecordedPut:
    """A PutSpan that records."""

    def __init__(self, task: SinkSpans, span: Span, name: str, attributes: Attributes, start_ns: int) -> None:
        self.guard = task.guard
        self._task = task
        self._span = span
        self._name = name
        self._attributes = attributes
        self._start_ns = start_ns
        self._retries = 0
        self._counts: Counter[str] = Counter()
        self._redelivered = False

    def active(self) -> AbstractContextManager[None]:
        return Current(set_span_in_context(self._span, Context()))

    @guarded(None)
    def retried(self, error: BaseException, start_ns: int, end_ns: int, attempt: int) -> None:
        if not self._span.is_recording():
            return
        self._retries += 1
        if self._retries <= RETRIES_TOLD_MAX:
            span_event(self._span, "connectrt.retry", {
                "connectrt.stage": "put", "connectrt.retry.reason": error_type(error), "connectrt.attempt": attempt})
            if self._task.settings.retry_spans:
                self._attempt(error, start_ns, end_ns, attempt)
        if end_ns - self._start_ns > PUT_OPEN_MAX_NS:
            self._go_on_in_a_new_span(end_ns)

    @guarded(None)
    def counted(self, *, filtered: int = 0, failed: int = 0, dlq: int = 0, redelivered: bool = False) -> None:
        self._counts.update(filtered=filtered, failed=failed, dlq=dlq)
        self._redelivered = self._redelivered or redelivered

    @guarded(None)
    def end(self, error: BaseException | None = None, outcome: str | None = None) -> None:
        span = self._span
        if not span.is_recording():
            return
        attributes: Attributes = {f"connectrt.records.{name}": count for name, count in self._counts.items() if count}
        if self._redelivered:
            attributes["connectrt.redelivered"] = True
        if self._retries > RETRIES_TOLD_MAX:
            attributes["connectrt.retry.count"] = self._retries
        if outcome is not None:
            attributes["connectrt.outcome"] = outcome
        span.set_attributes(attributes)
        if error is not None and outcome is None:
            fail(span, error, self._task.settings.exception_detail)
        span.end()

    def _attempt(self, error: BaseException, start_ns: int, end_ns: int, attempt: int) -> None:
        attributes = {**self._task.conventions.stage("put"), "connectrt.attempt": attempt}
        span = self._task.tracer.start_span("put", under(self._span.get_span_context()), attributes=attributes,
                                            start_time=start_ns)
        fail(span, error, self._task.settings.exception_detail)
        span.end(end_ns)

    def _go_on_in_a_new_span(self, now_ns: int) -> None:
        """A span that never ends is never seen: end it and let one that links to it take its place."""
        old = self._span.get_span_context()
        self._span.set_attribute("connectrt.outcome", "retrying")
        self._span.end()
        self._span = self._task.tracer.start_span(self._name, Context(), SpanKind.CONSUMER, self._attributes,
                                                  links=[Link(old)], start_time=now_ns)
        self._start_ns, self._retries = now_ns, 0
        self._task.spans.put_continued(old, self._span.get_span_context())
