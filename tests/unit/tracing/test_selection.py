from __future__ import annotations

from itertools import pairwise

import pytest

from connectrt.tracing.selection import Merged, select
from tests.unit.tracing.fakes import parent


def test_all_distinct_contexts_are_selected_below_the_limit() -> None:
    raws = [parent(number) for number in range(100)]
    selection = select(raws, 100)
    assert list(selection.traceparents) == raws
    assert list(selection.first) == list(range(100))
    assert (selection.dropped, selection.unsampled, selection.malformed, selection.missing) == (0, 0, 0, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 128, 4999])
def test_over_the_limit_a_spread_is_selected_and_the_rest_counted(limit: int) -> None:
    selection = select([parent(number) for number in range(5000)], limit)
    places = list(selection.first)
    assert len(selection.traceparents) == limit == len(set(places))
    assert selection.dropped == 5000 - limit
    assert places[0] == 0
    if limit > 1:
        gaps = [after - before for before, after in pairwise(places)]
        assert places[-1] == 4999
        assert max(gaps) - min(gaps) <= 1


def test_over_the_limit_the_first_are_selected_on_demand() -> None:
    assert list(select([parent(number) for number in range(9)], 3, "first").first) == [0, 1, 2]


def test_no_limit_at_all_selects_all_and_limit_zero_none() -> None:
    raws = [parent(number) for number in range(9)]
    assert len(select(raws, None).traceparents) == 9
    assert len(select(raws, 0).traceparents) == 0
    assert select(raws, 0).dropped == 9


def test_equal_contexts_become_one_with_a_count() -> None:
    selection = select([parent(1)] * 5000, 128)
    assert list(selection.traceparents) == [parent(1)]
    assert selection.merged == {parent(1): Merged(5000, 4999)}
    assert (selection.dropped, list(selection.first)) == (0, [0])


def test_the_same_ids_with_other_flags_are_one_context() -> None:
    selection = select([parent(1, "01"), parent(1, "03"), parent(2)], 128)
    assert list(selection.traceparents) == [parent(1), parent(2)]
    assert selection.merged == {parent(1): Merged(2, 1)}


def test_unsampled_contexts_are_left_out_and_counted() -> None:
    raws = [parent(1, "00"), parent(2, "03"), parent(3, "02"), parent(4, "00")]
    assert list(select(raws, 128).traceparents) == [parent(2, "03")]
    assert select(raws, 128).unsampled == 3
    assert len(select(raws, 128, unsampled=True).traceparents) == 4


def test_missing_and_malformed_headers_are_counted_and_the_good_ones_selected() -> None:
    raws = [b"", parent(1), b"\xff\xfe", b"", parent(2, "00"), parent(3), b"01" + parent(4)[2:] + b"-more", parent(1)]
    selection = select(raws, 128)
    assert list(selection.traceparents) == [parent(1), parent(3), parent(4)]
    assert list(selection.first) == [1, 5, 6]
    assert selection.merged == {parent(1): Merged(2, 7)}
    assert (selection.unsampled, selection.malformed, selection.missing) == (1, 1, 2)


@pytest.mark.parametrize("bad", [
    b"ff" + parent(1)[2:], parent(1).upper(), parent(1)[:30] + b"-" + parent(1)[31:],
    b"00-" + b"0" * 32 + parent(1)[35:], parent(1)[:36] + b"0" * 16 + b"-01", b"x" * 54 + b"1"])
def test_a_malformed_header_of_the_right_length_is_never_selected(bad: bytes) -> None:
    good = [parent(number) for number in range(20)]
    selection = select([*good[:10], bad, *good[10:]], 128)
    assert list(selection.traceparents) == good
    assert selection.malformed == 1


def test_a_malformed_choice_is_replaced_by_a_good_one() -> None:
    selection = select([b"x" * 54 + b"1", *[parent(number) for number in range(10)]], 4)
    assert len(selection.traceparents) == 4
    assert selection.dropped == 6
    assert selection.malformed == 1


def test_lengths_that_add_up_do_not_pass_for_good_headers() -> None:
    both = parent(1) + parent(2)
    selection = select([both[:54], both[54:]], 128)
    assert list(selection.traceparents) == []
    assert selection.malformed == 2


def test_parts_hold_every_context_once() -> None:
    selection = select([parent(number) for number in range(300)], None)
    parts = list(selection.parts(128))
    assert [len(part.traceparents) for part in parts] == [128, 128, 44]
    assert [raw for part in parts for raw in part.traceparents] == list(selection.traceparents)
    assert [place for part in parts for place in part.first] == list(range(300))
