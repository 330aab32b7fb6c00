from __future__ import annotations

import math

import pytest

from connectrt.data.numbers import float32_text, float64_text, round_float32, wrap_integer
from connectrt.data.schema import Type


@pytest.mark.parametrize(("number", "text"), [
    (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (100.0, "100.0"), (0.001, "0.001"), (0.00099, "9.9E-4"),
    (9_999_999.0, "9999999.0"), (1e7, "1.0E7"), (12_345_678.9, "1.23456789E7"), (1e21, "1.0E21"), (5e-324, "4.9E-324"),
    (1.7976931348623157e308, "1.7976931348623157E308"), (-1.5, "-1.5"), (math.nan, "NaN"), (math.inf, "Infinity"),
    (-math.inf, "-Infinity")])
def test_float64_prints_as_in_java(number: float, text: str) -> None:
    assert float64_text(number) == text


@pytest.mark.parametrize(("number", "text"), [
    (0.1, "0.1"), (1e10, "1.0E10"), (16_777_216.0, "1.6777216E7"), (3.4028235e38, "3.4028235E38"), (1e-45, "1.4E-45"),
    (3.14159265358979, "3.1415927"), (1e39, "Infinity"), (math.nan, "NaN"), (123_456_789.123, "1.2345679E8")])
def test_float32_prints_as_in_java(number: float, text: str) -> None:
    assert float32_text(number) == text


@pytest.mark.parametrize(("type_", "number", "wrapped"), [
    (Type.INT8, 300, 44), (Type.INT8, -129, 127), (Type.INT16, 70_000, 4_464),
    (Type.INT32, 3_000_000_000, -1_294_967_296), (Type.INT64, 2**64 + 1, 1), (Type.INT64, 2**63, -(2**63)),
    (Type.INT32, 5, 5)])
def test_integer_wraps_as_in_java(type_: Type, number: int, wrapped: int) -> None:
    assert wrap_integer(type_, number) == wrapped


def test_number_beyond_single_precision_becomes_infinity_of_its_sign() -> None:
    assert [round_float32(number) for number in (1e39, -1e39, 16_777_217.0)] == [math.inf, -math.inf, 16_777_216.0]
