from __future__ import annotations

import pytest

from connectrt.data.schema import BOOLEAN, FLOAT64, INT8, INT32, OPTIONAL_STRING, STRING, Schema
from connectrt.data.struct import field_value, hashable, java_class, looks_like_envelope, validate_value
from connectrt.errors import DataError

ORDER = Schema.struct({"id": INT32, "lines": Schema.array(Schema.struct({"sku": STRING, "note": OPTIONAL_STRING}))})


def test_struct_is_checked_down_to_its_last_field() -> None:
    validate_value(ORDER, {"id": 1, "lines": [{"sku": "a"}, {"sku": "b", "note": None}]})
    with pytest.raises(DataError, match='null used for required field: "sku", schema type: STRING'):
        validate_value(ORDER, {"id": 1, "lines": [{"note": "x"}]})


def test_field_that_the_schema_does_not_know_is_refused() -> None:
    with pytest.raises(DataError, match="idd is not a valid field name"):
        validate_value(ORDER, {"id": 1, "lines": [], "idd": 1})


@pytest.mark.parametrize(("schema", "value"), [
    (INT8, 128), (INT8, -129), (INT8, True), (BOOLEAN, 1), (FLOAT64, 1), (INT32, 1.0), (STRING, b"x"), (INT32, "1")])
def test_python_types_are_not_mixed_up(schema: Schema, value: object) -> None:
    with pytest.raises(DataError, match=f"with type {schema.type}: class "):
        validate_value(schema, value)


def test_null_field_is_read_as_its_default() -> None:
    schema = Schema.struct({"n": Schema(INT32.type, default=7), "o": OPTIONAL_STRING})
    assert [field_value(schema, {"n": None}, name) for name in ("n", "o")] == [7, None]
    with pytest.raises(DataError, match="x is not a valid field name"):
        field_value(schema, {}, "x")


def test_lists_and_dicts_can_be_keys_of_a_map() -> None:
    keys = [hashable([1, [2]]), hashable({"a": [1], "b": {"c": None}})]
    assert keys == [(1, (2,)), {"a": (1,), "b": {"c": None}}]
    assert dict.fromkeys(keys, "x")[hashable({"b": {"c": None}, "a": [1]})] == "x"


def test_java_calls_python_types_by_these_names() -> None:
    assert [java_class(value) for value in (1, 2**63, True, b"", {1})] == [
        "class java.lang.Long", "class java.math.BigInteger", "class java.lang.Boolean", "class [B",
        "class builtins.set"]


@pytest.mark.parametrize(("value", "expected"), [
    ({"schema": {"type": "int8"}, "payload": 1}, True), ({"payload": None, "schema": {"type": "struct"}}, True),
    ({"schema": None, "payload": 1}, False), ({"schema": {"type": 1}, "payload": 1}, False), ({"schema": {}}, False),
    ({"schema": {"type": "int8"}, "payload": 1, "more": 2}, False), ([1], False), (None, False)])
def test_envelope_is_told_from_other_values(value: object, expected: bool) -> None:
    assert looks_like_envelope(value) is expected
