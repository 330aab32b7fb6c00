"""Maps without schema, chosen fields, odd names, change events: what becomes of them in the table."""

from __future__ import annotations

import pytest

from connectors.sql.tests.harness import CREATE, DELETES, KEY, ORDER, TABLE, UPSERT, MakeSink, maps, order, record, rows
from connectrt.sdk import ConfigError, ConnectError, Schema, SinkRecord, TopicPartition, Type


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
