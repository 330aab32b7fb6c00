"""Tell a broker that is away for long from one that only hiccups.

The client library reconnects by itself and says nothing but "all brokers are down", once, and each failed attempt.
Invariant: no error before PATIENCE_S, so a broker that restarts quickly is never noticed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from connectrt.errors import BrokersAwayError

PATIENCE_S = 5.0
#: Attempts follow each other within a second or two; after so long without a failed one there are none any more.
_QUIET_S = 3.0
_ATTEMPT = re.compile(
    r"(?:\w+://)?(?P<address>\S+?)/(?P<broker>bootstrap|\d+): (?P<why>.*?)(?: \(after .*)?", re.DOTALL)


class Outage:
    """What one client knows of its connections. Client's thread only."""

    def __init__(self, servers: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._servers = servers
        self._clock = clock
        self._down_since: float | None = None
        self._failing_since: float | None = None
        self._failed_at = 0.0
        self._cause = ""

    def failed(self, text: str) -> None:
        """One connection could not be made or broke; `text` as librdkafka words it."""
        now = self._clock()
        if self._failing_since is None or now - self._failed_at > _QUIET_S:
            self._failing_since = now
        self._failed_at = now
        self._cause = text

    def all_down(self) -> None:
        """No broker is connected."""
        if self._down_since is None:
            self._down_since = self._clock()

    def over(self) -> None:
        """A broker has answered."""
        self._down_since = self._failing_since = None

    @property
    def suspected(self) -> bool:
        """All brokers were down and none is known to have answered since."""
        return self._down_since is not None

    def error(self, *, joined: bool = True) -> BrokersAwayError | None:
        """Return what to raise, or None. Ask a broker first: that all were down is told once, that one is back never.

        `joined`: the client has reached the brokers that matter to it before. If not, attempts that go on failing are
        an outage too: brokers may be found and then send us to an address that does not work from here.
        """
        now, since = self._clock(), self._down_since
        if since is None and not joined and now - self._failed_at <= _QUIET_S:
            since = self._failing_since
        if since is None or now - since < PATIENCE_S:
            return None
        return self._lasting(now - since)

    def describe(self) -> BrokersAwayError:
        """The same for a call that has failed anyway: no patience."""
        return self._lasting(self._clock() - (self._down_since or self._clock()))

    def _lasting(self, duration_s: float) -> BrokersAwayError:
        return BrokersAwayError(f"broker {self._servers} cannot be reached since {duration_s:.0f} s: {self._advice()}")

    def _advice(self) -> str:
        attempt = _ATTEMPT.fullmatch(self._cause)
        if attempt is None:
            return "is it running? Else correct bootstrap.servers"
        address, why = attempt["address"], attempt["why"]
        if attempt["broker"] != "bootstrap" and address not in self._servers.split(","):
            return f"it sends its clients on to {address} ({why}): correct the broker's advertised.listeners"
        return f"{why}. Is it running? Else correct bootstrap.servers"
