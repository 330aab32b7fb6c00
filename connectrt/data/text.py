"""Write values as text: the form of headers (`to_text`, Java: `Values.convertToString`) and Java's own `toString`.

Both take the schema only to know what Python does not tell: FLOAT32 from FLOAT64, a STRUCT's fields from a MAP's keys.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final

from connectrt.data.logical import (
    MS_PER_DAY,
    date_to_days,
    days_to_date,
    ms_to_time,
    ms_to_timestamp,
    time_to_ms,
    timestamp_to_ms,
)
from connectrt.data.numbers import float32_text, float64_text
from connectrt.data.schema import Schema, Type
from connectrt.data.struct import BYTES_TYPES

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def to_text(schema: Schema | None, value: object) -> str | None:
    """Write a header value: `text`, `1.5`, `[1,2]`, `{"a":1}`, `2019-08-23`; bytes as base64. None stays None.

    Dates follow Java's rule, which looks at the milliseconds only: up to one day after the epoch they are a time.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, BYTES_TYPES):
        return base64.b64encode(value).decode()
    return _nested_text(schema, value)


def _nested_text(schema: Schema | None, value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, BYTES_TYPES):
        return '"' + base64.b64encode(value).decode() + '"'
    if isinstance(value, list | tuple):
        return "[" + ",".join(_nested_text(*item) for item in _items(schema, value)) + "]"
    if isinstance(value, dict):
        entries = (f"{_nested_text(*key)}:{_nested_text(*item)}" for key, item in _entries(schema, value))
        return "{" + ",".join(entries) + "}"
    if isinstance(value, date | time):
        return _date_text(value)
    return _scalar_text(schema, value)


def java_string(schema: Schema | None, value: object) -> str:
    """Write a value as Java's `toString`: `[1, a]`, `{k=v}`, `Struct{id=1}`, `Sun Apr 14 00:00:00 UTC 2019`.

    Bytes, whose `toString` is a memory address, are written as base64.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, BYTES_TYPES):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(java_string(*pair) for pair in _items(schema, value)) + "]"
    if isinstance(value, dict) and schema is not None and schema.type is Type.STRUCT:
        fields = [f"{name}={java_string(field, value[name])}" for name, field in schema.fields
                  if value.get(name) is not None]
        return "Struct{" + ",".join(fields) + "}"
    if isinstance(value, dict):
        entries = (f"{java_string(*key)}={java_string(*item)}" for key, item in _entries(schema, value))
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, date | time):
        return _java_date_text(value)
    return _scalar_text(schema, value)


def _scalar_text(schema: Schema | None, value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float32_text(value) if schema is not None and schema.type is Type.FLOAT32 else float64_text(value)
    return str(value)  # int, and Decimal, whose text is the same in Java


_Pair = tuple[Schema | None, object]


def _items(schema: Schema | None, values: list[object] | tuple[object, ...]) -> Iterator[_Pair]:
    item_schema = None if schema is None else schema.value_schema
    return ((item_schema, value) for value in values)


def _entries(schema: Schema | None, value: dict[object, object]) -> Iterator[tuple[_Pair, _Pair]]:
    if schema is not None and schema.type is Type.STRUCT:
        for name, field in schema.fields:
            item = value.get(name)
            yield (None, name), (field, field.default if item is None else item)
        return
    key_schema, value_schema = (None, None) if schema is None else (schema.key_schema, schema.value_schema)
    for key, item in value.items():
        yield (key_schema, key), (value_schema, item)


def _milliseconds(value: date | time) -> int:
    """Since the epoch, as Java's `Date.getTime` would say of this value."""
    if isinstance(value, datetime):
        return timestamp_to_ms(value)
    return time_to_ms(value) if isinstance(value, time) else date_to_days(value) * MS_PER_DAY


def _date_text(value: date | time) -> str:
    ms = _milliseconds(value)
    if ms < MS_PER_DAY:
        return ms_to_time(ms % MS_PER_DAY).isoformat(timespec="milliseconds") + "Z"
    if ms % MS_PER_DAY == 0:
        return days_to_date(ms // MS_PER_DAY).isoformat()
    return ms_to_timestamp(ms).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _java_date_text(value: date | time) -> str:
    at = ms_to_timestamp(_milliseconds(value))
    return f"{_WEEKDAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day:02} {at:%H:%M:%S} UTC {at.year:04}"
