"""From records to rows, without a database."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from connectrt_sql.config import CONFIG
from connectrt_sql.keys import MisfitError
from connectrt_sql.mapping import Action, Mapper, Shape
from connectrt_sql.naming import TableName
from connectrt_sql.settings import read_settings
from connectrt_sql.tables import guess_schema
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql.tests.harness import record
from connectrt.sdk import DataError, Headers, Schema, SinkRecord, Type

STRUCT = Schema.struct({"a": Schema(Type.INT64, optional=True),
                        "b": Schema(Type.STRING, optional=True, default="none")})
KEY = Schema.struct({"k1": Schema(Type.INT64), "k2": Schema(Type.INT64)})
NAMES = st.sampled_from(["a", "b", "c", "d"])


def mapper(config: Mapping[str, str] | None = None) -> Mapper:
    return Mapper(read_settings(CONFIG.parse({"connection.url": "postgresql://h/db", **(config or {})})))


def columns(shape: Shape) -> tuple[list[str], list[str]]:
    return [ref.column for ref in shape.keys], [ref.column for ref in shape.values]


@pytest.mark.parametrize(("config", "of", "keys", "values", "row"), [
    ({}, {}, [], ["a", "b"], (1, "x")),
    ({"pk.mode": "kafka"}, {}, ["__connect_topic", "__connect_partition", "__connect_offset"], ["a", "b"],
     ("orders", 0, 9, 1, "x")),
    ({"pk.mode": "record_key", "pk.fields": "k"}, {"key": 7}, ["k"], ["a", "b"], (7, 1, "x")),
    ({"pk.mode": "record_key"}, {"key": {"k1": 1, "k2": 2}, "key_schema": KEY}, ["k1", "k2"], ["a", "b"],
     (1, 2, 1, "x")),
    ({"pk.mode": "record_key", "pk.fields": "k2"}, {"key": {"k1": 1, "k2": 2}}, ["k2"], ["a", "b"], (2, 1, "x")),
    ({"pk.mode": "record_key"}, {"key": {"a": 5}}, ["a"], ["b"], (5, "x")),
    ({"pk.mode": "record_value", "pk.fields": "b"}, {}, ["b"], ["a"], ("x", 1)),
    ({"pk.mode": "record_value"}, {}, ["a", "b"], [], (1, "x")),
    ({"pk.mode": "record_header", "pk.fields": "h"}, {"headers": Headers().add("h", 3)}, ["h"], ["a", "b"],
     (3, 1, "x")),
    ({"column.naming": "upper", "fields.whitelist": "b"}, {}, [], ["B"], ("x",)),
    ({"field.exclude.list": "a"}, {}, [], ["b"], ("x",))])
@pytest.mark.parametrize("schema", [STRUCT, None])
def test_rows_have_the_key_first(config: dict[str, str], of: dict[str, object], keys: list[str], values: list[str],
                                 row: tuple[object, ...], schema: Schema | None) -> None:
    found = record({"a": 1, "b": "x"}, 9, schema=schema, **of)  # type: ignore[arg-type]
    shape = mapper(config).shape(found)
    assert columns(shape) == (keys, values)
    assert shape.decode(found) == (Action.WRITE, row)
    if config.get("pk.mode") != "record_header":
        assert shape.rows([found, found]) == [row, row]


@given(st.lists(st.dictionaries(NAMES, st.none() | st.integers(), min_size=1), min_size=1),
       st.sampled_from([{}, {"pk.mode": "kafka"}, {"pk.mode": "record_value", "pk.fields": "a"}]), st.booleans())
def test_the_fast_way_reads_what_the_exact_way_reads_or_refuses(values: list[dict[str, object]], config: dict[str, str],
                                                               with_schema: bool) -> None:
    schema = Schema.struct({name: Schema(Type.INT64, optional=True, default=None if name != "b" else 7)
                            for name in "abcd"}) if with_schema else None
    records = [record(value, place, schema=schema) for place, value in enumerate(values)]
    try:
        shape = mapper(config).shape(records[0])
        fast = shape.rows(records)
    except (MisfitError, DataError):
        return
    assert [(Action.WRITE, row) for row in fast] == [shape.decode(each) for each in records]


def test_a_map_with_other_keys_is_no_fit_and_has_a_shape_of_its_own() -> None:
    found = mapper()
    one, other = record({"a": 1, "b": 2}), record({"a": 1, "c": 2})
    with pytest.raises(MisfitError):
        found.shape(one).rows([one, other])
    assert found.shape(one) is not found.shape(other)
    assert found.shape(one) is found.shape(record({"a": 5, "b": None}))


def test_structs_share_a_shape_whatever_they_leave_out() -> None:
    found = mapper()
    assert found.shape(record({"a": 1}, schema=STRUCT)) is found.shape(record({"a": 1, "b": "x"}, schema=STRUCT))


def test_nulls_become_defaults_also_in_a_batch() -> None:
    records = [record({"a": 1, "b": "x"}, schema=STRUCT), record({"a": 2, "b": None}, schema=STRUCT)]
    found = mapper()
    with pytest.raises(MisfitError):
        found.shape(records[0]).rows(records)
    assert found.shape(records[1]).decode(records[1]) == (Action.WRITE, (2, "none"))
    assert mapper({"replace.null.with.default": "false"}).shape(records[0]).rows(records) == [(1, "x"), (2, None)]


def test_ever_new_keys_do_not_fill_the_memory() -> None:
    found = mapper()
    for number in range(3000):
        found.shape(record({f"key{number}": 1}))
    assert len(found._shapes) <= 1000


DELETES = {"pk.mode": "record_key", "pk.fields": "id", "insert.mode": "upsert", "delete.enabled": "true"}


def event(op: str, before: object = None, after: object = None, **more: object) -> SinkRecord:
    value = {"op": op, "before": before, "after": after, "source": {"table": "t", "schema": "s"}}
    return record(value, key={"id": 5}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("of", "action"), [
    (event("c", after={"id": 5, "v": 1}), (Action.WRITE, (5, 1))),
    (event("r", after={"id": 5, "v": 1}), (Action.WRITE, (5, 1))),
    (event("u", {"id": 5, "v": 0}, {"id": 5, "v": 1}), (Action.WRITE, (5, 1))),
    (event("d", {"id": 5, "v": 0}), (Action.DELETE, (5,))), (event("t"), (Action.SKIP, ())),
    (event("m"), (Action.SKIP, ())),
    (record(None, key={"id": 6}), (Action.DELETE, (6,)))])
def test_change_events_say_what_to_do(of: SinkRecord, action: tuple[Action, tuple[object, ...]]) -> None:
    found = mapper(DELETES)
    assert found.shape(of).decode(of) == action


def test_truncate_is_done_only_if_enabled() -> None:
    of = event("t").with_key(None)
    assert mapper({**DELETES, "truncate.enabled": "true"}).shape(of).decode(of) == (Action.TRUNCATE, ())


def test_news_of_a_changed_table_is_skipped() -> None:
    schema = Schema.struct({"ddl": Schema(Type.STRING)}, name="io.debezium.connector.postgresql.SchemaChangeValue")
    of = record({"ddl": "ALTER TABLE"}, schema=schema, key="k")
    assert mapper(DELETES).shape(of).decode(of) == (Action.SKIP, ())


def test_a_table_may_be_named_by_the_source_of_an_event() -> None:
    of = event("c", after={"id": 5})
    assert mapper({**DELETES,
                   "table.name.format": "${source.schema}.${source.table}"}).shape(of).table == TableName("t", "s")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(
                        ["op", "before", "after", "source", "schema", "payload", "id", "type"]) | st.text(), inner)),
       st.recursive(st.none() | st.integers() | st.text() | st.binary(),
                    lambda inner: st.lists(inner) | st.dictionaries(
           st.sampled_from(["id", "x"]), inner)), st.sampled_from([{}, DELETES, {"pk.mode": "record_value"}]))
def test_hostile_records_raise_nothing_but_data_error(value: object, key: object, config: dict[str, str]) -> None:
    of = record(value, key=key)
    try:
        shape = mapper(config).shape(of)
        shape.decode(of)
        shape.rows([of, of])
    except (DataError, MisfitError):
        return


@pytest.mark.parametrize(("values", "type_", "name"), [
    ([1, None], Type.INT64, None), ([1, 2.5], Type.FLOAT64, None), ([True], Type.BOOLEAN, None),
    (["x"], Type.STRING, None),
    ([1, "x"], Type.STRING, None), ([True, 1], Type.STRING, None), ([{}], Type.STRING, "io.debezium.data.Json"),
    ([[1], None, "x"], Type.STRING, "io.debezium.data.Json"), ([b"x"], Type.BYTES, None),
    ([2**70], Type.BYTES, "org.apache.kafka.connect.data.Decimal")])
def test_schemas_are_guessed_from_values(values: list[object], type_: Type, name: str | None) -> None:
    guessed = guess_schema(values)
    assert guessed is not None
    assert (guessed.type, guessed.name, guessed.optional) == (type_, name, True)


def test_nothing_is_guessed_from_nulls() -> None:
    assert guess_schema([None, None]) is None
