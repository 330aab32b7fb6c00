from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from connectrt.data.schema import FLOAT32, INT8, INT64, STRING, Schema
from connectrt.data.text import java_string, to_text
from connectrt.data.text_parser import parse_text

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(("value", "text"), [
    (None, None), ("plain", "plain"), (["a\"b\\", b"x", None], '["a\\"b\\\\","eA==",null]'), ({1: True}, "{1:true}"),
    (Decimal("1.50"), "1.50"), (time(1, 2, 3, 4_000), "01:02:03.004Z"), (date(2024, 2, 29), "2024-02-29"),
    (NOON, "2024-02-29T12:00:00.000Z"), (NOON.replace(hour=0), "2024-02-29"),
    (datetime(1969, 12, 31, 23), "23:00:00.000Z"), ([NOON], "[2024-02-29T12:00:00.000Z]")])
def test_value_has_the_header_text_that_java_writes(value: object, text: str | None) -> None:
    assert to_text(None, value) == text


def test_schema_tells_struct_from_map_and_float32_from_float64() -> None:
    schema = Schema.struct({"n": Schema(INT64.type, default=5), "f": FLOAT32, "s": STRING})
    value = {"s": "x", "f": 0.10000000149011612}
    assert to_text(schema, value) == '{"n":5,"f":0.1,"s":"x"}'
    assert java_string(schema, value) == "Struct{f=0.1,s=x}"
    assert java_string(None, value) == "{s=x, f=0.10000000149011612}"


def test_dates_have_the_text_of_java_util_date() -> None:
    assert java_string(None, [NOON, date(987, 1, 2), time(1, 2, 3)]) == (
        "[Thu Feb 29 12:00:00 UTC 2024, Tue Jan 02 00:00:00 UTC 0987, Thu Jan 01 01:02:03 UTC 1970]")


@pytest.mark.parametrize("text", ["0000-00-00", "24:00:00.000Z", "9999-12-32", "9999-12-31T24:00:00.000Z"])
def test_date_that_python_cannot_hold_stays_text(text: str) -> None:
    assert parse_text(text) == (STRING, text)


def test_number_beside_a_date_stays_a_number() -> None:
    """Java would turn it into a date."""
    read = parse_text("[2019-08-23,1]")
    assert read == (Schema.array(None), [date(2019, 8, 23), 1])


def test_blank_before_an_unfinished_list_is_all_that_java_keeps() -> None:
    assert parse_text(" [1") == (STRING, " ")


def test_last_of_equal_keys_wins() -> None:
    assert parse_text('{"a":1,"a":2}') == (Schema.map(STRING, INT8), {"a": 2})
