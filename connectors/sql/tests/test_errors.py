"""How long the sink waits, and when it gives up."""

from __future__ import annotations

import pytest
from connectrt_sql.errors import Fault, FaultKind, Patience

from connectrt.sdk import ConnectError

LATER = Fault(kind=FaultKind.RETRY_LATER, text="later", code="57014")
AWAY = Fault(kind=FaultKind.AWAY, text="away")
FULL = Fault(kind=FaultKind.FULL, text="disk full", code="53100")


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def patience(clock: Clock | None = None, **limits: object) -> Patience:
    settings: dict[str, object] = {"max_retries": 3, "backoff_s": 3.0, "attempts": 2, "connection_backoff_s": 10.0,
                                   "connection_timeout_s": 900.0, "clock": clock or Clock(), "jitter": lambda: 0.5}
    return Patience(**settings | limits)  # type: ignore[arg-type]


def test_the_pause_doubles_up_to_a_minute() -> None:
    patient = patience(max_retries=100)
    assert [patient.delay_s(LATER, "db") for _ in range(7)] == [3, 6, 12, 24, 48, 60, 60]


def test_jitter_moves_the_pause_by_a_fifth() -> None:
    assert patience(jitter=lambda: 0.0).delay_s(LATER, "db") == pytest.approx(2.4)
    assert patience(jitter=lambda: 1.0).delay_s(LATER, "db") == pytest.approx(3.6)


def test_max_retries_ends_it_and_a_success_begins_anew() -> None:
    patient = patience()
    for _ in range(3):
        patient.delay_s(LATER, "db")
    patient.succeeded()
    for _ in range(3):
        patient.delay_s(LATER, "db")
    with pytest.raises(ConnectError, match=r"given up after 3 retries \(max\.retries\)"):
        patient.delay_s(LATER, "db")


def test_a_full_disk_is_waited_for_without_end() -> None:
    patient = patience(max_retries=0)
    assert [patient.delay_s(FULL, "db") for _ in range(50)][-1] == 60


def test_a_lost_database_is_waited_for_as_long_as_the_config_says() -> None:
    clock = Clock()
    patient = patience(clock, max_retries=0)
    assert [patient.delay_s(AWAY, "db") for _ in range(4)] == [3, 6, 10, 10]
    clock.now_s = 901
    with pytest.raises(ConnectError, match=r"away for 901 s.*connection\.retry\.timeout\.ms"):
        patient.delay_s(AWAY, "db")


def test_a_lost_database_gets_its_attempts_however_long_they_take() -> None:
    clock = Clock()
    patient = patience(clock, attempts=3)
    for clock.now_s in (0, 5000, 10000):
        patient.delay_s(AWAY, "db")
    with pytest.raises(ConnectError):
        patient.delay_s(AWAY, "db")


def test_a_lost_database_may_be_waited_for_without_end() -> None:
    clock = Clock()
    patient = patience(clock, connection_timeout_s=None)
    patient.delay_s(AWAY, "db")
    clock.now_s = 1e9
    assert patient.delay_s(AWAY, "db") == 6
