from __future__ import annotations

import pytest

from connectrt.metrics.history import History

READ = "sink_record_read_total"


def test_a_rate_is_over_the_window() -> None:
    history = History(60.0, now=0.0)
    for second in range(1, 181):
        history.add(second, {READ: 100 * second if second <= 120 else 12_000})
    assert history.rates(180.0)["sink_record_read_rate"] == pytest.approx(0.0)
    assert history.recent_rate(READ, 180.0) == 0.0


def test_in_the_first_window_it_is_over_the_life_of_the_task() -> None:
    history = History(60.0, now=0.0)
    history.add(10.0, {READ: 1000})
    assert history.rates(10.0) == {"sink_record_read_rate": pytest.approx(100.0)}
    assert history.rates(10.0).keys() == {"sink_record_read_rate"}  # a total nobody counted has no rate


def test_of_a_task_that_hangs_it_sinks() -> None:
    history = History(60.0, now=0.0)
    for second in range(1, 61):
        history.add(second, {READ: 100 * second})
    busy = history.rates(60.0)["sink_record_read_rate"]
    assert busy == pytest.approx(100.0)
    assert history.rates(120.0)["sink_record_read_rate"] == pytest.approx(50.0)


def test_the_recent_rate_is_that_of_the_last_seconds() -> None:
    history = History(60.0, now=0.0)
    for second in range(1, 61):
        history.add(second, {READ: 0 if second <= 50 else 1000 * (second - 50)})
    assert history.recent_rate(READ, 60.0) == pytest.approx(1000.0)
    assert history.rates(60.0)["sink_record_read_rate"] == pytest.approx(10_000 / 60, rel=0.1)


def test_at_the_very_beginning_there_is_no_rate() -> None:
    history = History(0.0, now=5.0)
    history.add(5.0, {READ: 10})
    assert history.rates(5.0) == {"sink_record_read_rate": 0.0}
    assert history.recent_rate(READ, 5.0) == 0.0
