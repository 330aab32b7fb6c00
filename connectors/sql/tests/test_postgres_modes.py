"""What ends up in the table: every insert.mode, every pk.mode, every way from record to row, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from connectors.sql.tests.harness import Sink, maps, record, rows
from connectrt.sdk import ConfigError, ConnectError, DataError, Headers, Schema, SinkRecord, TopicPartition, Type

ORDER = Schema.struct({"id": Schema(Type.INT64), "name": Schema(Type.STRING, optional=True),
                       "amount": Schema(Type.FLOAT64, optional=True)}, name="order")
KEY = Schema.struct({"id": Schema(Type.INT64)}, name="key")
UPSERT = {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id"}
BY_KEY = {"insert.mode": "upsert", "pk.mode": "record_key", "pk.fields": "id"}
DELETES = {**BY_KEY, "delete.enabled": "true"}
CREATE = {"auto.create": "true"}
TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, name text, amount float8)"

MakeSink = Callable[..., Sink]


@pytest.fixture
def sink(database: str) -> Iterator[MakeSink]:
    sinks: list[Sink] = []

    def make(config: Mapping[str, str], **options: bool) -> Sink:
        sinks.append(Sink(database, config, **options))
        return sinks[-1]

    yield make
    for each in sinks:
        each.stop()


def order(id: int, name: str | None = "n", amount: float | None = 1.5, *, offset: int = 0, **more: Any) -> SinkRecord:
    return record({"id": id, "name": name, "amount": amount}, offset, schema=ORDER, **more)


def keyed(id: int, name: str | None, offset: int = 0) -> SinkRecord:
    """A map without schema under a plain key; None: a tombstone."""
    return record(None if name is None else {"name": name}, offset, key=id)


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


# -- pk.mode ------------------------------------------------------------------------------------------------------

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


# -- schemaless ---------------------------------------------------------------------------------------------------

def test_maps_without_schema_follow_the_columns_of_the_table(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE orders (id int, name text, at timestamptz, doc jsonb, n numeric(8,2))")
    sink({}).write(record({"id": "5", "name": 7, "at": "2024-01-01T00:00:00Z", "doc": {"a": [1]}, "n": 1.25}),
                   record({"n": "3.5", "doc": [1], "at": 0, "name": True, "id": 6.0}))
    assert rows(database, "SELECT id, name, at::text, doc, n::text FROM orders ORDER BY 1") == [
        (5, "7", "2024-01-01 00:00:00+00", {"a": [1]}, "1.25"), (6, "true", "1970-01-01 00:00:00+00", [1], "3.50")]


def test_absent_keys_are_null_on_insert_unless_the_column_has_a_default(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE orders (id serial, a int, b int DEFAULT 7)")
    sink({}).write(record({"a": 1}), record({"b": 2}), record({"a": 3, "b": None}), record({"id": 9}))
    assert rows(database, "SELECT a, b FROM orders ORDER BY 1 NULLS LAST, 2") == [
        (1, 7), (3, None), (None, 2), (None, 7)]


def test_absent_keys_are_left_alone_on_upsert(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    rows(database, "INSERT INTO orders VALUES (1, 'old', 1)")
    sink(UPSERT).write(*map(record, ({"id": 1, "name": "new"}, {"id": 1, "amount": 5.0}, {"id": 2, "name": "x"})))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [(1, "new", 5.0), (2, "x", None)]


def test_unknown_keys_may_be_ignored_or_collected(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE orders (id int, rest jsonb)")
    sink({"schemaless.unknown.fields": "ignore"}).write(record({"id": 1, "x": 1}))
    sink({"schemaless.unknown.fields": "json", "schemaless.json.column": "rest"}).write(
        record({"id": 2, "x": 1, "y": None}), record({"id": 3}), record({"id": 4, "y": {"z": [1]}}))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [
        (1, None), (2, {"x": 1}), (3, None), (4, {"y": {"z": [1]}})]


def test_maps_of_many_shapes_go_into_one_table(database: str, sink: MakeSink) -> None:
    names = [f"c{index}" for index in range(6)]
    rows(database, f"CREATE TABLE orders ({', '.join(f'{name} int' for name in names)})")
    task = sink({})
    shapes = [{name: index for bit, name in enumerate(names) if index >> bit & 1} for index in range(1, 64)]
    task.write(*[record(shape, offset) for offset, shape in enumerate(shapes * 3)])
    assert rows(database, f"SELECT count(*), {', '.join(f'count({name})' for name in names)} FROM orders") == [
        (189, *[96] * 6)]


def test_a_column_is_found_in_another_case_if_there_is_only_one(database: str, sink: MakeSink) -> None:
    rows(database, 'CREATE TABLE orders ("Id" int, x int, "X" int)')
    task = sink({}, tolerant=True)
    task.write(record({"ID": 1, "x": 2, "X": 3}))
    assert rows(database, "SELECT * FROM orders") == [(1, 2, 3)]
    rows(database, 'ALTER TABLE orders ADD "iD" int')
    other = sink({}, tolerant=True)
    other.write(record({"ID": 1}))
    assert "'Id' and 'iD'" in other.reporter.texts[0]


@pytest.mark.parametrize("value", ["plain", b"\x00\xff"])
def test_a_plain_value_goes_into_one_column(database: str, sink: MakeSink, value: object) -> None:
    sink(CREATE).write(record(value, 0), record(value, 1))
    assert rows(database, "SELECT record_value FROM orders") == [(value,)] * 2


def test_plain_text_without_its_column_says_that_it_may_be_json(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    with pytest.raises(ConnectError, match=r"value\.converter\.schemas\.enable=false"):
        sink({}).put(record('{"id": 1}'))


# -- fields, defaults, names --------------------------------------------------------------------------------------

def test_only_whitelisted_fields_are_written_and_keys_regardless(database: str, sink: MakeSink) -> None:
    sink({**CREATE, **UPSERT, "fields.whitelist": "name"}).write(order(1))
    assert rows(database, "SELECT * FROM orders") == [(1, "n")]


def test_excluded_fields_are_left_out(database: str, sink: MakeSink) -> None:
    sink({**CREATE, "field.exclude.list": "name,amount"}).write(order(1), record({"id": 2, "name": "x"}, topic="maps"))
    assert (rows(database, "SELECT * FROM orders"), rows(database, "SELECT * FROM maps")) == ([(1,)], [(2,)])


@pytest.mark.parametrize(("replace", "name"), [("true", "nobody"), ("false", None)])
def test_a_null_becomes_the_default_if_asked_to(database: str, sink: MakeSink, replace: str, name: str | None) -> None:
    schema = Schema.struct({"id": Schema(Type.INT64), "name": Schema(Type.STRING, optional=True, default="nobody")})
    sink({**CREATE, "replace.null.with.default": replace}).write(
        record({"id": 1, "name": None}, schema=schema), record({"id": 2, "name": "x"}, schema=schema))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [(1, name), (2, "x")]


@pytest.mark.parametrize("topic", ["order", "user", "transformed.1.0.db", "Ünï-cödé", 'a"b', "100% %s $1", "x" * 63])
@pytest.mark.parametrize("config", [CREATE, {**CREATE, **UPSERT}])
def test_odd_names_of_topics_and_fields_need_no_care(database: str, sink: MakeSink, topic: str,
                                                     config: dict[str, str]) -> None:
    odd = {"id": 1, "select": 1, 'quo"te': 2, "per%cent %s": 3, "$1": 4, "new\nline": 5, "Ünï": 6}
    sink(config).write(record(odd, topic=topic))
    table = '"' + topic.replace('"', '""') + '"'
    assert rows(database, f"SELECT * FROM {table}") == [tuple(odd.values())]


def test_a_table_name_that_would_be_cut_off_is_a_config_error(sink: MakeSink) -> None:
    task = sink(CREATE)
    with pytest.raises(ConfigError, match=f"{'x' * 70}.*{'x' * 63}, which"):
        task.task.open([TopicPartition("x" * 70, 0)])
    with pytest.raises(ConfigError):
        task.put(record({"a": 1}, topic="x" * 70))


def test_a_schema_may_be_named_and_must_exist(database: str, sink: MakeSink) -> None:
    config = {**CREATE, "table.name.format": "sales.${topic}"}
    with pytest.raises(ConnectError, match=r"3F000.*create the schema"):
        sink(config).put(*maps(1))
    rows(database, "CREATE SCHEMA sales")
    sink(config).write(*maps(1))
    assert rows(database, "SELECT count(*) FROM sales.orders") == [(1,)]


def test_topics_partitions_and_schemas_go_their_own_ways(database: str, sink: MakeSink) -> None:
    task = sink({**CREATE, "table.name.format": "${topic}_${partition}"})
    task.write(record({"a": 1}, partition=0), record({"a": 2}, partition=1), record({"b": 3}, topic="users"))
    assert [rows(database, f"SELECT * FROM {name}") for name in ("orders_0", "orders_1", "users_0")] == [
        [(1,)], [(2,)], [(3,)]]


def test_interleaved_topics_and_schema_versions_are_all_written(database: str, sink: MakeSink) -> None:
    fields = {each.name: each.schema for each in ORDER.fields}
    newer = Schema.struct({**fields, "extra": Schema(Type.INT32, optional=True)})
    task = sink({**CREATE, "auto.evolve": "true"})
    records = []
    for offset in range(30):
        records += [order(offset), order(offset, topic="other"),
                    record({"id": offset, "extra": offset}, schema=newer), record({"id": offset}, topic="plain")]
    task.write(*records)
    assert rows(database, "SELECT count(*), count(extra) FROM orders") == [(60, 30)]
    assert [rows(database, f"SELECT count(*) FROM {name}") for name in ("other", "plain")] == [[(30,)], [(30,)]]


# -- Debezium events ----------------------------------------------------------------------------------------------

ROW = Schema.struct({"id": Schema(Type.INT64), "name": Schema(Type.STRING, optional=True)}, optional=True)
SOURCE = Schema.struct({"schema": Schema(Type.STRING), "table": Schema(Type.STRING)})
ENVELOPE = Schema.struct({"before": ROW, "after": ROW, "source": SOURCE, "op": Schema(Type.STRING)},
                         name="server.public.orders.Envelope")
CDC = {**DELETES, "truncate.enabled": "true", "table.name.format": "${source.table}"}


def event(op: str, id: int, name: str | None = None, *, schema: Schema | None = ENVELOPE) -> SinkRecord:
    row = {"id": id, "name": name}
    value = {"before": row if op == "d" else None, "after": row if op in "cru" else None, "op": op,
             "source": {"schema": "public", "table": "orders"}}
    return record(value, key=None if op == "t" else {"id": id}, key_schema=None if op == "t" or schema is None else KEY,
                  schema=schema, topic="server.public.orders")


@pytest.mark.parametrize("schema", [ENVELOPE, None])
def test_change_events_insert_update_delete_and_truncate(database: str, sink: MakeSink, schema: Schema | None) -> None:
    rows(database, TABLE)
    task = sink(CDC)
    make = lambda op, id, name=None: event(op, id, name, schema=schema)  # noqa: E731
    task.write(make("r", 1, "a"), make("c", 2, "b"), make("u", 2, "c"), make("d", 1))
    assert rows(database, "SELECT id, name FROM orders") == [(2, "c")]
    task.write(make("c", 3, "gone"), make("t", 0), make("c", 4, "d"), make("m", 0))
    assert rows(database, "SELECT id, name FROM orders") == [(4, "d")]


def test_change_events_create_their_table(database: str, sink: MakeSink) -> None:
    sink({**CDC, **CREATE}).write(event("c", 1, "a"), event("d", 7))
    assert rows(database, "SELECT * FROM orders") == [(1, "a")]


def test_truncates_are_skipped_unless_enabled(database: str, sink: MakeSink) -> None:
    rows(database, TABLE)
    sink({**CDC, "truncate.enabled": "false"}).write(event("c", 1, "a"), event("t", 0))
    assert rows(database, "SELECT count(*) FROM orders") == [(1,)]
