from __future__ import annotations

import logging

import pytest

from connectrt.tracing.guard import Guard, guarded


class Tracer:
    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    @guarded("otherwise")
    def trace(self, error: BaseException | None = None) -> str:
        if error:
            raise error
        return "traced"


def test_a_failure_is_answered_with_the_fallback() -> None:
    tracer = Tracer(Guard())
    assert tracer.trace(ValueError()) == "otherwise"
    assert tracer.trace() == "traced"


def test_ten_failures_within_a_minute_switch_tracing_off_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard(clock=lambda: 100.0)
    tracer = Tracer(guard)
    with caplog.at_level(logging.WARNING):
        for _ in range(9):
            tracer.trace(ValueError())
        assert tracer.trace() == "traced"
        for _ in range(3):
            tracer.trace(ValueError())
    assert guard.tripped
    assert tracer.trace() == "otherwise"
    assert len(caplog.records) == 1


def test_failures_far_apart_do_not() -> None:
    now = iter(range(0, 10_000, 7))
    guard = Guard(clock=lambda: float(next(now)))
    for _ in range(100):
        guard.failed(ValueError())
    assert not guard.tripped


def test_what_stops_the_process_is_not_caught() -> None:
    with pytest.raises(KeyboardInterrupt):
        Tracer(Guard()).trace(KeyboardInterrupt())
