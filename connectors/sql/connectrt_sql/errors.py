"""Say what a database error means to a sink: try again, one record's fault, or the end.

Invariant: no text made here holds a value of a row. (Databases repeat them in the details of their messages.)
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from connectrt.sdk import ConnectError

LONGEST_BACKOFF_S = 60.0


class FaultKind(Enum):
    """What to do about an error."""

    RETRY_NOW = "retry now"  #: a deadlock or the like: write the same again at once
    RETRY_LATER = "retry later"  #: write the same again after a pause; counted by max.retries
    AWAY = "away"  #: no connection: the same, limited by connection.retry.timeout.ms
    FULL = "full"  #: disk, memory or connections used up: the same, without limit
    RECORD = "record"  #: one record's data cannot be written
    STALE = "stale"  #: the table is not what we think it is: look again once, then fatal
    FATAL = "fatal"  #: somebody has to change something


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One database error, classified."""

    kind: FaultKind
    text: str
    code: str | None = None  #: SQLSTATE or what the database has in its place
    row: int | None = None  #: index of the row at fault among those written, if the database told
    column: str | None = None
    cure: str | None = None

    def __str__(self) -> str:
        parts = [self.text]
        if self.code is not None:
            parts.append(f"(SQLSTATE {self.code})")
        if self.cure is not None:
            parts.append(f"- {self.cure}")
        return " ".join(parts)


class Patience:
    """Count what went wrong since the last success; say how long to wait, or that it is enough."""

    def __init__(self, *, max_retries: int, backoff_s: float, attempts: int, connection_backoff_s: float,
                 connection_timeout_s: float | None, clock: Callable[[], float] = time.monotonic,
                 jitter: Callable[[], float] = random.random) -> None:
        self._max_retries = max_retries
        self._backoff_s = backoff_s
        self._attempts = attempts
        self._connection_backoff_s = connection_backoff_s
        self._connection_timeout_s = connection_timeout_s
        self._clock = clock
        self._jitter = jitter
        self.succeeded()

    def succeeded(self) -> None:
        self._failures = 0  #: all of them: the length of the pause
        self._counted = 0  #: those max.retries is about
        self._away = 0
        self._away_since: float | None = None

    def delay_s(self, fault: Fault, database: str) -> float:
        """Return the pause before the next attempt. Raises ConnectError if there is to be none."""
        pause_s = min(self._backoff_s * 2.0 ** min(self._failures, 16), LONGEST_BACKOFF_S)
        self._failures += 1
        if fault.kind is FaultKind.AWAY:
            self._check_away(fault, database)
            pause_s = min(pause_s, self._connection_backoff_s)
        elif fault.kind is not FaultKind.FULL:
            self._counted += 1
            if self._counted > self._max_retries:
                raise ConnectError(f"{database}: {fault}: given up after {self._counted - 1} retries (max.retries)")
        return pause_s * (0.8 + 0.4 * self._jitter())

    def _check_away(self, fault: Fault, database: str) -> None:
        now = self._clock()
        if self._away_since is None:
            self._away_since = now
        self._away += 1
        away_s = now - self._away_since
        limit_s = self._connection_timeout_s
        if limit_s is not None and away_s > limit_s and self._away > self._attempts:
            raise ConnectError(f"{database} has been away for {away_s:.0f} s, longer than connection.retry.timeout.ms: "
                               f"{fault}. Start it, or correct connection.url, then restart the task")

    def describe(self, fault: Fault) -> str:
        """Say for how long this is tried again."""
        if fault.kind is FaultKind.AWAY and (limit_s := self._connection_timeout_s) is not None:
            return f"tried again for {limit_s:.0f} s (connection.retry.timeout.ms)"
        if fault.kind in (FaultKind.AWAY, FaultKind.FULL):
            return "tried again until it succeeds"
        return f"retry {self._counted} of {self._max_retries} (max.retries)"
