"""What holds of converters for every schema, value and byte string."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrt.converters.byte_array import ByteArrayConverter
from connectrt.converters.json import JsonConverter
from connectrt.converters.json.fast_reading import REFUSED, Exotic, compile_reader, decode_deep, decode_plain
from connectrt.converters.json.parser import parse
from connectrt.converters.json.reading import plain_value, read_value
from connectrt.converters.primitive import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from connectrt.converters.simple_header import SimpleHeaderConverter
from connectrt.converters.string import StringConverter
from connectrt.data.logical import DATE, TIME, TIMESTAMP, decimal_scale, decimal_schema
from connectrt.data.numbers import INTEGER_RANGES
from connectrt.data.schema import BOOLEAN, BYTES, FLOAT32, FLOAT64, STRING, Schema, Type
from connectrt.data.struct import hashable, validate_value
from connectrt.errors import DataError
from connectrt.sdk import DualConverter
from tests.vectors.codec import same_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
MILLISECOND = timedelta(milliseconds=1)
LEAVES = st.sampled_from([
    *(Schema(type_) for type_ in INTEGER_RANGES), BOOLEAN, STRING, BYTES, FLOAT32, FLOAT64, DATE, TIME, TIMESTAMP,
    decimal_schema(0), decimal_schema(2), decimal_schema(-3)])


def containers(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    structs = st.dictionaries(TEXT.filter(bool), inner, max_size=4).map(Schema.struct)
    return st.one_of(st.builds(Schema.array, inner), st.builds(Schema.map, inner, inner),
                     st.builds(Schema.map, st.just(STRING), inner), structs)


SCHEMAS = st.recursive(st.one_of(LEAVES, LEAVES.map(Schema.as_optional)), containers, max_leaves=6)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXT,
              st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=8)


def values_of(schema: Schema) -> st.SearchStrategy[Any]:
    strategy = required_values_of(schema)
    return st.one_of(st.none(), strategy) if schema.optional else strategy


def required_values_of(schema: Schema) -> st.SearchStrategy[Any]:
    if schema.name == DATE.name:
        return st.dates()
    if schema.name == TIME.name:
        return st.times().map(whole_milliseconds)
    if schema.name == TIMESTAMP.name:
        return st.datetimes(timezones=st.just(UTC)).map(whole_milliseconds)
    if schema.name is not None:
        return decimals_of(decimal_scale(schema))
    if schema.type in INTEGER_RANGES:
        return st.integers(*INTEGER_RANGES[schema.type])
    match schema.type:
        case Type.ARRAY if schema.value_schema:
            return st.lists(values_of(schema.value_schema), max_size=3)
        case Type.MAP if schema.key_schema and schema.value_schema:
            # Two keys of one value would be one key after the trip.
            keys = required_values_of(schema.key_schema).map(hashable)
            return st.dictionaries(keys, values_of(schema.value_schema), max_size=1)
        case Type.STRUCT:
            return st.fixed_dictionaries({name: values_of(field) for name, field in schema.fields})
        case Type.FLOAT32 | Type.FLOAT64:
            return st.floats(width=32 if schema.type is Type.FLOAT32 else 64, allow_nan=False, allow_infinity=False)
        case Type.BOOLEAN:
            return st.booleans()
        case Type.BYTES:
            return st.binary(max_size=8)
        case _:
            return TEXT


def whole_milliseconds(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def decimals_of(scale: int) -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**40), 10**40).map(lambda unscaled: Decimal(f"{unscaled}E{-scale}"))


def json_converter(**config: str) -> JsonConverter:
    converter = JsonConverter()
    converter.configure({name.replace("_", "."): value for name, value in config.items()}, is_key=False)
    return converter


@given(st.data(), SCHEMAS, st.sampled_from(["BASE64", "NUMERIC"]))
def test_json_with_schema_survives_the_trip(data: st.DataObject, schema: Schema, decimal_format: str) -> None:
    value = data.draw(values_of(schema))
    validate_value(schema, value)
    converter = json_converter(decimal_format=decimal_format)
    read = converter.to_connect_data("t", converter.from_connect_data("t", schema, value))
    assert read.schema == schema
    if decimal_format == "BASE64":
        assert same_value(schema, read.value, value)
    else:
        assert converter.from_connect_data("t", schema, read.value) == converter.from_connect_data("t", schema, value)


@given(PLAIN)
def test_json_without_schema_survives_the_trip(value: object) -> None:
    converter = json_converter(schemas_enable="false")
    data = converter.from_connect_data("t", None, value)
    assert converter.to_connect_data("t", data).value == value
    assert converter.to_connect_batch("t", [data, data])[1] == [value, value]


@given(st.data(), SCHEMAS)
def test_fast_reader_answers_as_the_exact_one_or_not_at_all(data: st.DataObject, schema: Schema) -> None:
    """The payload is one of this schema, or of another."""
    other = data.draw(st.one_of(st.just(schema), SCHEMAS))
    payload = json_converter(schemas_enable="false").from_connect_data("t", other, data.draw(values_of(other)))
    assert payload is not None
    try:
        fast = compile_reader(schema, replace_null=True)(payload)
    except REFUSED:
        return
    assert same_value(schema, fast, read_value(schema, parse(payload), replace_null=True))


@given(st.one_of(st.binary(max_size=30), PLAIN.map(lambda value: json_converter(
    schemas_enable="false").from_connect_data("t", None, [value]))))
def test_fast_plain_reader_answers_as_the_exact_one_or_not_at_all(payload: bytes) -> None:
    for read in (decode_plain, decode_deep):
        try:
            fast = read(payload)
        except (*REFUSED, Exotic):
            continue
        assert same_value(None, fast, plain_value(parse(payload)))


CONVERTERS: list[type[DualConverter]] = [
    JsonConverter, StringConverter, ByteArrayConverter, BooleanConverter, ShortConverter, IntegerConverter,
    LongConverter, FloatConverter, DoubleConverter]
#: Bytes that look like documents, and envelopes above all.
NOISE = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from([
    b"{", b"}", b"[", b"]", b":", b",", b'"schema"', b'"payload"', b'"type"', b'"struct"', b'"fields"', b'"field"',
    b'"int8"', b'"bytes"', b'"default"', b'"name"', b'"parameters"', b'"scale"', b"null", b"true", b"1", b"-1e9",
    b'"x"', b'"org.apache.kafka.connect.data.Decimal"', b"\xff", b"\\", b" ", b"1e999999999", b'"9999999999"',
]), max_size=20).map(b"".join))


@pytest.mark.parametrize("converter_class", CONVERTERS)
@pytest.mark.parametrize("config", [{}, {"schemas.enable": "false"}])
@given(data=NOISE)
def test_bytes_are_read_or_refused_with_data_error(
        converter_class: type[DualConverter], config: dict[str, str], data: bytes) -> None:
    converter = converter_class()
    converter.configure(config, is_key=False)
    try:
        converter.to_connect_data("t", data)
    except DataError:
        assert not converter.never_fails


@given(SCHEMAS, NOISE)
def test_any_payload_under_any_schema_is_read_or_refused_with_data_error(schema: Schema, payload: bytes) -> None:
    converter = json_converter()
    null = converter.from_connect_data("t", schema.as_optional(), None) or b""
    try:
        read = converter.to_connect_data("t", null.removesuffix(b"null}") + payload + b"}")
    except DataError:
        return
    assert read.schema is not None


@given(NOISE)
def test_every_header_is_read(data: bytes) -> None:
    SimpleHeaderConverter().to_connect_header("t", "h", data)


@given(TEXT, st.sampled_from(["UTF-8", "UTF-16", "UTF-16BE", "UTF-32"]))
def test_text_survives_the_trip(text: str, encoding: str) -> None:
    converter = StringConverter()
    converter.configure({"converter.encoding": encoding}, is_key=True)
    assert converter.to_connect_data("t", converter.from_connect_data("t", STRING, text)).value == text


@given(st.one_of(st.dates(), st.times(), st.just(date(1970, 1, 1)), st.just(time(0)), st.just(datetime(1, 1, 1))))
def test_dates_of_every_age_have_a_header_text(value: date | time) -> None:
    assert SimpleHeaderConverter().from_connect_header("t", "h", None, value)
