"""Finding the rows at fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from connectrt_sql.errors import Fault, FaultKind
from connectrt_sql.isolate import isolate
from hypothesis import given
from hypothesis import strategies as st

from connectrt.sdk import ConnectError


class Database:
    """Refuses some rows; names the first one if it can."""

    def __init__(self, bad: frozenset[int], *, names_rows: bool, codes: int = 1) -> None:
        self.table: list[int] = []
        self.attempts = 0
        self._bad = bad
        self._names_rows = names_rows
        self._codes = codes

    def write(self, rows: Sequence[int]) -> Fault | None:
        self.attempts += 1
        for index, row in enumerate(rows):
            if row in self._bad:
                return Fault(kind=FaultKind.RECORD, text="no", code=f"2300{row % self._codes}",
                             row=index if self._names_rows else None)
        self.table += rows
        return None


@given(st.integers(1, 60), st.sets(st.integers(0, 59)), st.booleans(), st.integers(1, 50))
def test_all_good_rows_are_written_in_order_and_all_bad_ones_returned(count: int, bad: set[int], names_rows: bool,
                                                                      most: int) -> None:
    database = Database(frozenset(bad), names_rows=names_rows, codes=2)
    rows = list(range(count))
    if count >= 20 and bad >= set(rows):
        return
    failures = isolate(rows, database.write, most_failures=most)
    assert database.table == [row for row in rows if row not in bad]
    assert sorted(row for row, _ in failures) == [row for row in rows if row in bad]


def test_one_bad_row_of_5000_takes_few_attempts() -> None:
    blind, named = Database(frozenset({4321}), names_rows=False), Database(frozenset({4321}), names_rows=True)
    for database in (blind, named):
        assert len(isolate(range(5000), database.write, most_failures=100)) == 1
    assert (blind.attempts <= 2 * 13 + 2, named.attempts) == (True, 3)


def test_50_bad_rows_of_5000_take_no_more_attempts_than_bisection_needs() -> None:
    database = Database(frozenset(range(0, 5000, 100)), names_rows=False)
    assert len(isolate(range(5000), database.write, most_failures=100)) == 50
    assert database.attempts <= 850


def test_after_too_many_failures_rows_are_written_one_by_one() -> None:
    database = Database(frozenset(range(0, 400, 2)), names_rows=False)
    assert len(isolate(range(400), database.write, most_failures=10)) == 200
    assert database.attempts < 600


def test_if_all_rows_are_refused_for_the_same_reason_it_is_not_the_records() -> None:
    database = Database(frozenset(range(20)), names_rows=False)
    with pytest.raises(ConnectError, match="all of 20 rows are refused"):
        isolate(range(20), database.write, most_failures=100)


def test_a_few_rows_may_all_be_bad() -> None:
    database = Database(frozenset(range(19)), names_rows=False)
    assert len(isolate(range(19), database.write, most_failures=100)) == 19


def test_no_rows_need_no_attempt() -> None:
    database = Database(frozenset(), names_rows=False)
    assert isolate([], database.write, most_failures=1) == []
    assert database.attempts == 0
