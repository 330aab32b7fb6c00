"""Decide how many records may be made now, and how long to wait when none may.

Invariant: over any stretch of time no more than `rate` x time + one burst are allowed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

Clock = Callable[[], float]


class Pace(Protocol):
    def take(self, most: int) -> int:
        """Return how many records may be made now, at most `most`; 0 = wait for `delay_s`."""

    def delay_s(self) -> float:
        """How long until `take` will allow more."""


class Unlimited:
    def take(self, most: int) -> int:
        return most

    def delay_s(self) -> float:
        return 0.0


class TokenBucket:
    """`rate` records a second. What was not used is kept for one second, so a pause does not end in a flood."""

    #: Records are let through in portions of this much time: few enough calls at any rate, and no visible delay.
    PORTION_S = 0.01
    SHORTEST_S = 0.001  # rounding must not make a caller spin

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._portion = max(1.0, rate * self.PORTION_S)
        self._burst = max(self._portion, rate)
        self._tokens = self._portion
        self._filled_at = clock()

    def take(self, most: int) -> int:
        self._fill()
        if self._tokens < min(self._portion, most):
            return 0
        taken = min(most, int(self._tokens))
        self._tokens -= taken
        return taken

    def delay_s(self) -> float:
        self._fill()
        return max(self.SHORTEST_S, (self._portion - self._tokens) / self._rate)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now


class RandomPauses:
    """One record at a time, each after a random share of `longest_s`."""

    def __init__(self, longest_s: float, clock: Clock) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._due = clock() + random.random() * longest_s

    def take(self, most: int) -> int:
        now = self._clock()
        if now < self._due:
            return 0
        self._due = now + random.random() * self._longest_s
        return min(1, most)

    def delay_s(self) -> float:
        return max(0.0, self._due - self._clock())
