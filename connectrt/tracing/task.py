"""Spans that a plugin opens inside the runtime's: its calls to other systems and its flushes.

Invariant: OpenTelemetry's current context is set inside a `with` block on the task's thread and restored after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Tracer, set_span_in_context

from connectrt.sdk.tracing import Attributes, TaskSpan
from connectrt.tracing.failure import fail, span_event
from connectrt.tracing.guard import Guard, guarded
from connectrt.tracing.off import OFF_SPAN
from connectrt.tracing.semconv import Conventions
from connectrt.tracing.settings import ExceptionDetail

FLUSH_LINKS_MAX = 128


def under(span: SpanContext) -> Context:
    """Return a context with this span and nothing else: no baggage."""
    return set_span_in_context(NonRecordingSpan(span), Context())


class Current(AbstractContextManager[None]):
    """Makes a context the thread's current one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token: Token[Context] = attach(self._context)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        detach(self._token)


class RecordedSpan:
    """A TaskSpan on a span of OpenTelemetry."""

    def __init__(self, span: Span, guard: Guard) -> None:
        self.guard = guard
        self._span = span

    @property
    def recording(self) -> bool:
        return self._span.is_recording()

    @guarded(None)
    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    @guarded(None)
    def event(self, name: str, attributes: Attributes | None = None) -> None:
        span_event(self._span, name, attributes)


class _Block(AbstractContextManager[TaskSpan]):
    """Starts a span and makes it current; `finish` gets it with the error that left the block."""

    def __init__(self, guard: Guard, start: Callable[[], tuple[Span, Context]],
                 finish: Callable[[Span, BaseException | None], None]) -> None:
        self.guard = guard
        self._start = start
        self._finish = finish
        self._running: tuple[Span, Token[Context]] | None = None

    def __enter__(self) -> TaskSpan:
        self._running = self._begin()
        return OFF_SPAN if self._running is None else RecordedSpan(self._running[0], self.guard)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._running is not None:
            span, token = self._running
            detach(token)
            self._end(span, error)

    @guarded(None)
    def _begin(self) -> tuple[Span, Token[Context]]:
        span, context = self._start()
        return span, attach(context)

    @guarded(None)
    def _end(self, span: Span, error: BaseException | None) -> None:
        self._finish(span, error)


class TaskSpans:
    """A TaskTracing that records. Keeps which put spans the next flush writes for."""

    def __init__(self, tracer: Tracer, conventions: Conventions, detail: ExceptionDetail, guard: Guard) -> None:
        self.guard = guard
        #: The last flush or put span: the parent of a commit.
        self.last: SpanContext | None = None
        #: While not None: client spans that have ended, with their end, to be kept or forgotten.
        self.held: list[tuple[Span, int]] | None = None
        self._tracer = tracer
        self._conventions = conventions
        self._detail = detail
        self._puts: list[SpanContext] = []
        self._put_count = 0

    def client(self, name: str, attributes: Attributes | None = None, *,
               start_ns: int | None = None) -> AbstractContextManager[TaskSpan]:
        def start() -> tuple[Span, Context]:
            span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes, start_time=start_ns)
            return span, set_span_in_context(span)

        return _Block(self.guard, start, self._client_finished)

    def flush(self, name: str = "flush") -> AbstractContextManager[TaskSpan]:
        return _Block(self.guard, lambda: self._flush_started(name), self._flush_finished)

    def put_started(self, put: SpanContext) -> None:
        """The next flush writes for this put, too."""
        self.last = put
        self._put_count += 1
        if len(self._puts) < FLUSH_LINKS_MAX:
            self._puts.append(put)

    def put_continued(self, old: SpanContext, new: SpanContext) -> None:
        """The put goes on under another span."""
        self._puts = [new if put == old else put for put in self._puts]
        self.last = new if self.last == old else self.last

    def _client_finished(self, span: Span, error: BaseException | None) -> None:
        if error is not None:
            fail(span, error, self._detail)
        if self.held is None:
            span.end()
        else:
            self.held.append((span, time.time_ns()))

    def _flush_started(self, name: str) -> tuple[Span, Context]:
        attributes = self._conventions.stage(name)
        context = None
        links: list[Link] = []
        if self._put_count == 1:
            context = under(self._puts[0])
        elif self._put_count > 1:
            context = Context()
            links = [Link(put) for put in self._puts if put.trace_flags.sampled]
            attributes["connectrt.links.total"] = self._put_count
            if self._put_count > len(self._puts):
                attributes["connectrt.links.dropped"] = self._put_count - len(self._puts)
        span = self._tracer.start_span(f"{name} {self._conventions.connector}", context, attributes=attributes,
                                       links=links)
        return span, set_span_in_context(span, Context())

    def _flush_finished(self, span: Span, error: BaseException | None) -> None:
        if error is None:
            self._puts.clear()
            self._put_count = 0
        else:
            fail(span, error, self._detail)
        span.end()
        self.last = span.get_span_context()
