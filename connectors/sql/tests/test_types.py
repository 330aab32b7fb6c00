"""Encoders: what a column can hold arrives as psycopg or the server would write it; anything else is refused."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from connectrt_sql.dialects.base import Column, NotRepresentable
from connectrt_sql.dialects.postgresql.types import PgBinding, PgType, bind
from connectrt_sql.dialects.postgresql.values import Zone
from connectrt_sql.logical import Prepare, prepare_for
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.datetime import (
    DateBinaryDumper,
    DatetimeBinaryDumper,
    DatetimeNoTzBinaryDumper,
    TimeBinaryDumper,
)

from connectrt.sdk import Schema, Type

TYPES = ["bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bytea", "json", "jsonb",
         "uuid", "date", "time", "timestamp", "timestamptz", "interval", "inet", "xml"]
ANYTHING = (st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals()
            | st.dates() | st.times() | st.datetimes() | st.timedeltas() | st.uuids() | st.lists(st.integers())
            | st.dictionaries(st.text(), st.floats()))


def binding(typname: str, *, zone: str = "UTC", shift: bool = False, prepare: Prepare | None = None,
            is_array: bool = False, is_enum: bool = False) -> PgBinding:
    column = Column(name="c", type=PgType(0, typname, typname, is_array, is_enum), type_text=typname, nullable=True,
                    has_default=False)
    return bind(column, prepare, Zone(ZoneInfo(zone), shift))


def encode(typname: str, value: object, **how: Any) -> object:
    return binding(typname, **how).encode(value)


def integer(data: object) -> int:
    assert isinstance(data, bytes)
    return int.from_bytes(data, "big", signed=True)


@pytest.mark.parametrize(("typname", "value", "data"), [
    ("bool", True, b"\1"), ("bool", "false", b"\0"), ("bool", 1, b"\1"), ("bool", "Yes", b"\1"),
    ("int2", -1, b"\xff\xff"), ("int4", "7", struct.pack(">i", 7)), ("int8", 2.0, struct.pack(">q", 2)),
    ("int8", Decimal("3.00"), struct.pack(">q", 3)), ("float4", 1.5, struct.pack(">f", 1.5)),
    ("float8", "1e3", struct.pack(">d", 1000)), ("float8", 2**70, struct.pack(">d", 2.0**70)),
    ("text", 1.5, b"1.5"), ("text", True, b"true"), ("text", date(2024, 1, 2), b"2024-01-02"),
    ("varchar", UUID(int=1), b"00000000-0000-0000-0000-000000000001"), ("bytea", "\\x00ff", b"\0\xff"),
    ("bytea", bytearray(b"a"), b"a"), ("json", '{"a": 1}', b'{"a": 1}'),
    ("json", {"a": Decimal("1.10")}, b'{"a":1.10}'),
    ("jsonb", [1, None], b"\1[1,null]"), ("jsonb", 5, b"\x015"), ("jsonb", b"{}", b"\1{}"),
    ("uuid", "{00000000-0000-0000-0000-00000000000a}", UUID(int=10).bytes),
    ("uuid", UUID(int=3).bytes, UUID(int=3).bytes),
    ("interval", timedelta(days=1, microseconds=5), b"86400000005 microseconds"), ("interval", 7, b"7 microseconds"),
    ("interval", "1 day", b"1 day"), ("inet", "10.0.0.1", b"10.0.0.1"), ("xml", "<a/>", b"<a/>")])
def test_values_become_the_columns_binary_format(typname: str, value: object, data: bytes) -> None:
    assert encode(typname, value) == data


@pytest.mark.parametrize(("typname", "value"), [
    ("bool", "maybe"), ("bool", 2), ("bool", []), ("int2", 2**15), ("int4", 2**31), ("int4", -(2**31) - 1),
    ("int8", 2**63),
    ("int4", 1.5), ("int4", math.inf), ("int4", math.nan), ("int4", "x"), ("int4", None.__class__), ("int4", b"1"),
    ("float4", 1e300), ("float8", 10**400), ("float8", "x"), ("float8", [1]), ("numeric", "x"), ("numeric", []),
    ("text", "a\0b"), ("text", "\ud800"), ("text", b"x"), ("text", {}), ("text", [1]), ("bytea", "plain"), ("bytea", 5),
    ("uuid", "x"), ("uuid", b"short"), ("date", "yesterday"), ("date", 10**9), ("date", True), ("time", "25:00"),
    ("time", 86_400_000), ("timestamp", "now"), ("timestamp", 1e300), ("timestamptz", True),
    ("timestamptz", "2024-13-01"),
    ("json", {"a": object()}), ("interval", b"x"), ("inet", {})])
def test_what_a_column_cannot_hold_is_refused_without_its_value(typname: str, value: object) -> None:
    with pytest.raises(NotRepresentable) as caught:
        encode(typname, value)
    assert not isinstance(value, str) or value not in str(caught.value).split("type")[0] or value in "xa"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.sampled_from(TYPES), ANYTHING)
def test_no_value_makes_an_encoder_raise_anything_else(typname: str, value: object) -> None:
    for how in ({}, {"is_array": True}, {"is_enum": True}):
        found = binding(typname, **how)
        for function in (found.encode, found.identity):
            try:
                function(value)
            except NotRepresentable:
                continue


@given(st.integers(), st.sampled_from([("int2", 16), ("int4", 32), ("int8", 64)]))
def test_integers_arrive_whole_or_not_at_all(value: int, of: tuple[str, int]) -> None:
    typname, bits = of
    fits = -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
    try:
        assert integer(encode(typname, value)) == value
        assert fits
    except NotRepresentable:
        assert not fits
    wire = binding(typname).wire
    if wire.native_takes is not None:
        assert wire.native_takes([value]) == wire.native_takes([None, value]) == fits


@pytest.mark.parametrize(("column", "takes"), [
    ([True, None, False], True), ([1], False), (["true"], False), ([], True), ([None], True)])
def test_booleans_go_the_fast_way_only_if_they_are_booleans(column: list[object], takes: bool) -> None:
    check = binding("bool").wire.native_takes
    assert check is not None
    assert check(column) is takes


def test_a_column_of_nulls_goes_the_fast_way() -> None:
    check = binding("int4").wire.native_takes
    assert check is not None
    assert check([None, None])


def dumped(dumper: Callable[..., Any], value: object) -> bytes:
    return bytes(dumper(type(value)).dump(value))


@given(st.datetimes(), st.integers(-14, 14))
def test_points_in_time_are_written_as_psycopg_does(value: datetime, hours: int) -> None:
    aware = value.replace(tzinfo=timezone(timedelta(hours=hours)))
    naive = value.replace(tzinfo=None)
    assert encode("timestamptz", aware) == dumped(DatetimeBinaryDumper, aware)
    try:
        utc = aware.astimezone(UTC)
    except OverflowError:
        return
    assert encode("timestamp", aware) == dumped(DatetimeNoTzBinaryDumper, utc.replace(tzinfo=None))
    assert encode("timestamp", naive.isoformat()) == dumped(DatetimeNoTzBinaryDumper, naive)


@given(st.dates(), st.times())
def test_dates_and_times_are_written_as_psycopg_does(day: date, moment: time) -> None:
    assert encode("date", day) == encode("date", day.isoformat()) == dumped(DateBinaryDumper, day)
    assert encode("time", moment) == encode("time", moment.isoformat()) == dumped(TimeBinaryDumper, moment)


def at(text: str) -> int:
    """Microseconds since 2000-01-01, as PostgreSQL counts."""
    since = datetime.fromisoformat(text) - datetime(2000, 1, 1)
    return since // timedelta(microseconds=1)


@pytest.mark.parametrize(("value", "local"), [
    (datetime(2024, 7, 1, 12, tzinfo=UTC), "2024-07-01T14:00"),
    (datetime(2024, 1, 1, 12, tzinfo=UTC), "2024-01-01T13:00"),
    (datetime(2024, 3, 31, 1, tzinfo=UTC), "2024-03-31T03:00"),  # the hour from 2 to 3 does not exist that day
    (datetime(1960, 1, 1, tzinfo=UTC), "1960-01-01T01:00"), (-1, "1970-01-01T00:59:59.999"),
    ("2024-07-01T12:00:00Z", "2024-07-01T14:00"), ("2024-07-01T12:00:00", "2024-07-01T12:00"),
    (1_719_835_200_000, "2024-07-01T14:00")])
def test_columns_without_a_zone_get_the_wall_time_of_db_timezone(value: object, local: str) -> None:
    assert integer(encode("timestamp", value, zone="Europe/Berlin")) == at(local)


def test_a_number_in_a_column_for_points_in_time_is_milliseconds() -> None:
    assert integer(encode("timestamptz", 1500)) == at("1970-01-01T00:00:01.500")
    assert integer(encode("timestamptz", -1500)) == at("1969-12-31T23:59:58.500")


def test_dates_have_no_zone_unless_the_old_shift_is_asked_for() -> None:
    day = date(2024, 7, 1)
    assert encode("date", day, zone="America/New_York") == encode("date", day)
    assert encode("date", day, zone="America/New_York", shift=True) == encode("date", date(2024, 6, 30))


@pytest.mark.parametrize(("value", "text"), [
    ([1, None, -2], '{"1",NULL,"-2"}'), ([], "{}"),
    (["a\"b", "c\\d", "NULL", "{,}"], '{"a\\"b","c\\\\d","NULL","{,}"}'),
    ([[1, 2], [3, 4]], '{{"1","2"},{"3","4"}}'), ([True, 1.5, b"\xff"], '{"true","1.5","\\\\xff"}'),
    ([{"a": 1}], '{"{\\"a\\":1}"}'), ("{1,2}", "{1,2}")])
def test_arrays_are_written_as_text(value: object, text: str) -> None:
    assert encode("int4[]", value, is_array=True) == text.encode()


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("time.Date", 19_723, date(2024, 1, 1)), ("time.Time", 1, time(0, 0, 0, 1000)),
    ("time.MicroTime", 5, time(0, 0, 0, 5)), ("time.NanoTime", 5999, time(0, 0, 0, 5)),
    ("time.Timestamp", 1, datetime(1970, 1, 1, 0, 0, 0, 1000, UTC)),
    ("time.MicroTimestamp", -1, datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)),
    ("time.NanoTimestamp", 1_999, datetime(1970, 1, 1, 0, 0, 0, 1, UTC)),
    ("data.VariableScaleDecimal", {"scale": 2, "value": b"\xff"}, Decimal("-0.01")),
    ("data.VariableScaleDecimal", {"scale": 40, "value": b"\1"}, Decimal("1e-40"))])
def test_logical_types_of_debezium_become_plain_values(name: str, value: object, expected: object) -> None:
    prepare = prepare_for(Schema(Type.INT64, name="io.debezium." + name), timestamp=False, nanoseconds=False)
    assert prepare is not None
    assert prepare(value) == expected


def test_bits_of_debezium_begin_with_the_lowest_byte_and_keep_their_length() -> None:
    schema = Schema(Type.BYTES, name="io.debezium.data.Bits", parameters={"length": "12"})
    prepare = prepare_for(schema, timestamp=False, nanoseconds=False)
    assert prepare is not None
    assert prepare(b"\x01\x08") == "100000000001"


@pytest.mark.parametrize(("value", "nanoseconds", "local"), [
    (1_000_001, False, "1970-01-01T00:00:01.000001"), ("1000001", False, "1970-01-01T00:00:01.000001"),
    (1_000_001_999, True, "1970-01-01T00:00:01.000001")])
def test_listed_fields_are_points_in_time(value: object, nanoseconds: bool, local: str) -> None:
    prepare = prepare_for(Schema(Type.INT64), timestamp=True, nanoseconds=nanoseconds)
    assert integer(encode("timestamp", value, prepare=prepare)) == at(local)


@pytest.mark.parametrize("value", ["x", None.__class__, {}, 2**80, 10**30])
def test_a_value_that_does_not_follow_its_logical_type_is_refused(value: object) -> None:
    for name in ("time.Date", "time.MicroTime", "time.MicroTimestamp", "data.VariableScaleDecimal"):
        prepare = prepare_for(Schema(Type.INT64, name="io.debezium." + name), timestamp=False, nanoseconds=False)
        with pytest.raises(NotRepresentable):
            encode("timestamp", value, prepare=prepare)


@pytest.mark.parametrize(("typname", "one", "other"), [
    ("int8", 5, "5"), ("numeric", Decimal("1.0"), "1.00"), ("bpchar", "a", "a  "), ("citext", "Ab", "aB"),
    ("uuid", UUID(int=7), str(UUID(int=7))), ("timestamptz", "2024-01-01T00:00Z", "2024-01-01T01:00+01:00")])
def test_values_the_database_takes_for_one_key_have_one_identity(typname: str, one: object, other: object) -> None:
    found = binding(typname)
    assert found.identity(one) == found.identity(other)
