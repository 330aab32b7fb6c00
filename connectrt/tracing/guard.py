"""Keep tracing's own failures away from records: counted, and after a storm of them tracing is off for the task.

Invariant: an exception of tracing never reaches the record path, and no record waits for it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

log = logging.getLogger(__name__)

STORM_FAILURES = 10
STORM_WINDOW_S = 60.0


class Guard:
    """Counts the failures of one task's tracing; `tripped` from the tenth within 60 s on, for good."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.tripped = False
        self._clock = clock
        self._failed_at: deque[float] = deque(maxlen=STORM_FAILURES)

    def failed(self, error: Exception) -> None:
        """Count one failure. Says so once, at WARNING, when it switches tracing off."""
        if self.tripped:
            return
        now = self._clock()
        self._failed_at.append(now)
        log.debug("tracing failed", exc_info=error, extra={"action": "tracing_failed"})
        if len(self._failed_at) == STORM_FAILURES and now - self._failed_at[0] <= STORM_WINDOW_S:
            self.tripped = True
            log.warning("tracing is off for this task: it failed %d times within a minute, last with %s; records are "
                        "not affected; restart the task to switch it on", STORM_FAILURES, type(error).__name__,
                        extra={"action": "tracing_off"})


class Guarded(Protocol):
    guard: Guard


_Self = TypeVar("_Self", bound=Guarded)
_P = ParamSpec("_P")
_R = TypeVar("_R")
_Otherwise = TypeVar("_Otherwise")


def guarded(otherwise: _Otherwise) -> Callable[[Callable[Concatenate[_Self, _P], _R]],
                                               Callable[Concatenate[_Self, _P], _R | _Otherwise]]:
    """Make a method of a Guarded return `otherwise` when it fails or when tracing is off."""

    def decorate(method: Callable[Concatenate[_Self, _P], _R]) -> Callable[Concatenate[_Self, _P], _R | _Otherwise]:
        @wraps(method)
        def call(self: _Self, /, *args: _P.args, **kwargs: _P.kwargs) -> _R | _Otherwise:
            if self.guard.tripped:
                return otherwise
            try:
                return method(self, *args, **kwargs)
            except Exception as error:
                self.guard.failed(error)
                return otherwise

        return call

    return decorate
