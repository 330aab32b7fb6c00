"""Keep the last spans that ended, for the terminal's trace tree and for tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class Capture:
    """The last `limit` spans that ended; goes into `Tracing.from_environment(extra_processors=...)`. Thread-safe."""

    def __init__(self, limit: int = 500) -> None:
        self._spans: deque[ReadableSpan] = deque(maxlen=limit)

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans, oldest first."""
        return list(self._spans)


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One span on a record's way."""

    depth: int  #: 0 = where the record begins
    name: str
    kind: str  #: PRODUCER, CONSUMER, CLIENT, INTERNAL
    offset_ns: int  #: start, after the start of the first line
    duration_ns: int
    attached: Literal["root", "child", "link"]  #: how it hangs on the line above it that is one less deep
    trace_id: str  #: 32 hex digits


def story(spans: Sequence[ReadableSpan]) -> list[StoryLine] | None:
    """Follow one record from its source to its commit, across links; None if no record went all the way."""
    raise NotImplementedError
