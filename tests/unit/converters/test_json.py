"""JsonConverter beyond the recorded cases: batches, caches, and what its errors tell."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectrt.converters.json import JsonConverter
from connectrt.data.logical import TIMESTAMP, decimal_schema
from connectrt.data.schema import FLOAT32, FLOAT64, INT32, INT64, OPTIONAL_STRING, STRING, Schema, Type
from connectrt.errors import ConfigErrors, DataError

ORDER = Schema.struct({"id": INT64, "note": OPTIONAL_STRING}, name="order")
ORDER_SCHEMA = (b'{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},'
                b'{"type":"string","optional":true,"field":"note"}],"optional":false,"name":"order"}')


def json_converter(*, is_key: bool = False, **config: str) -> JsonConverter:
    converter = JsonConverter()
    converter.configure({name.replace("_", "."): value for name, value in config.items()}, is_key)
    return converter


def envelope(payload: bytes, schema: bytes = ORDER_SCHEMA) -> bytes:
    return b'{"schema":' + schema + b',"payload":' + payload + b"}"


def nested(depth: int, innermost: bytes = b"1") -> bytes:
    return b"[" * depth + innermost + b"]" * depth


# Reading without schemas


def test_batch_answers_as_its_documents_one_by_one() -> None:
    converter = json_converter(schemas_enable="false")
    payloads = [b'{"a":1}', None, b"", b"01", b'{"a":1} trailing', b"18446744073709551617", nested(20), b"1e400",
                "{}".encode("utf-16"), b'{"a":1,"a":2}']
    schemas, values = converter.to_connect_batch("orders", payloads)
    assert list(schemas) == [None] * len(payloads)
    assert list(values) == [converter.to_connect_data("orders", data).value for data in payloads]
    assert values[4:6] == [{"a": 1}, 1]


@pytest.mark.parametrize("depth", [3, 4, 5, 6, 100])
def test_integers_wrap_to_64_bits_however_deep_they_lie(depth: int) -> None:
    converter = json_converter(schemas_enable="false")
    value: Any = converter.to_connect_data("orders", nested(depth, b"9223372036854775808")).value
    for _ in range(depth):
        (value,) = value
    assert value == -(2**63)


def test_document_nested_without_end_is_refused() -> None:
    with pytest.raises(DataError, match="value of orders is not JSON"):
        json_converter(schemas_enable="false").to_connect_data("orders", b"[" * 100_000)


def test_half_a_character_is_read_as_the_replacement_character() -> None:
    read = json_converter(schemas_enable="false").to_connect_data
    assert read("orders", rb'"a\ud800b"').value == "a\ufffdb"
    assert read("orders", rb'"\ud83d\ude00 \\ud800"').value == "\U0001f600 \\ud800"


def test_envelope_without_schemas_is_a_plain_value() -> None:
    value = json_converter(schemas_enable="false").to_connect_data("orders", envelope(b"1", b'{"type":"int8"}')).value
    assert value == {"schema": {"type": "int8"}, "payload": 1}


# Reading with schemas


def test_equal_schemas_are_one_schema_object() -> None:
    converter = json_converter()
    first = converter.to_connect_data("orders", envelope(b'{"id":1,"note":null}'))
    again = converter.to_connect_data("orders", envelope(b'{"id":2,"note":"x"}'))
    spaced = converter.to_connect_data("orders", envelope(b'{"id":3}', ORDER_SCHEMA.replace(b",", b" , ")))
    exact = converter.to_connect_data("orders", envelope(b'{"id":4}') + b" trailing")
    assert first.schema == ORDER
    assert first.schema is again.schema is spaced.schema is exact.schema
    assert (first.value, again.value, spaced.value) == (
        {"id": 1, "note": None}, {"id": 2, "note": "x"}, {"id": 3, "note": None})


def test_more_schemas_than_the_cache_holds_are_read_all_the_same() -> None:
    converter = json_converter(schemas_cache_size="2")
    for bits in ("8", "16", "32", "64", "8", "16"):
        data = envelope(b"7", b'{"type":"int%s"}' % bits.encode())
        assert converter.to_connect_data("orders", data) == (Schema(Type[f"INT{bits}"]), 7)


def test_batch_with_schemas_keeps_tombstones_in_place() -> None:
    schemas, values = json_converter().to_connect_batch("orders", [None, envelope(b'{"id":1,"note":null}'), None])
    assert list(schemas) == [None, ORDER, None]
    assert list(values) == [None, {"id": 1, "note": None}, None]


def test_numeric_decimal_keeps_every_digit() -> None:
    schema = (b'{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,'
              b'"parameters":{"scale":"20"}}')
    digits = "12345678901234567890.12345678901234567890"
    assert str(json_converter().to_connect_data("orders", envelope(digits.encode(), schema)).value) == digits


def test_decimal_of_a_thousand_digits_is_exact_both_ways() -> None:
    converter, schema = json_converter(), decimal_schema(500)
    value = Decimal("-" + "7" * 500 + "." + "3" * 500)
    assert converter.to_connect_data("t", converter.from_connect_data("t", schema, value)) == (schema, value)


# What errors tell


@pytest.mark.parametrize("role", ["key", "value"])
def test_plain_json_where_an_envelope_is_expected_names_the_line_to_change(role: str) -> None:
    with pytest.raises(DataError, match=rf"{role}\.converter\.schemas\.enable=false .*{role} of orders"):
        json_converter(is_key=role == "key").to_connect_data("orders", b'{"id":1}')


def test_what_is_not_json_names_the_place_and_the_cure() -> None:
    with pytest.raises(DataError, match=r"value of orders is not JSON at character 6: set value\.converter to"):
        json_converter(schemas_enable="false").to_connect_data("orders", b'{"id":x}')


def test_bytes_of_a_schema_registry_format_name_its_converter() -> None:
    with pytest.raises(DataError, match=r"begins with a zero byte.*set value\.converter=AvroConverter"):
        json_converter().to_connect_data("orders", b"\x00\x00\x00\x00\x07\x02ab")


def test_error_in_a_nested_field_names_the_way_to_it() -> None:
    schema = (b'{"type":"struct","fields":[{"type":"struct","field":"customer","fields":'
              b'[{"type":"int32","optional":false,"field":"id"}]}]}')
    with pytest.raises(DataError) as raised:
        json_converter().to_connect_data("orders", envelope(b'{"customer":{"id":null}}', schema))
    assert str(raised.value) == "Invalid null value for required INT32 field (field customer.id in value of orders)"


def test_errors_hold_no_values() -> None:
    secret = "hunter2"
    for data in (envelope(b'{"id":null,"note":"hunter2"}'), b'{"a":"hunter2"', b'"hunter2'):
        with pytest.raises(DataError) as raised:
            json_converter().to_connect_data("orders", data)
        assert secret not in str(raised.value)


def test_faults_of_the_config_are_reported_together() -> None:
    with pytest.raises(ConfigErrors) as raised:
        json_converter(schemas_enable="yes", decimal_format="HEX")
    assert len(raised.value.faults) == 2


# Writing


def test_struct_is_written_in_the_order_of_its_schema_with_absent_fields_as_null() -> None:
    write = json_converter(schemas_enable="false").from_connect_data
    assert write("orders", ORDER, {"note": "x", "id": 1}) == b'{"id":1,"note":"x"}'
    assert write("orders", ORDER, {"id": 1}) == b'{"id":1,"note":null}'


def test_field_that_the_schema_does_not_know_is_refused() -> None:
    with pytest.raises(DataError, match="idd is not a valid field name"):
        json_converter().from_connect_data("orders", ORDER, {"id": 1, "note": None, "idd": 2})


def test_integer_out_of_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"Invalid type for INT32: .*\(field n in value of orders\)"):
        json_converter().from_connect_data("orders", Schema.struct({"n": INT32}), {"n": 2**31})
    with pytest.raises(DataError, match="BigInteger"):
        json_converter(schemas_enable="false").from_connect_data("orders", None, {"n": 2**63})


def test_batch_of_several_schemas_and_tombstones_is_written_in_order() -> None:
    written = json_converter(schemas_enable="false").from_connect_batch(
        "orders", [ORDER, None, STRING, ORDER], [{"id": 1, "note": None}, None, "x", {"id": 2, "note": "y"}])
    assert written == [b'{"id":1,"note":null}', None, b'"x"', b'{"id":2,"note":"y"}']


@pytest.mark.parametrize(("schema", "value", "text"), [
    (None, {"price": 1e7}, b'{"price":1.0E7}'),
    (None, {"price": 9999999.0, "low": 0.001}, b'{"price":9999999.0,"low":0.001}'),
    (None, {"price": -1e-4}, b'{"price":-1.0E-4}'),
    (FLOAT64, float("-inf"), b'"-Infinity"'),
    (FLOAT32, 16777216.0, b"1.6777216E7"),
    (FLOAT32, 0.1, b"0.1"),
    (None, ["\U0001f600", "\x1f", "\\u001f"], rb'["\uD83D\uDE00","\u001F","\\u001f"]'),
])
def test_bytes_are_those_that_java_writes(schema: Schema | None, value: object, text: bytes) -> None:
    """Equal keys must have equal bytes, or they land in other partitions than Java's."""
    assert json_converter(schemas_enable="false").from_connect_data("orders", schema, value) == text


def test_half_a_character_cannot_be_written() -> None:
    with pytest.raises(DataError, match=r"lone surrogate.*value of orders"):
        json_converter(schemas_enable="false").from_connect_data("orders", None, {"a": "\ud800"})


def test_value_that_contains_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(DataError, match="nested too deep"):
        json_converter(schemas_enable="false").from_connect_data("orders", None, endless)


def test_timestamp_in_another_time_zone_is_written_in_utc() -> None:
    at = datetime.fromisoformat("2024-02-29T01:00:00+01:00")
    assert json_converter(schemas_enable="false").from_connect_data("t", TIMESTAMP, at) == b"1709164800000"
    assert at == datetime(2024, 2, 29, tzinfo=UTC)
