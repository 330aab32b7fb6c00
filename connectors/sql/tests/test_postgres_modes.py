"""What insert, upsert, update and delete leave in the table, on a real PostgreSQL."""

from __future__ import annotations

import pytest

from connectors.sql.tests.harness import (
    BY_KEY,
    CREATE,
    DELETES,
    ORDER,
    TABLE,
    UPSERT,
    MakeSink,
    keyed,
    maps,
    order,
    record,
    rows,
)

# -- insert.mode --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["auto", "copy", "unnest", "row"])
def test_insert_appends_whatever_the_write_path(database: str, sink: MakeSink, path: str) -> None:
    sink({**CREATE, "sql.write.path": path}).write(*maps(10))
    assert rows(database, "SELECT count(*), sum(id), sum(amount) FROM orders") == [(10, 45, 11.25)]


def test_insert_appends_structs(database: str, sink: MakeSink) -> None:
    sink(CREATE).write(order(1), order(2, None, None), record({"id": 3}, schema=ORDER))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [(1, "n", 1.5), (2, None, None), (3, None, None)]


def test_insert_may_keep_the_row_that_is_there(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old')")
    sink({"insert.on.duplicate": "ignore"}).write(order(1), order(2), order(2, "again"))
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "old"), (2, "n")]


@pytest.mark.parametrize("count", [10, 2500])
def test_upsert_inserts_and_updates_by_arrays_and_by_staging(database: str, sink: MakeSink, count: int) -> None:
    rows(database, TABLE)
    rows(database, f"INSERT INTO orders SELECT id, 'old', 0 FROM generate_series(0, {count - 1}, 2) id")
    sink(UPSERT).write(*maps(count))
    assert rows(database, "SELECT count(*), count(*) FILTER (WHERE name = 'n' || id) FROM orders") == [(count, count)]


@pytest.mark.parametrize("path", ["copy", "unnest", "row"])
def test_upsert_gives_the_same_on_every_write_path(database: str, sink: MakeSink, path: str) -> None:
    task = sink({**UPSERT, **CREATE, "sql.write.path": path})
    task.write(order(1), order(2))
    task.write(order(2, "new"), order(3))
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "n"), (2, "new"), (3, "n")]


def test_upsert_of_key_columns_only_leaves_the_row_alone(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old')")
    sink(BY_KEY).write(record({"id": 1}, key=1), record({"id": 2}, key=2))
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "old"), (2, None)]


def test_update_changes_only_rows_that_are_there(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old', 7)")
    sink({**UPSERT, "insert.mode": "update"}).write(record({"id": 1, "name": "new"}), record({"id": 2, "name": "x"}))
    assert rows(database, "SELECT * FROM orders") == [(1, "new", 7)]


def test_the_newest_record_of_a_key_wins_within_a_batch(database: str, sink: MakeSink) -> None:
    sink({**UPSERT, **CREATE}).write(order(1, "a"), order(2, "b"), order(1, "c"), order(1, "d"))
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "d"), (2, "b")]


def test_a_key_of_another_type_is_the_same_key(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    sink(UPSERT).write(*[record({"id": id, "name": name}) for id, name in ((5, "a"), ("5", "b"), (5.0, "c"))])
    assert rows(database, "SELECT id, name FROM orders") == [(5, "c")]


# -- deletes ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("ops", "left"), [
    ([(1, "a"), (1, None)], []), ([(1, None), (1, "a")], [(1, "a")]),
    ([(1, "a"), (1, None), (1, "b")], [(1, "b")]), ([(1, None), (1, "a"), (1, None)], []),
    ([(2, None), (1, "a")], [(1, "a")])])
@pytest.mark.parametrize("together", [True, False])
def test_tombstones_delete_in_order(database: str, sink: MakeSink, ops: list[tuple[int, str | None]],
                                    left: list[tuple[int, str]], together: bool) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old', 1), (2, 'old', 1)")
    task = sink(DELETES)
    for offset, (id, name) in enumerate(ops):
        task.put(keyed(id, name, offset))
        if not together:
            task.flush()
    task.flush()
    kept = [] if any(id == 2 for id, _ in ops) else [(2, "old")]
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == left + kept


def test_an_insert_after_a_delete_starts_from_an_empty_row(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old', 7)")
    sink(DELETES).write(keyed(1, None), keyed(1, "new"))
    assert rows(database, "SELECT * FROM orders") == [(1, "new", None)]


def test_deletes_work_in_insert_mode_too(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    task = sink({**DELETES, "insert.mode": "insert"})
    task.write(keyed(1, "a"), keyed(2, "b"), keyed(1, None), keyed(1, "c"), keyed(2, None))
    assert rows(database, "SELECT id, name FROM orders") == [(1, "c")]


def test_a_table_with_two_unique_indexes_sees_every_operation(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE orders (id bigint PRIMARY KEY, name text UNIQUE)")
    task = sink({**DELETES})
    task.write(keyed(1, "x"), keyed(2, "y"))
    task.write(keyed(1, "z"), keyed(2, "x"), keyed(1, "y"))
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "y"), (2, "x")]


def test_a_composite_key_deletes_one_row(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE orders (a int, b text, v int, PRIMARY KEY (a, b))")
    task = sink({"insert.mode": "upsert", "pk.mode": "record_key", "delete.enabled": "true"})
    task.write(*[record({"v": 1}, key={"a": a, "b": b}) for a in (1, 2) for b in "xy"],
               record(None, key={"a": 1, "b": "x"}))
    assert rows(database, "SELECT a, b FROM orders ORDER BY 1, 2") == [(1, "y"), (2, "x"), (2, "y")]


def test_a_tombstone_is_the_records_fault_unless_deletes_are_on(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    task = sink(BY_KEY, tolerant=True)
    task.write(keyed(1, "a", 0), keyed(2, None, 1), keyed(3, "c", 2))
    assert task.reporter.offsets == [1]
    assert "delete.enabled=true" in task.reporter.texts[0]
    assert rows(database, "SELECT id FROM orders ORDER BY 1") == [(1,), (3,)]


def test_tombstones_may_be_skipped(database: str, sink: MakeSink) -> None:
    task = sink({**CREATE, "behavior.on.null.values": "ignore"})
    task.write(order(1), record(None, 1))
    assert rows(database, "SELECT count(*) FROM orders") == [(1,)]
    assert task.safe(orders=2) == {"orders": 2}
