"""Record a source task's work as spans: poll, one create per sampled record, one send per batch and topic.

Invariant: a record leaves with the context it was found with, or with one of its own; never with that of the poll span,
which would join unrelated records in one trace. All unsampled records of a poll share one context.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from connectrt.data.record import SourceRecord, TraceCarrier
from connectrt.sdk.tracing import TaskTracing
from connectrt.tracing.context import ids, is_sampled, traceparent
from connectrt.tracing.failure import fail
from connectrt.tracing.guard import Guard, guarded
from connectrt.tracing.injection import Plan, context_headers, plan
from connectrt.tracing.links import CompactLinks, LinkBlock, carrying, set_links
from connectrt.tracing.off import OFF_SPAN
from connectrt.tracing.selection import select
from connectrt.tracing.semconv import Conventions
from connectrt.tracing.settings import ExceptionDetail, TracingSettings
from connectrt.tracing.source import HeaderList, Injected, SendSpan
from connectrt.tracing.task import Current, TaskSpans, under


class SourceSpans:
    """A SourceTracer that records."""

    def __init__(self, tracer: Tracer, conventions: Conventions, settings: TracingSettings,
                 links_limit: int) -> None:
        self.guard = Guard()
        self._spans = TaskSpans(tracer, conventions, settings.exception_detail, self.guard)
        self.task_tracing: TaskTracing = self._spans
        self._tracer = tracer
        self._conventions = conventions
        self._settings = settings
        self._links_limit = links_limit
        self._opened: Span | None = None
        self._calls: list[tuple[Span, int]] = []  # client spans inside it, with their ends
        self._poll: SpanContext = INVALID_SPAN_CONTEXT
        self._poll_link = CompactLinks(())  # of all create spans of this poll
        self._shared: HeaderList = []  # the context of all unsampled records of this poll

    @guarded(nullcontext())
    def polling(self) -> AbstractContextManager[None]:
        self._opened = self._start_poll(None)
        return self._holding_calls(set_span_in_context(self._opened, Context()))

    @guarded(None)
    def polled(self, count: int, start_ns: int, error: BaseException | None) -> None:
        span, self._opened = self._opened, None
        calls, self._calls = self._calls, []
        if count == 0 and error is None:
            return  # a span that does not end is not exported, nor are the calls it made
        span = span or self._start_poll(start_ns)
        for call, end_ns in calls:
            call.end(end_ns)
        span.set_attribute("connectrt.records.polled", count)
        if error is not None:
            fail(span, error, self._settings.exception_detail)
        span.end()
        self._poll = span.get_span_context()
        sampled = self._poll.trace_flags.sampled
        self._poll_link = CompactLinks([LinkBlock([_format(self._poll)], False)] if sampled else ())
        always = self._settings.source_inject == "always" and self._settings.source_context != "none"
        shared = always and self._poll.is_valid and not sampled
        self._shared = [("traceparent", _format(self._poll))] if shared else []

    def inject(self, records: Sequence[SourceRecord], headers: Sequence[HeaderList]) -> Injected:
        return self._injected(records, headers) or Injected(headers)

    @guarded(OFF_SPAN)
    def start_send(self, topic: str, injected: Injected, indexes: Sequence[int], start_ns: int) -> SendSpan:
        created = [injected.created[index] for index in indexes if index in injected.created]
        brought = [injected.brought[index] for index in indexes if index in injected.brought]
        parent_records = self._poll.trace_flags.sampled
        if not (parent_records or created or brought):
            return OFF_SPAN
        selection = select(created + brought, self._links_limit, unsampled=True)
        local = bisect_left(selection.first, len(created))
        links = CompactLinks(
            [LinkBlock(selection.traceparents[:local], False), LinkBlock(selection.traceparents[local:], True)],
            dropped=selection.dropped, limit=self._links_limit)
        name, attributes = self._conventions.send(topic, len(indexes))
        span = self._tracer.start_span(name, under(self._poll) if parent_records else carrying(links), SpanKind.CLIENT,
                                       attributes, start_time=start_ns)
        set_links(span, links)
        return _Send(span, self._settings.exception_detail, self.guard)

    def _start_poll(self, start_ns: int | None) -> Span:
        return self._tracer.start_span(f"poll {self._conventions.connector}", Context(),
                                       attributes=self._conventions.stage("poll"), start_time=start_ns)

    @contextmanager
    def _holding_calls(self, context: Context) -> Iterator[None]:
        self._spans.held = self._calls = []
        try:
            with Current(context):
                yield
        finally:
            self._spans.held = None

    @guarded(None)
    def _injected(self, records: Sequence[SourceRecord], headers: Sequence[HeaderList]) -> Injected:
        new: list[HeaderList] = []
        all_created: dict[int, bytes] = {}
        all_brought: dict[int, bytes] = {}
        settings, sampled = self._settings, self._poll.trace_flags.sampled
        for index, (record, own) in enumerate(zip(records, headers, strict=True)):
            if not own and record.trace is None and not sampled:  # most records of a source that is not sampled
                new.append(self._shared.copy())
                continue
            planned = plan(own, record.trace, settings.source_context, settings.baggage_allow)
            created, brought = self._add_context(planned, record) if planned.wanted else (None, planned.brought)
            new.append(planned.headers)
            if created is not None:
                all_created[index] = created
            elif brought is not None and (settings.links_unsampled or is_sampled(brought)):
                all_brought[index] = brought
        return Injected(new, all_created, all_brought)

    def _add_context(self, planned: Plan, record: SourceRecord) -> tuple[bytes | None, bytes | None]:
        """Add the context that is still wanted to the headers; return what was created, or what goes on as it came."""
        parent, replaced = planned.parent, planned.replaced
        span_context = INVALID_SPAN_CONTEXT
        if parent is not None or self._poll.trace_flags.sampled or (replaced is not None and is_sampled(replaced)):
            span = self._start_create(record, parent, replaced)
            span_context = span.get_span_context()
            if span.is_recording():
                span.end()
                own = _carrier(span_context)
                planned.headers.extend(context_headers(own))
                return own.traceparent if span_context.trace_flags.sampled else None, None
        as_it_came = parent
        if replaced is not None and not self._poll.is_valid:
            as_it_came = TraceCarrier(replaced)
        if as_it_came is not None:
            planned.headers.extend(context_headers(as_it_came))  # nothing records here: let the trace pass through
            return None, as_it_came.traceparent
        if span_context.is_valid and self._settings.source_inject == "always":
            planned.headers.append(("traceparent", _format(span_context)))
        else:
            planned.headers.extend(self._shared)
        return None, None

    def _start_create(self, record: SourceRecord, parent: TraceCarrier | None, replaced: bytes | None) -> Span:
        """Start a record's create span: in the trace it was found with, else in one of its own."""
        links = self._poll_link
        if replaced is not None:
            links = CompactLinks([*links.blocks, LinkBlock([replaced], True)])
        name, attributes = self._conventions.create(record.topic, record.partition, record.key, record.value is None)
        context = carrying(links) if parent is None else under(_remote(parent))
        span = self._tracer.start_span(name, context, SpanKind.PRODUCER, attributes)
        set_links(span, links)
        return span


class _Send:
    """A SendSpan that records."""

    def __init__(self, span: Span, detail: ExceptionDetail, guard: Guard) -> None:
        self.guard = guard
        self._span = span
        self._detail = detail

    @guarded(None)
    def end(self, failed: int = 0, error: BaseException | None = None) -> None:
        if failed:
            self._span.set_attribute("connectrt.records.failed", failed)
        if error is not None:
            fail(self._span, error, self._detail)
        self._span.end()


def _format(context: SpanContext) -> bytes:
    return traceparent(context.trace_id, context.span_id, context.trace_flags)


def _carrier(context: SpanContext) -> TraceCarrier:
    return TraceCarrier(_format(context), context.trace_state.to_header().encode() if context.trace_state else None)


def _remote(carrier: TraceCarrier) -> SpanContext:
    trace_id, span_id, flags = ids(carrier.traceparent)
    tracestate = TraceState.from_header([carrier.tracestate.decode("ascii")]) if carrier.tracestate else None
    return SpanContext(trace_id, span_id, True, TraceFlags(flags), tracestate)
