"""Give plugins spans of their own inside the runtime's, without importing OpenTelemetry.

With `tracing.mode=off` every method is a no-op. Nothing here ever raises into the plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

AttributeValue = str | bool | int | float
Attributes = Mapping[str, AttributeValue]


class TaskSpan(Protocol):
    """One span of a plugin; valid inside its `with` block."""

    @property
    def recording(self) -> bool:
        """False: nothing is kept, so costly attributes need not be computed."""

    def set(self, attributes: Attributes) -> None: ...

    def event(self, name: str, attributes: Attributes | None = None) -> None: ...


class TaskTracing(Protocol):
    """Spans for one task. An exception that leaves a block sets the span's status and error.type, and goes on."""

    def client(self, name: str, attributes: Attributes | None = None, *,
               start_ns: int | None = None) -> AbstractContextManager[TaskSpan]:
        """A CLIENT span for a call to another system, e.g. one SQL statement or HTTP request.

        Child of the current batch, poll or flush span. `start_ns` (time.time_ns) backdates it, for work that was
        streamed before the block is entered.
        """

    def flush(self, name: str = "flush") -> AbstractContextManager[TaskSpan]:
        """An INTERNAL span for writing what earlier puts have taken; `client` spans inside are its children.

        Links to every put span since the last flush of this task; its child if there was exactly one.
        """
