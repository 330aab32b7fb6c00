"""What SIGINT and SIGTERM do."""

from __future__ import annotations

import signal
from queue import SimpleQueue

import pytest

from connectrt.cli.signals import SIGNALS, ForcedEnd, StopSignals


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_the_first_signal_asks_and_the_second_forces(first: signal.Signals, second: signal.Signals) -> None:
    queue: SimpleQueue[object] = SimpleQueue()
    with StopSignals(queue):
        signal.raise_signal(first)
        assert queue.get_nowait() is first
        with pytest.raises(ForcedEnd) as forced:
            signal.raise_signal(second)
    assert forced.value.exit_code == 128 + second
    assert queue.empty()


def test_the_handlers_of_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopSignals(SimpleQueue()):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
