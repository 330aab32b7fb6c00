"""Define the logical types Decimal, Date, Time and Timestamp: a base type, a name, and a richer Python value.

| name      | base  | Python value                                            |
|-----------|-------|---------------------------------------------------------|
| Decimal   | BYTES | decimal.Decimal with exactly the schema's scale         |
| Date      | INT32 | date                                                    |
| Time      | INT32 | time, to the millisecond                                |
| Timestamp | INT64 | datetime in UTC, to the millisecond; a naive one is UTC |

Invariant: `from_base(schema, to_base(schema, value)) == value`; what Python cannot hold (the year 10000, 24:00) raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any, Final, NamedTuple

from connectrt.data.numbers import INTEGER_RANGES
from connectrt.data.schema import Schema, Type
from connectrt.errors import DataError

_PACKAGE: Final = "org.apache.kafka.connect.data."
DECIMAL_NAME: Final = _PACKAGE + "Decimal"
DATE_NAME: Final = _PACKAGE + "Date"
TIME_NAME: Final = _PACKAGE + "Time"
TIMESTAMP_NAME: Final = _PACKAGE + "Timestamp"

DATE, OPTIONAL_DATE = (Schema(Type.INT32, optional, DATE_NAME, 1) for optional in (False, True))
TIME, OPTIONAL_TIME = (Schema(Type.INT32, optional, TIME_NAME, 1) for optional in (False, True))
TIMESTAMP, OPTIONAL_TIMESTAMP = (Schema(Type.INT64, optional, TIMESTAMP_NAME, 1) for optional in (False, True))

MS_PER_DAY: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_MILLISECOND: Final = timedelta(milliseconds=1)
#: Moves a decimal point without rounding, whatever the number's length.
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def decimal_schema(scale: int, *, optional: bool = False) -> Schema:
    """A Decimal with `scale` digits after the point. Java: `Decimal.schema(scale)`."""
    return Schema(Type.BYTES, optional, DECIMAL_NAME, 1, parameters={"scale": str(scale)})


def decimal_scale(schema: Schema) -> int:
    """Return the scale of a Decimal schema; DataError if it has none."""
    text = (schema.parameters or {}).get("scale")
    if text is None:
        raise DataError("Invalid Decimal schema: scale parameter not found.")
    low, high = INTEGER_RANGES[Type.INT32]
    try:
        scale = int(text)
    except ValueError as error:
        raise DataError("Invalid scale parameter found in Decimal schema: it is no number") from error
    if not low <= scale <= high:
        raise DataError("Invalid scale parameter found in Decimal schema: it is beyond 32 bits")
    return scale


class LogicalType(NamedTuple):
    """How values of one logical type are held in Python and in the base type."""

    label: str
    java_label: str
    python_type: type
    to_base: Callable[[Schema, Any], object]
    from_base: Callable[[Schema, Any], object]


def logical_type(schema: Schema) -> LogicalType | None:
    """Return the logical type a schema names, whatever its base type; None for all other schemas."""
    return None if schema.name is None else LOGICAL_TYPES.get(schema.name)


def to_base(schema: Schema, value: object) -> object:
    """Return what a logical value is in the base type (bytes or int); any other value as it is."""
    logical = logical_type(schema)
    return value if logical is None or value is None else logical.to_base(schema, value)


def from_base(schema: Schema, value: object) -> object:
    """Return the logical value of a base value (bytes or int); any other value as it is."""
    logical = logical_type(schema)
    return value if logical is None or value is None else logical.from_base(schema, value)


def _decimal_to_bytes(schema: Schema, value: Decimal) -> bytes:
    scale, exponent = decimal_scale(schema), value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise DataError("Decimal value is not a number; a Decimal cannot be NaN or Infinity")
    if -exponent != scale:
        raise DataError("Decimal value has mismatching scale for given Decimal schema. "
                        f"Schema has scale {scale}, value has scale {-exponent}.")
    unscaled = int(value.scaleb(scale, _EXACT))
    bits = (unscaled if unscaled >= 0 else ~unscaled).bit_length()
    return unscaled.to_bytes(bits // 8 + 1, "big", signed=True)


def _bytes_to_decimal(schema: Schema, value: bytes) -> Decimal:
    if not value:
        raise DataError("Zero length bytes are no Decimal")
    return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-decimal_scale(schema), _EXACT)


def date_to_days(value: date) -> int:
    """Days since the epoch. A datetime will do if its time, in UTC, is midnight; DataError if not."""
    if isinstance(value, datetime):
        value = _in_utc(value)
        if value.timetz() != _EPOCH.timetz():
            raise DataError("Kafka Connect Date type should not have any time fields set to non-zero values.")
    return value.toordinal() - _EPOCH_DAY


def days_to_date(days: int) -> date:
    try:
        return date.fromordinal(days + _EPOCH_DAY)
    except (ValueError, OverflowError) as error:
        raise DataError("Date is outside of the years 1 to 9999") from error


def time_to_ms(value: time) -> int:
    """Milliseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def ms_to_time(ms: int) -> time:
    if not 0 <= ms < MS_PER_DAY:
        raise DataError("Time values must use number of milliseconds greater than 0 and less than 86400000")
    return (_EPOCH + ms * _MILLISECOND).time()


def timestamp_to_ms(value: datetime) -> int:
    """Milliseconds since the epoch."""
    return (_in_utc(value) - _EPOCH) // _MILLISECOND


def ms_to_timestamp(ms: int) -> datetime:
    try:
        return _EPOCH + ms * _MILLISECOND
    except OverflowError as error:
        raise DataError("Timestamp is outside of the years 1 to 9999") from error


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


LOGICAL_TYPES: Final[Mapping[str, LogicalType]] = {
    DECIMAL_NAME: LogicalType("Decimal", "BigDecimal", Decimal, _decimal_to_bytes, _bytes_to_decimal),
    DATE_NAME: LogicalType("Date", "Date", date, lambda _, value: date_to_days(value),
                           lambda _, days: days_to_date(days)),
    TIME_NAME: LogicalType("Time", "Date", time, lambda _, value: time_to_ms(value),
                           lambda _, ms: ms_to_time(ms)),
    TIMESTAMP_NAME: LogicalType("Timestamp", "Date", datetime, lambda _, value: timestamp_to_ms(value),
                                lambda _, ms: ms_to_timestamp(ms)),
}
