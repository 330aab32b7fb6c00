"""Read values from header text. Java: `Values.parseString`, its quirks included.

Invariant: `parse_text` returns for every text, in time linear in its length; what is no value of another type is a
STRING. Dates, times and nesting beyond what Python holds stay STRING too, where Java goes on.

The text is cut into tokens once: each delimiter is one, whatever lies between two is another. Java's parser looks at
tokens only, so it drops blanks between delimiters, inside quotes too, and whatever follows a complete value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from connectrt.data.logical import (
    DATE,
    MS_PER_DAY,
    TIME,
    TIMESTAMP,
    days_to_date,
    decimal_schema,
    ms_to_time,
    ms_to_timestamp,
)
from connectrt.data.numbers import INTEGER_RANGES, round_float32
from connectrt.data.schema import BOOLEAN, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, STRING, Schema, SchemaAndValue
from connectrt.data.struct import hashable
from connectrt.errors import DataError

#: A text that begins with none of these is a STRING without further ado.
_MAYBE_NO_STRING: Final = re.compile(r"[\d+\-\[{tfn\x00-\x20]")
_TOKEN: Final = re.compile(r'[:,{}\[\]"]|(?:[^\\:,{}\[\]"]|\\.?)+', re.DOTALL)
#: What Java's `String.trim` takes off.
_BLANKS: Final = "".join(map(chr, range(0x21)))
_MAX_DEPTH: Final = 200
_MAX_EXPONENT: Final = 2**31 - 1

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?0*(\d{1,10}))?")
_SHORT_INTEGER: Final = re.compile(r"[+-]?\d{1,18}")
_FIELD: Final = r"[ \t]*(-?\d+)"
_DAY: Final = f"{_FIELD}-{_FIELD}-{_FIELD}"
_CLOCK: Final = rf"{_FIELD}:{_FIELD}:{_FIELD}\.{_FIELD}Z"

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_WIDENING: Final = (INT8, INT16, INT32, INT64, FLOAT32, FLOAT64)
_INTEGERS: Final = [(schema, INTEGER_RANGES[schema.type]) for schema in (INT8, INT16, INT32, INT64)]
_LITERALS: Final = {"null": None, "true": SchemaAndValue(BOOLEAN, True), "false": SchemaAndValue(BOOLEAN, False)}


class _NoValue(Exception):
    """The tokens at hand are no array, map or embedded value."""


def parse_text(text: str) -> SchemaAndValue | None:
    """Return the value a text stands for, of the smallest type that holds it; None for `null`. Never raises."""
    if not text or not _MAYBE_NO_STRING.match(text):
        return SchemaAndValue(STRING, text)
    return _Parser(text).value(embedded=False)


class _Parser:
    """The tokens of one text and how far they are read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = _TOKEN.findall(text)
        self._trimmed = [token.strip(_BLANKS) for token in self._tokens]
        self._at = 0
        self._depth = 0

    def _has_next(self) -> bool:
        return self._at < len(self._tokens)

    def _peek(self) -> str | None:
        """Step over blank tokens, but not the last token, and return the next one trimmed."""
        last = len(self._tokens) - 1
        while self._at < last and not self._trimmed[self._at]:
            self._at += 1
        return self._trimmed[self._at] if self._at <= last else None

    def _take(self, expected: str) -> bool:
        taken = self._peek() == expected
        self._at += taken
        return taken

    def value(self, *, embedded: bool) -> SchemaAndValue | None:
        """Read the next value; None for null, and at the end. Raises _NoValue if an embedded one is a bare word."""
        if not self._has_next():
            return None
        start = self._at
        token = self._peek()
        if not token:
            return SchemaAndValue(STRING, self._next())
        if embedded:
            start = self._at
            if self._take('"'):
                return self._quoted()
        if token in _LITERALS and (embedded or self._at + 1 == len(self._tokens)):
            self._at += 1
            return _LITERALS[token]
        try:
            if self._take("["):
                return self._nested(self._array)
            if self._take("{"):
                return self._nested(self._map)
        except _NoValue:
            self._at = start  # before the blanks: at the top level they are all that is left of the text then
        token = self._next()
        trimmed = token.strip(_BLANKS)
        return self._scalar(trimmed, embedded=embedded) if trimmed else SchemaAndValue(STRING, token)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _scalar(self, token: str, *, embedded: bool) -> SchemaAndValue:
        starts_with_digit = token[0].isdecimal()
        if starts_with_digit and (temporal := self._temporal(token)):
            return temporal
        if (starts_with_digit or token[0] in "+-") and (number := _number(token)):
            return number
        if embedded:
            raise _NoValue
        return SchemaAndValue(STRING, self._text)

    def _temporal(self, token: str) -> SchemaAndValue | None:
        """A time spreads over five tokens, because its colons are delimiters."""
        following = self._tokens[self._at:self._at + 4]
        if len(following) == 4 and (temporal := _temporal("".join((token, *following)))):
            self._at += 4
            return temporal
        return _temporal(token)

    def _quoted(self) -> SchemaAndValue:
        parts = []
        while self._has_next() and not self._take('"'):
            parts.append(self._next())
        text = "".join(parts)
        return _temporal(text) or SchemaAndValue(STRING, text)

    def _nested(self, read: Callable[[], SchemaAndValue]) -> SchemaAndValue:
        if self._depth == _MAX_DEPTH:
            raise _NoValue
        self._depth += 1
        try:
            return read()
        finally:
            self._depth -= 1

    def _array(self) -> SchemaAndValue:
        items: list[object] = []
        merged = _MergedSchema()
        while self._has_next():
            if self._take("]"):
                return SchemaAndValue(Schema.array(merged.schema), [merged.aligned(item) for item in items])
            if self._take(","):
                raise _NoValue
            item = self.value(embedded=True)
            merged.add(item)
            items.append(None if item is None else item.value)
            start = self._at
            if self._take("]"):
                self._at = start
            elif not self._take(","):
                raise _NoValue
        raise _NoValue

    def _map(self) -> SchemaAndValue:
        entries: dict[object, object] = {}
        keys, values = _MergedSchema(), _MergedSchema()
        while self._has_next():
            if self._take("}"):
                if keys.schema is None:
                    return SchemaAndValue(Schema.map(None, None), entries)
                aligned = {keys.aligned(key): values.aligned(item) for key, item in entries.items()}
                return SchemaAndValue(Schema.map(keys.schema, values.schema), aligned)
            if self._take(","):
                raise _NoValue
            key = self.value(embedded=True)
            if key is None or key.value is None or not self._take(":"):
                raise _NoValue
            item = self.value(embedded=True)
            entries[hashable(key.value)] = None if item is None else item.value
            self._take(",")
            keys.add(key)
            values.add(item)
        raise _NoValue


