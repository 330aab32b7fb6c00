"""Turn what Debezium and `timestamp.fields.list` put into records into plain Python values.

Connect's own logical types arrive as Decimal, date, time and datetime already; these arrive as numbers and texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Final, cast

from connectrt.sdk import Schema, Type

Prepare = Callable[[object], object]

JSON_NAME: Final = "io.debezium.data.Json"
_TIME: Final = "io.debezium.time."
_DATA: Final = "io.debezium.data."

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def prepare_for(schema: Schema | None, *, timestamp: bool, nanoseconds: bool) -> Prepare | None:
    """Return what turns a value of this schema into a plain Python value; None: it is one.

    `timestamp`: the field is in timestamp.fields.list, counted in nanoseconds or microseconds. The functions raise
    OverflowError, ValueError, TypeError or KeyError for values that do not follow their schema.
    """
    if timestamp:
        return _from_nanoseconds if nanoseconds else _from_microseconds
    if schema is None or schema.name is None:
        return None
    if schema.name == _DATA + "Bits":
        length = int((schema.parameters or {}).get("length", 0))
        return lambda value: _bits(value, length)
    return _BY_NAME.get(schema.name)


def _number(value: object) -> int:
    return int(cast(int | str, value))


def _from_milliseconds(value: object) -> datetime:
    return _EPOCH + timedelta(milliseconds=_number(value))


def _from_microseconds(value: object) -> datetime:
    return _EPOCH + timedelta(microseconds=_number(value))


def _from_nanoseconds(value: object) -> datetime:
    return _EPOCH + timedelta(microseconds=_number(value) // 1000)


def _time_of(microseconds: int) -> time:
    if not 0 <= microseconds < 86_400_000_000:
        raise ValueError("not within a day")
    return (datetime.min + timedelta(microseconds=microseconds)).time()


def _decimal(value: object) -> Decimal:
    fields = cast(Mapping[str, object], value)
    unscaled = int.from_bytes(cast(bytes, fields["value"]), "big", signed=True)
    return Decimal(unscaled).scaleb(-_number(fields["scale"]), _EXACT)


def _bits(value: object, length: int) -> str:
    """Debezium's Bits: the first byte holds the lowest bits."""
    return f"{int.from_bytes(cast(bytes, value), 'little'):b}".zfill(length)


_BY_NAME: Final[Mapping[str, Prepare]] = {
    _TIME + "Date": lambda value: date.fromordinal(_EPOCH_DAY + _number(value)),
    _TIME + "Time": lambda value: _time_of(_number(value) * 1000),
    _TIME + "MicroTime": lambda value: _time_of(_number(value)),
    _TIME + "NanoTime": lambda value: _time_of(_number(value) // 1000),
    _TIME + "Timestamp": _from_milliseconds,
    _TIME + "MicroTimestamp": _from_microseconds,
    _TIME + "NanoTimestamp": _from_nanoseconds,
    _DATA + "VariableScaleDecimal": _decimal,
}


def json_schema(*, optional: bool = True) -> Schema:
    """The schema of a column for nested data."""
    return Schema(Type.STRING, optional, JSON_NAME)
