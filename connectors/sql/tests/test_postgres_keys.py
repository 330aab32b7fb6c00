"""Every pk.mode, and records that can be no row."""

from __future__ import annotations

import pytest

from connectors.sql.tests.harness import (
    BY_KEY,
    CREATE,
    KEY,
    TABLE,
    UPSERT,
    MakeSink,
    keyed,
    maps,
    order,
    record,
    rows,
)
from connectrt.sdk import DataError, Headers, Schema, SinkRecord, Type


def primary_key(database: str, table: str = "orders") -> list[str]:
    found = rows(database, "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(n, o), pg_attribute a "
                           "WHERE i.indrelid = to_regclass(%s) AND i.indisprimary AND a.attrelid = i.indrelid "
                           "AND a.attnum = k.n ORDER BY k.o", table)
    return [str(name) for name, in found]


def test_pk_mode_none_makes_no_key(database: str, sink: MakeSink) -> None:
    sink(CREATE).write(order(1), order(1))
    assert (primary_key(database), rows(database, "SELECT count(*) FROM orders")) == ([], [(2,)])


def test_pk_mode_kafka_uses_the_original_place(database: str, sink: MakeSink) -> None:
    task = sink({**CREATE, "pk.mode": "kafka", "insert.on.duplicate": "ignore"})
    moved = order(1, offset=7, partition=2).with_topic("elsewhere").with_partition(0)
    task.write(moved)
    task.write(moved)
    assert primary_key(database, "elsewhere") == ["__connect_topic", "__connect_partition", "__connect_offset"]
    assert rows(database, "SELECT * FROM elsewhere") == [("orders", 2, 7, 1, "n", 1.5)]


def test_pk_mode_kafka_may_name_its_columns(database: str, sink: MakeSink) -> None:
    sink({**CREATE, "pk.mode": "kafka", "pk.fields": "t,p,o"}).write(*maps(3))
    assert primary_key(database) == ["t", "p", "o"]
    assert rows(database, "SELECT o, id FROM orders ORDER BY 1") == [(0, 0), (1, 1), (2, 2)]


def test_pk_mode_record_key_takes_a_plain_key(database: str, sink: MakeSink) -> None:
    sink({**CREATE, **BY_KEY}).write(record({"name": "a"}, key="k1", key_schema=Schema(Type.STRING)))
    assert rows(database, "SELECT id, name FROM orders") == [("k1", "a")]
    assert primary_key(database) == ["id"]


def test_pk_mode_record_key_takes_a_struct_and_the_value_loses_its_key_fields(database: str, sink: MakeSink) -> None:
    config = {**CREATE, "pk.mode": "record_key", "insert.mode": "upsert"}
    sink(config).write(order(5, key={"id": 1}, key_schema=KEY))
    assert rows(database, "SELECT * FROM orders") == [(1, "n", 1.5)]


def test_pk_mode_record_key_takes_some_fields_of_a_map(database: str, sink: MakeSink) -> None:
    sink({**CREATE, **BY_KEY}).write(record({"v": 1}, key={"id": 9, "other": 1}))
    assert (primary_key(database), rows(database, "SELECT * FROM orders")) == (["id"], [(9, 1)])


def test_pk_mode_record_value_takes_all_fields_by_default(database: str, sink: MakeSink) -> None:
    task = sink({**CREATE, "insert.mode": "upsert", "pk.mode": "record_value"})
    task.write(order(1, "a", 1.0), order(1, "a", 1.0), order(1, "b", 1.0))
    assert primary_key(database) == ["id", "name", "amount"]
    assert rows(database, "SELECT count(*) FROM orders") == [(2,)]


def test_pk_mode_record_header_reads_headers(database: str, sink: MakeSink) -> None:
    headers = Headers().add("id", 1, Schema(Type.INT64)).add("id", 2, Schema(Type.INT64))
    sink({**CREATE, **UPSERT, "pk.mode": "record_header"}).write(record({"v": "x"}, headers=headers))
    assert (primary_key(database), rows(database, "SELECT * FROM orders")) == (["id"], [(2, "x")])


@pytest.mark.parametrize(("bad", "text"), [
    (record({"name": "x"}, 1), "has no key"), (record({"name": "x"}, 1, key={"id": None}), '"id" is null'),
    (record({"name": "x"}, 1, key={"other": 1}), "no field id"), (record({"name": "x"}, 1, key=[1]), "of type list"),
    (record({"name": "x"}, 1, key=b"1"), "key.converter"), (record({"name": "x"}, 1, key="seven"), "column \"id\""),
    (record([1], 1, key=1), "a struct or a map"), (record({}, 1, key=None), "has no key"),
    (record({"schema": {"type": "struct"}, "payload": {}}, 1, key=1), "value.converter.schemas.enable=true"),
    (record({"name": {"deep": 1}}, 1, key=1), "json"), (record({"unheard": 1}, 1, key=1), "auto.evolve=true")])
def test_a_record_that_can_be_no_row_is_reported_and_the_others_are_written(
        database: str, sink: MakeSink, bad: SinkRecord, text: str) -> None:
    rows(database, TABLE)
    for config in (BY_KEY, {**BY_KEY, "insert.mode": "insert"}):
        rows(database, "TRUNCATE orders")
        task = sink(config, tolerant=True)
        task.write(keyed(1, "a", 0), bad, keyed(2, "b", 2))
        assert task.reporter.offsets == [1]
        assert text in task.reporter.texts[0]
        assert task.reporter.texts[0].startswith("orders-0@1: ")
        assert rows(database, "SELECT id FROM orders ORDER BY 1") == [(1,), (2,)]
        assert task.safe(orders=3) == {"orders": 3}


def test_without_a_reporter_the_first_fault_fails_the_task_and_no_later_offset_is_safe(
        database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    task = sink(BY_KEY)
    task.put(keyed(1, "a", 5))
    with pytest.raises(DataError, match=r"^orders-0@6: .*has no key"):
        task.put(record({"name": "x"}, 6))
    assert task.safe(orders=6) == {"orders": 5}
