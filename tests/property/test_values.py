"""What holds of numbers, logical values and header text, whatever they are."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectrt.data.logical import DATE, TIME, TIMESTAMP, decimal_schema, from_base, to_base
from connectrt.data.numbers import INTEGER_RANGES, float32_text, float64_text, round_float32, wrap_integer
from connectrt.data.schema import Schema, Type
from connectrt.data.struct import hashable, validate_value
from connectrt.data.text import java_string, to_text
from connectrt.data.text_parser import parse_text

NESTED = st.recursive(
    st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8)
HOSTILE = st.one_of(st.text(), st.lists(st.sampled_from([
    *'[]{}:,"\\ -+.eE', "null", "true", "1", "2019-08-23", "14:34:54.346Z", "9" * 30, "\x00", "é",
]), max_size=30).map("".join))


@given(HOSTILE)
def test_every_text_is_some_value_of_its_own_schema(text: str) -> None:
    read = parse_text(text)
    if read is not None and read.schema is not None and read.value is not None:
        validate_lenient(read.schema, read.value)


def validate_lenient(schema: Schema, value: object) -> None:
    """As `validate_value`; but the last of several inner schemas stands for all, so what is inside is not checked."""
    if schema.type in (Type.ARRAY, Type.MAP):
        assert isinstance(value, list | dict)
    else:
        validate_value(schema, value)


@given(NESTED)
def test_text_of_any_value_can_be_written_and_read(value: object) -> None:
    text = to_text(None, value)
    assert text is not None
    parse_text(text)
    assert isinstance(java_string(None, value), str)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
def test_list_of_integers_survives_its_text(values: list[int]) -> None:
    text = to_text(None, values)
    assert text is not None
    read = parse_text(text)
    assert read is not None
    assert read.value == values


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_text_is_the_same_number(number: float) -> None:
    assert float(float64_text(number)) == number


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_text_is_the_same_single_precision_number(number: float) -> None:
    assert round_float32(float(float32_text(number))) == number
    assert len(float32_text(number).strip("-").replace(".", "").partition("E")[0].strip("0")) <= 9


@given(st.floats())
def test_single_precision_once_is_single_precision_twice(number: float) -> None:
    once = round_float32(number)
    assert round_float32(once) == once or math.isnan(once)


@given(st.sampled_from(list(INTEGER_RANGES)), st.integers())
def test_wrapping_keeps_the_low_bits(type_: Type, number: int) -> None:
    low, high = INTEGER_RANGES[type_]
    wrapped = wrap_integer(type_, number)
    assert low <= wrapped <= high
    assert (wrapped - number) % (high - low + 1) == 0


@given(st.integers(), st.integers(-50, 50))
def test_decimal_survives_its_bytes(unscaled: int, scale: int) -> None:
    schema, value = decimal_schema(scale), Decimal(f"{unscaled}E{-scale}")
    base = to_base(schema, value)
    assert isinstance(base, bytes)
    assert len(base) == (8 + (unscaled if unscaled >= 0 else ~unscaled).bit_length()) // 8
    read = from_base(schema, base)
    assert isinstance(read, Decimal)
    assert read.as_tuple() == value.as_tuple()


@given(st.dates(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_dates_and_times_survive_their_numbers_to_the_millisecond(day: date, clock: time, moment: datetime) -> None:
    assert from_base(DATE, to_base(DATE, day)) == day
    for schema, value in ((TIME, clock), (TIMESTAMP, moment)):
        assert from_base(schema, to_base(schema, value)) == value.replace(microsecond=value.microsecond // 1000 * 1000)


@given(NESTED)
def test_hashable_form_is_equal_and_has_a_hash(value: object) -> None:
    frozen = hashable(value)
    assert hash(frozen) == hash(hashable(value))
    assert frozen == hashable(value)
    assert java_string(None, frozen) == java_string(None, value)
