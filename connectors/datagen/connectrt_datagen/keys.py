"""Choose keys: which of a fixed number of keys each record gets."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate

from connectrt_datagen.draws import RANGE


class KeyPicker:
    """Chooses among `count` keys; with a `skew` by Zipf's law, the first most often."""

    def __init__(self, count: int, skew: float) -> None:
        self._count = count
        self._weights = list(accumulate(1 / rank**skew for rank in range(1, count + 1))) if skew else None

    def pick(self, words: Sequence[int]) -> list[int]:
        """Return one index from 0 to count - 1 per drawn number."""
        if self._weights is None:
            return [word * self._count >> 64 for word in words]
        weights, scale, last = self._weights, self._weights[-1] / RANGE, self._count - 1
        return [bisect(weights, word * scale, 0, last) for word in words]
