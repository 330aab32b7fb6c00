"""Remember what a task's totals were a while ago, to tell rates.

Invariant: a rate is worked out when it is asked for, so that of a task that hangs sinks towards zero.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from connectrt.metrics.registry import METRICS

RATES: Mapping[str, str] = {metric.name: metric.rate_of for metric in METRICS if metric.rate_of}
_TOTALS = frozenset(RATES.values())
_MARKS = 12


class History:
    """Totals of one task at up to `_MARKS` points of the last `window_s` seconds. All times by one monotonic clock."""

    __slots__ = ("_marks", "_step_s", "_totals", "_window_s")

    def __init__(self, window_s: float, now: float) -> None:
        self._window_s = window_s
        self._step_s = window_s / _MARKS
        self._totals: Mapping[str, float] = {}
        self._marks: deque[tuple[float, Mapping[str, float]]] = deque([(now, self._totals)])

    def add(self, now: float, snapshot: Mapping[str, float]) -> None:
        self._totals = {name: snapshot[name] for name in _TOTALS if name in snapshot}
        if now - self._marks[-1][0] >= self._step_s:
            self._marks.append((now, self._totals))
        while len(self._marks) > 1 and now - self._marks[1][0] >= self._window_s:
            self._marks.popleft()

    def rates(self, now: float) -> dict[str, float]:
        """Return every rate over the window, by its metric's name."""
        return {name: self._rate(total, *self._marks[0], now) for name, total in RATES.items() if total in self._totals}

    def recent_rate(self, total: str, now: float) -> float:
        """Return the rate over the last few seconds, for people who watch."""
        mark = next((mark for mark in reversed(self._marks) if now - mark[0] >= self._step_s / 2), self._marks[0])
        return self._rate(total, *mark, now)

    def _rate(self, total: str, since: float, then: Mapping[str, float], now: float) -> float:
        elapsed_s = now - since
        return (self._totals.get(total, 0) - then.get(total, 0)) / elapsed_s if elapsed_s > 0 else 0.0
