"""Keep the last spans that ended, and tell one record's way through them, for the terminal's trace tree and for tests.

Invariant: OpenTelemetry is not imported here, so holding a Capture costs nothing while tracing is off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

Attached = Literal["root", "child", "link"]
_Line = tuple[int, "ReadableSpan", Attached]


class Capture:
    """The last spans that ended; goes into `Tracing.from_environment(extra_processors=...)`. Thread-safe.

    Keeps `limit` of them, and four times as many create spans, which come one per record and would crowd out the rest.
    """

    def __init__(self, limit: int = 500) -> None:
        self._creates: deque[ReadableSpan] = deque(maxlen=4 * limit)
        self._others: deque[ReadableSpan] = deque(maxlen=limit)

    def on_end(self, span: ReadableSpan) -> None:
        (self._creates if span.kind.name == "PRODUCER" else self._others).append(span)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans in the order of their ends."""
        return sorted([*self._creates.copy(), *self._others.copy()], key=lambda span: span.end_time or 0)


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One span on a record's way."""

    depth: int  #: 0 = where the record begins
    name: str
    kind: str  #: PRODUCER, CONSUMER, CLIENT or INTERNAL
    offset_ns: int  #: start, counted from the start of the first line
    duration_ns: int
    attached: Attached  #: how it hangs on the last line above it that is one less deep
    trace_id: str  #: 32 hex digits


def story(spans: Sequence[ReadableSpan]) -> list[StoryLine] | None:
    """Follow one record of a source through a sink's commit, across links; None if none went all the way yet.

    The newest commit decides which. Looks at few spans, because a batch span's links cost time when they are read.
    """
    by_id = {span.context.span_id: span for span in spans if span.context is not None}
    for commit in reversed(spans):
        if _operation(commit) == "commit":
            for process in _processes(commit, by_id):
                for create in _linked(process, by_id):
                    if _operation(create) == "create":
                        return _told(create, process, by_id)
    return None


def _operation(span: ReadableSpan) -> object:
    return (span.attributes or {}).get("messaging.operation.name")


def _linked(span: ReadableSpan, by_id: dict[int, ReadableSpan]) -> Iterator[ReadableSpan]:
    for link in span.links:
        if (target := by_id.get(link.context.span_id)) is not None:
            yield target


def _processes(commit: ReadableSpan, by_id: dict[int, ReadableSpan]) -> Iterator[ReadableSpan]:
    """The batches a commit speaks of: its parent, or what the flush that is its parent wrote."""
    parent = by_id.get(commit.parent.span_id) if commit.parent else None
    if parent is not None and _operation(parent) != "process":  # a flush
        yield from _linked(parent, by_id)
        parent = by_id.get(parent.parent.span_id) if parent.parent else None
    if parent is not None:
        yield parent


def _told(create: ReadableSpan, process: ReadableSpan, by_id: dict[int, ReadableSpan]) -> list[StoryLine]:
    stages = [span for span in by_id.values() if _operation(span) not in ("create", "send", "process")]
    lines: list[_Line] = []
    if poll := next(_linked(create, by_id), None):
        lines += [(0, poll, "root"), *_below(poll, 1, stages)]
    depth = len(lines[:1])
    lines.append((depth, create, "link" if poll else "root"))
    sends = (span for span in by_id.values() if _operation(span) == "send" and _start(span) >= _start(create))
    if send := next((span for span in sends if _links_to(span, create)), None):
        lines.append((depth + 1, send, "link"))
    lines += [(depth + 1, process, "link"), *_below(process, depth + 2, stages)]
    first_ns = _start(lines[0][1])
    return [StoryLine(depth, span.name, span.kind.name, _start(span) - first_ns, (span.end_time or 0) - _start(span),
                      attached, f"{span.context.trace_id if span.context else 0:032x}")
            for depth, span, attached in lines]


def _below(above: ReadableSpan, depth: int, spans: Sequence[ReadableSpan]) -> list[_Line]:
    lines: list[_Line] = []
    for span in sorted(spans, key=_start):
        if span.parent and above.context and span.parent.span_id == above.context.span_id:
            lines += [(depth, span, "child"), *_below(span, depth + 1, spans)]
        elif _links_to(span, above):
            lines += [(depth, span, "link"), *_below(span, depth + 1, spans)]
    return lines


def _links_to(span: ReadableSpan, target: ReadableSpan) -> bool:
    return target.context is not None and any(link.context.span_id == target.context.span_id for link in span.links)


def _start(span: ReadableSpan) -> int:
    return span.start_time or 0
