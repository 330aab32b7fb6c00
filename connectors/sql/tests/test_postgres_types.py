"""Every type of column, with and without schema, by every write path, there and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sql.tests.harness import Sink, record, rows
from connectrt.sdk import DATE, TIME, TIMESTAMP, Schema, Type, decimal_schema

NOON = datetime(2024, 2, 29, 12, 30, 15, 123_000, tzinfo=UTC)
ID = UUID(int=0xABCDEF)

#: Column type -> value of a record, what is read back.
COLUMNS: dict[str, tuple[Any, Any]] = {
    "boolean": (True, True), "smallint": (-32_768, -32_768), "integer": (2**31 - 1, 2**31 - 1),
    "bigint": (-(2**63), -(2**63)),
    "real": (0.5, 0.5), "double precision": (1e300, 1e300), "numeric": (Decimal("1e-30"), Decimal("1e-30")),
    "numeric(10,3)": (Decimal("12.3456"), Decimal("12.346")), "text": ("ü\n\t\\", "ü\n\t\\"),
    "varchar(3)": ("äöü", "äöü"),
    "char(4)": ("ab", "ab  "), "name": ("n", "n"), "bytea": (b"\0\xff", b"\0\xff"),
    "date": (date(1, 1, 1), date(1, 1, 1)),
    "time": (time(23, 59, 59, 999_000), time(23, 59, 59, 999_000)), "timestamp": (NOON, NOON.replace(tzinfo=None)),
    "timestamptz": (NOON, NOON), "json": ({"a": [1, None]}, {"a": [1, None]}), "jsonb": ([{"b": "ü"}], [{"b": "ü"}]),
    "uuid": (str(ID), ID), "interval": (timedelta(days=3, seconds=4), timedelta(days=3, seconds=4)),
    "inet": ("10.1.2.3", ip_address("10.1.2.3")), "int4range": ("[1,5)", None),
    "mood": ("happy", "happy"), "percent": (55, 55), "int[]": ([1, None, 3], [1, None, 3]),
    "text[]": (['a"', "", "NULL"], ['a"', "", "NULL"]),
    "bool[]": ([True, False], [True, False]), "float8[]": ([], []), "bit(3)": ("101", "101"), "varbit": ("1", "1"),
    "money": ("12.34", "$12.34"), "timetz": ("12:00:00+02:00", None),
    "macaddr": ("08:00:2b:01:02:03", "08:00:2b:01:02:03"),
    "tsvector": ("a b", "'a' 'b'"), "point": ("(1,2)", "(1,2)")}

SCHEMAS: dict[str, Schema] = {
    "boolean": Schema(Type.BOOLEAN), "smallint": Schema(Type.INT16), "integer": Schema(Type.INT32),
    "bigint": Schema(Type.INT64), "real": Schema(Type.FLOAT32), "double precision": Schema(Type.FLOAT64),
    "numeric": decimal_schema(30), "numeric(10,3)": decimal_schema(4), "bytea": Schema(Type.BYTES), "date": DATE,
    "time": TIME, "timestamp": TIMESTAMP, "timestamptz": TIMESTAMP,
    "json": Schema.map(Schema(Type.STRING), Schema.array(Schema(Type.INT32, optional=True))),
    "jsonb": Schema.array(Schema.struct({"b": Schema(Type.STRING)})), "percent": Schema(Type.INT8),
    "int[]": Schema.array(Schema(Type.INT32, optional=True)), "text[]": Schema.array(Schema(Type.STRING)),
    "bool[]": Schema.array(Schema(Type.BOOLEAN)), "float8[]": Schema.array(Schema(Type.FLOAT64))}

PATHS: dict[str, dict[str, str]] = {
    "stream": {}, "arrays": {"sql.write.path": "unnest"},
    "staged": {"insert.on.duplicate": "ignore", "sql.write.path": "copy"},
    "upsert": {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id"}}


@pytest.fixture
def tables(database: str) -> str:
    rows(database, "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN percent AS int CHECK (VALUE < 100)")
    columns = ", ".join(f'"{type_}" {type_}' for type_ in COLUMNS)
    rows(database, f"CREATE TABLE orders (id int PRIMARY KEY, {columns})")
    return database


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("with_schema", [True, False])
def test_every_type_is_written_and_null_is_null(tables: str, path: str, with_schema: bool) -> None:
    schema = Schema.struct({"id": Schema(Type.INT32), **{
        name: SCHEMAS.get(name, Schema(Type.STRING)).as_optional() for name in COLUMNS}}) if with_schema else None
    if with_schema:
        values = {name: str(value) if name == "interval" else value for name, (value, _) in COLUMNS.items()}
    else:
        values = {name: value for name, (value, _) in COLUMNS.items()}
    values["interval"] = "3 days 4 seconds" if with_schema else values["interval"]
    sink = Sink(tables, PATHS[path])
    sink.write(record({"id": 1, **values}, schema=schema), record({"id": 2, **dict.fromkeys(COLUMNS)}, schema=schema))
    found = rows(tables, "SELECT * FROM orders ORDER BY id")
    for name, value, nothing, (_, expected) in zip(COLUMNS, found[0][1:], found[1][1:], COLUMNS.values(), strict=True):
        assert nothing is None
        assert value is not None
        assert expected is None or value == expected, name
    sink.stop()


@pytest.mark.parametrize("type_", COLUMNS)
def test_text_is_converted_to_every_type_it_can_be_written_as(tables: str, type_: str) -> None:
    texts = {"boolean": "true", "bytea": "\\x00ff", "json": '{"a": [1, null]}', "jsonb": '[{"b": "ü"}]',
             "int[]": "{1,NULL,3}",
             "text[]": '{"a\\"","","NULL"}', "bool[]": "{t,f}", "float8[]": "{}", "interval": "3 days 4 seconds",
             "timestamp": NOON.isoformat(), "timestamptz": NOON.isoformat()}
    value, expected = COLUMNS[type_]
    sink = Sink(tables)
    sink.write(record({"id": 1, type_: texts.get(type_, str(value))}))
    read = rows(tables, f'SELECT "{type_}" FROM orders')[0][0]
    assert expected is None or read == expected
    sink.stop()


def test_a_created_table_has_the_types_of_the_schema(database: str) -> None:
    schemas: Mapping[str, tuple[Schema, str]] = {
        "i8": (Schema(Type.INT8), "smallint"), "i16": (Schema(Type.INT16), "smallint"),
        "i32": (Schema(Type.INT32), "integer"),
        "i64": (Schema(Type.INT64), "bigint"), "f32": (Schema(Type.FLOAT32), "real"),
        "f64": (Schema(Type.FLOAT64), "double precision"), "b": (Schema(Type.BOOLEAN), "boolean"),
        "s": (Schema(Type.STRING), "text"), "y": (Schema(Type.BYTES), "bytea"), "d": (decimal_schema(2), "numeric"),
        "p": (Schema(Type.BYTES, name=decimal_schema(0).name,
                     parameters={"scale": "2", "connect.decimal.precision": "9"}),
              "numeric(9,2)"),
        "day": (DATE, "date"), "t": (TIME, "time without time zone"), "ts": (TIMESTAMP, "timestamp without time zone"),
        "ints": (Schema.array(Schema(Type.INT32)), "integer[]"),
        "m": (Schema.map(Schema(Type.STRING), Schema(Type.INT8)), "jsonb"),
        "st": (Schema.struct({"a": Schema(Type.INT8)}), "jsonb"), "days": (Schema.array(DATE), "jsonb"),
        "zoned": (Schema(Type.STRING, name="io.debezium.time.ZonedTimestamp"), "timestamp with time zone"),
        "micro": (Schema(Type.INT64, name="io.debezium.time.MicroTimestamp"), "timestamp without time zone"),
        "j": (Schema(Type.STRING, name="io.debezium.data.Json"), "jsonb"),
        "u": (Schema(Type.STRING, name="io.debezium.data.Uuid"), "uuid"),
        "dur": (Schema(Type.INT64, name="io.debezium.time.MicroDuration"), "bigint"),
        "v": (Schema(Type.STRING, parameters={"__debezium.source.column.type": "VARCHAR",
                                              "__debezium.source.column.length": "40"}), "character varying(40)"),
        "listed": (Schema(Type.INT64), "timestamp without time zone")}
    struct = Schema.struct({name: schema for name, (schema, _) in schemas.items()})
    values = {"i8": 1, "i16": 2, "i32": 3, "i64": 4, "f32": 0.5, "f64": 0.25, "b": True, "s": "x", "y": b"\1",
              "d": Decimal("1.25"), "p": Decimal("7.50"), "day": date(2024, 1, 1), "t": time(1), "ts": NOON,
              "ints": [1],
              "m": {"a": 1}, "st": {"a": 1}, "days": [date(2024, 1, 1)], "zoned": "2024-01-01T00:00:00Z", "micro": 0,
              "j": "{}",
              "u": str(ID), "dur": 5, "v": "y", "listed": 1_000_000}
    sink = Sink(database, {"auto.create": "true", "timestamp.fields.list": "listed"})
    sink.write(record(values, schema=struct))
    types = rows(database, "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
                           "WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum")
    assert types == [(name, type_) for name, (_, type_) in schemas.items()]
    assert rows(database, "SELECT days, listed, p FROM orders") == [
        (["2024-01-01"], datetime(1970, 1, 1, 0, 0, 1), Decimal("7.50"))]
    sink.stop()


def test_defaults_and_nullability_of_a_created_table_follow_the_schema(database: str) -> None:
    schema = Schema.struct({
        "id": Schema(Type.INT64, optional=True), "required": Schema(Type.INT32),
        "optional": Schema(Type.INT32, optional=True),
        "text": Schema(Type.STRING, default="it's \\ ü"), "at": Schema(Type.INT64, name=TIMESTAMP.name, default=NOON),
        "n": Schema(Type.BYTES, name=decimal_schema(1).name, parameters={"scale": "1"}, default=Decimal("1.5")),
        "m": Schema(Type.MAP, optional=True, key_schema=Schema(Type.STRING), value_schema=Schema(Type.INT8),
                    default={"a": 1})})
    sink = Sink(database, {"auto.create": "true", "insert.mode": "upsert", "pk.mode": "record_value",
                           "pk.fields": "id"})
    sink.write(record({"id": 1, "required": 2}, schema=schema))
    not_null = rows(database, "SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnotnull "
                              "AND attnum > 0 ORDER BY attnum")
    assert not_null == [("id",), ("required",)]
    rows(database, "INSERT INTO orders (id, required) VALUES (2, 2)")
    found = rows(database, 'SELECT "text", at, n, m FROM orders ORDER BY id')
    assert found == [("it's \\ ü", NOON.replace(tzinfo=None), Decimal("1.5"), {"a": 1})] * 2
    sink.stop()


def test_a_table_can_be_created_from_maps_alone(database: str) -> None:
    sink = Sink(database, {"auto.create": "true", "auto.evolve": "true"})
    sink.write(record({"id": 1, "flag": True, "n": 1, "mixed": 1, "nothing": None}),
               record({"id": 2, "mixed": 1.5, "doc": {"a": 1}, "big": 2**70, "list": [1]}))
    types = rows(database, "SELECT attname, format_type(atttypid, -1) FROM pg_attribute "
                           "WHERE attrelid = 'orders'::regclass AND attnum > 0 ORDER BY attnum")
    assert types == [("id", "bigint"), ("flag", "boolean"), ("n", "bigint"), ("mixed", "double precision"),
                     ("doc", "jsonb"), ("big", "numeric"), ("list", "jsonb")]
    sink.write(record({"id": 3, "nothing": "x"}), record({"id": 4, "nothing": None, "late": None}))
    assert rows(database, "SELECT id, nothing FROM orders ORDER BY 1") == [(1, None), (2, None), (3, "x"), (4, None)]
    sink.stop()


def test_a_key_that_is_null_in_the_first_batch_becomes_text_if_nothing_can_be_added_later(database: str) -> None:
    sink = Sink(database, {"auto.create": "true"})
    sink.write(record({"id": 1, "x": None}))
    sink.write(record({"id": 2, "x": 5}))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [(1, None), (2, "5")]
    sink.stop()


def test_new_fields_of_a_schema_become_columns(database: str) -> None:
    old = Schema.struct({"id": Schema(Type.INT64)})
    new = Schema.struct({"id": Schema(Type.INT64), "extra": Schema(Type.STRING, optional=True),
                         "level": Schema(Type.INT32, default=3)})
    sink = Sink(database, {"auto.create": "true", "auto.evolve": "true"})
    sink.put(record({"id": 1}, schema=old))
    sink.write(record({"id": 2, "extra": "x"}, schema=new), record({"id": 3}, schema=old))
    assert rows(database, "SELECT * FROM orders ORDER BY 1") == [(1, None, 3), (2, "x", 3), (3, None, 3)]
    sink.stop()


def test_a_required_field_cannot_be_added(database: str) -> None:
    sink = Sink(database, {"auto.create": "true", "auto.evolve": "true"})
    sink.write(record({"id": 1}, schema=Schema.struct({"id": Schema(Type.INT64)})))
    schema = Schema.struct({"id": Schema(Type.INT64), "must": Schema(Type.STRING)})
    with pytest.raises(Exception, match="required and has no default"):
        sink.put(record({"id": 1, "must": "x"}, schema=schema))
    sink.stop()


def test_generated_and_identity_columns_are_respected(database: str) -> None:
    rows(database, "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, "
                   "double int GENERATED ALWAYS AS (a * 2) STORED)")
    upsert = {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id"}
    for config in ({}, upsert):
        rows(database, "TRUNCATE orders")
        sink = Sink(database, config)
        sink.write(record({"id": 50, "a": 1, "double": 999}))
        assert rows(database, "SELECT * FROM orders") == [(50, 1, 2)]
        sink.stop()


def test_partitioned_tables_and_tables_with_row_security_are_written(database: str) -> None:
    rows(database, "CREATE TABLE orders (id int, a int, PRIMARY KEY (id, a)) PARTITION BY RANGE (a);"
                   "CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);"
                   "CREATE TABLE secured (id int, a int); ALTER TABLE secured ENABLE ROW LEVEL SECURITY;"
                   "ALTER TABLE secured FORCE ROW LEVEL SECURITY; CREATE POLICY p ON secured USING (true);"
                   "DO $$ BEGIN CREATE ROLE plain LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
                   "GRANT ALL ON orders, secured TO plain")
    for config in ({}, {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id,a"}):
        sink = Sink(database, {"connection.user": "plain", **config})
        sink.write(record({"id": len(config), "a": 1}))
        sink.stop()
    sink = Sink(database, {"connection.user": "plain"})
    sink.write(record({"id": 1, "a": 1}, topic="secured"))
    assert rows(database, "SELECT count(*) FROM orders") == [(2,)]
    assert rows(database, "SELECT count(*) FROM secured") == [(1,)]
    sink.stop()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({
    "i": st.none() | st.integers(-(2**63), 2**63 - 1), "f": st.none() | st.floats(allow_nan=False),
    "s": st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "y": st.none() | st.binary(),
    "b": st.none() | st.booleans(), "n": st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    "t": st.none() | st.datetimes(timezones=st.just(UTC)), "d": st.none() | st.dates()}), max_size=20))
def test_what_goes_in_comes_out(database: str, values: list[dict[str, object]]) -> None:
    rows(database, "DROP TABLE IF EXISTS round_trip; CREATE TABLE round_trip "
                   "(o int, i bigint, f float8, s text, y bytea, b bool, n numeric, t timestamptz, d date)")
    for config in ({}, {"sql.write.path": "unnest"}):
        rows(database, "TRUNCATE round_trip")
        sink = Sink(database, config)
        sink.write(*[record({"o": place, **value}, place, topic="round_trip") for place, value in enumerate(values)])
        found = rows(database, "SELECT i, f, s, y, b, n, t, d FROM round_trip ORDER BY o")
        assert found == [tuple(value[name] for name in "ifsybntd") for value in values]
        sink.stop()
