"""Reduction: what is written at once leaves the table as if each operation had been applied in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from connectrt_sql.reduce import Group, Op, OpKind, group, in_runs, reduce_by_key
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Column:
    name: str


ID, A, B = Column("id"), Column("a"), Column("b")
COLUMN_SETS = [(ID, A), (ID, B), (ID, A, B), (ID, B, A), (ID,)]
Table = Mapping[object, Mapping[str, object]]


@st.composite
def operations(draw: st.DrawFn) -> list[Op]:
    ops: list[Op] = []
    for place in range(draw(st.integers(0, 12))):
        key = draw(st.integers(0, 2))
        if draw(st.integers(0, 2)) == 0:
            ops.append(Op(OpKind.DELETE, (key,), (ID,), (key,), place))
        else:
            columns = draw(st.sampled_from(COLUMN_SETS))
            ops.append(Op(OpKind.WRITE, (key,), columns, (key, *[place] * (len(columns) - 1)), place))
    return ops


def applied(table: Table, ops: Iterable[Op], *, creates: bool) -> Table:
    """What a database does with operations, one by one."""
    found = {key: dict(row) for key, row in table.items()}
    for op in ops:
        key = op.row[0]
        if op.kind is OpKind.DELETE:
            found.pop(key, None)
        elif creates or key in found:
            row = found.setdefault(key, {"id": key, "a": "default", "b": "default"})
            row.update((column.name, value) for column, value in zip(op.columns, op.row, strict=True))
    return found


def written(table: Table, groups: Sequence[Group], *, creates: bool) -> Table:
    """What a database does with groups; no statement may touch a key twice."""
    for each in groups:
        keys = [op.key for op in each.ops]
        assert len(set(keys)) == len(keys)
        ops = [Op(each.kind, op.key, each.columns, op.row, op.record) for op in each.ops]
        table = applied(table, ops, creates=creates)
    return table


TABLES = st.dictionaries(st.integers(0, 2), st.fixed_dictionaries({"a": st.just("old"), "b": st.just("old")}))


@given(TABLES, operations(), st.booleans())
def test_reduced_groups_do_what_the_operations_do_one_by_one(table: Table, ops: list[Op], creates: bool) -> None:
    groups = group(reduce_by_key(ops, creates=creates), 1)
    assert written(table, groups, creates=creates) == applied(table, ops, creates=creates)


@given(TABLES, operations(), st.booleans())
def test_runs_do_what_the_operations_do_one_by_one(table: Table, ops: list[Op], creates: bool) -> None:
    runs = in_runs(ops, cut_at_repeats=True)
    assert [op for run in runs for op in run.ops] == ops
    assert written(table, runs, creates=creates) == applied(table, ops, creates=creates)


@given(operations())
def test_groups_are_sorted_by_key_with_deletes_first(ops: list[Op]) -> None:
    groups = group(reduce_by_key(ops, creates=True), 1)
    kinds = [each.kind for each in groups]
    assert kinds == sorted(kinds, key=lambda kind: kind is not OpKind.DELETE)
    assert all([op.key for op in each.ops] == sorted(op.key for op in each.ops) for each in groups)


@pytest.mark.parametrize("order", ["dw", "wd", "dwd", "wdw"])
def test_delete_and_insert_of_one_key_keep_their_order(order: str) -> None:
    delete, write = Op(OpKind.DELETE, (1,), (ID,), (1,), None), Op(OpKind.WRITE, (1,), (ID, A), (1, 5), None)
    ops = [delete if letter == "d" else write for letter in order]
    after = written({1: {"a": "old"}}, group(reduce_by_key(ops, creates=True), 1), creates=True)
    assert bool(after) is (order[-1] == "w")


def test_a_write_in_update_mode_does_not_bring_a_deleted_row_back() -> None:
    ops = [Op(OpKind.DELETE, (1,), (ID,), (1,), None), Op(OpKind.WRITE, (1,), (ID, A), (1, 5), None)]
    assert [op.kind for op in reduce_by_key(ops, creates=False)] == [OpKind.DELETE]


def test_without_keys_runs_are_cut_only_where_kind_or_columns_change() -> None:
    ops = [Op(OpKind.WRITE, (), (ID, A), (place, 0), None) for place in range(3)]
    assert [len(run.ops) for run in in_runs(ops, cut_at_repeats=False)] == [3]
