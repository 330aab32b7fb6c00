"""Numbers as people read them."""

from __future__ import annotations

import pytest

from connectrt.cli import figures


def test_counts_have_thousands_marked_and_nothing_stands_for_unknown() -> None:
    assert figures.count(1234567.0) == "1,234,567"
    assert figures.count(0) == "0"
    assert figures.count(None) == ""


def test_low_rates_keep_a_decimal() -> None:
    assert [figures.rate(value) for value in (0, 0.44, 9.96, 12.3, 54321)] == ["0", "0.4", "10.0", "12", "54,321"]


@pytest.mark.parametrize(("ns", "text"), [
    (0, "0 ns"), (999, "999 ns"), (1_000, "1 µs"), (999_400, "999 µs"), (1_234_000, "1.23 ms"), (56_700_000, "56.7 ms"),
    (234_000_000, "234 ms"), (1_500_000_000, "1.5 s"), (90_000_000_000, "90 s"),
])
def test_durations_take_the_unit_that_fits(ns: int, text: str) -> None:
    assert figures.duration(ns) == text


def test_clocks_show_hours_only_when_there_are_some() -> None:
    clocks = [figures.clock(seconds) for seconds in (0, 59.9, 61, 3600, 36_061)]
    assert clocks == ["0:00", "0:59", "1:01", "1:00:00", "10:01:01"]