class _MergedSchema:
    """The one schema that describes all items of an array or map: equal types, or numbers made as wide as needed."""

    def __init__(self) -> None:
        self.schema: Schema | None = None
        self._compatible = True

    def add(self, item: SchemaAndValue | None) -> None:
        if item is None or item.schema is None or not self._compatible:
            return
        self.schema = item.schema if self.schema is None else _common(self.schema, item.schema)
        self._compatible = self.schema is not None

    def aligned(self, value: object) -> object:
        if self.schema is None:
            return value
        if value is None:
            raise _NoValue
        if isinstance(value, int) and self.schema in (FLOAT32, FLOAT64):
            return round_float32(float(value)) if self.schema is FLOAT32 else float(value)
        return value


def _common(one: Schema, other: Schema) -> Schema | None:
    if one.type is other.type and one.name == other.name:
        return other
    if one in _WIDENING and other in _WIDENING:
        return max(one, other, key=_WIDENING.index)
    return None


def _number(text: str) -> SchemaAndValue | None:
    if _SHORT_INTEGER.fullmatch(text):
        return _smallest_integer(int(text))
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    number = Decimal(text)
    exponent = int(number.as_tuple().exponent)
    if max(abs(exponent), int(found[1] or 0)) > _MAX_EXPONENT:
        return None
    if -(2**63) <= number < 2**63 and number == number.to_integral_value():
        return _smallest_integer(int(number))
    as_float = float(number)
    single = round_float32(as_float)
    if exponent and math.isfinite(single):
        return SchemaAndValue(FLOAT32, single)
    if exponent and math.isfinite(as_float):
        return SchemaAndValue(FLOAT64, as_float)
    return SchemaAndValue(decimal_schema(-exponent), number)


def _smallest_integer(number: int) -> SchemaAndValue:
    return next(SchemaAndValue(schema, number) for schema, (low, high) in _INTEGERS if low <= number <= high)


def _temporal(text: str) -> SchemaAndValue | None:
    """Read a date, time or timestamp of exactly Java's lengths; fields roll over: month 13 is next year's January."""
    text = text.replace("\\:", ":")
    read = _TEMPORALS.get(len(text))
    if read is None:
        return None
    schema, pattern, convert = read
    found = pattern.match(text)
    if found is None:
        return None
    try:
        return SchemaAndValue(schema, convert(*map(int, found.groups())))
    except (DataError, OverflowError, ValueError):
        return SchemaAndValue(STRING, text)


def _days(year: int, month: int, day: int) -> int:
    years, months = divmod(month - 1, 12)
    return (date(year + years, months + 1, 1) + timedelta(days=day - 1)).toordinal() - _EPOCH_DAY


def _milliseconds(hour: int, minute: int, second: int, millisecond: int) -> int:
    return ((hour * 60 + minute) * 60 + second) * 1000 + millisecond


def _date(year: int, month: int, day: int) -> date:
    return days_to_date(_days(year, month, day))


def _time(*clock: int) -> time:
    return ms_to_time(_milliseconds(*clock))


def _timestamp(year: int, month: int, day: int, *clock: int) -> datetime:
    return ms_to_timestamp(_days(year, month, day) * MS_PER_DAY + _milliseconds(*clock))


_TEMPORALS: Final[Mapping[int, tuple[Schema, re.Pattern[str], Callable[..., object]]]] = {
    len("yyyy-MM-dd"): (DATE, re.compile(_DAY), _date),
    len("HH:mm:ss.SSSZ"): (TIME, re.compile(_CLOCK), _time),
    len("yyyy-MM-ddTHH:mm:ss.SSSZ"): (TIMESTAMP, re.compile(f"{_DAY}T{_CLOCK}"), _timestamp),
}
