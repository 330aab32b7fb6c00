"""Turn SIGINT and SIGTERM into a request to stop, and the second of them into a forced end.

Invariant: a handler only queues or raises; it takes no lock that the interrupted code may hold.
"""

from __future__ import annotations

import os
import signal
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ForcedEnd(BaseException):
    """A second signal came: end now. Raised on the main thread, wherever it is."""

    def __init__(self, number: int) -> None:
        super().__init__(f"forced by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class StopSignals:
    """Puts the first signal into `queue` while the context is open. Main thread only."""

    def __init__(self, queue: SimpleQueue[object]) -> None:
        self._queue = queue
        self._count = 0

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._take) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        if self._count == 1:
            self._queue.put(signal.Signals(number))  # a SimpleQueue may be used inside a signal handler
        elif self._count == 2:
            raise ForcedEnd(number)
        else:  # even the forced end hangs
            os._exit(128 + number)
