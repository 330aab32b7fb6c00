"""Watch how long calls into plugins take, and log the stack of one that takes too long.

Invariant: nothing is done to the call; whoever reads status decides. The watchdog takes no lock a plugin could hold.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

log = logging.getLogger(__name__)


class Watched(Protocol):
    """A connector or task whose calls are watched."""

    @property
    def call(self) -> tuple[str, float] | None: ...
    def stack(self) -> str: ...


class Watchdog:
    """One thread; looks at every item a few times per timeout."""

    def __init__(self, watched: Callable[[], Mapping[str, Watched]], stuck_timeout_s: float) -> None:
        """`watched` is called on the watchdog's thread and returns all items by name."""
        self._watched = watched
        self._timeout_s = stuck_timeout_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _main(self) -> None:
        told: frozenset[tuple[str, float]] = frozenset()
        while not self._stop.wait(min(1.0, self._timeout_s / 4)):
            told = self.look(time.monotonic(), told)

    def look(self, now: float, told: Collection[tuple[str, float]]) -> frozenset[tuple[str, float]]:
        """Log each stuck call that is not yet in `told`; return all that are stuck, as (item, when it began)."""
        stuck = set()
        for name, item in self._watched().items():
            call = item.call
            if call is not None and now - call[1] >= self._timeout_s:
                stuck.add((name, call[1]))
                if (name, call[1]) not in told:
                    log.warning("a plugin call takes longer than task.stuck.timeout.ms; it is here:\n%s", item.stack(),
                                extra={"action": "stalled", "item": name, "call": call[0], "took_s": now - call[1]})
        return frozenset(stuck)
