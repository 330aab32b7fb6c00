"""Turn values into PostgreSQL's binary format, exactly: what a column cannot hold is refused, never cut or wrapped.

An encoder takes any value but None and returns bytes, or raises one of ENCODE_ERRORS. Types that have none here are
sent as text and cast in SQL.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import psycopg
from psycopg.types.numeric import DecimalBinaryDumper

from connectrt_sql.dialects.base import Binding, Column, NotRepresentable
from connectrt_sql.logical import Prepare

Encode = Callable[[object], bytes]
T = TypeVar("T")

#: Its encoder sends bytes as they are.
BYTES_OID: Final = 17
TEXT_OID: Final = 25
_BOOL_OID: Final = 16
_INT8_OID: Final = 20
_INT2_OID: Final = 21
_INT4_OID: Final = 23
_FLOAT8_OID: Final = 701

_INT2 = struct.Struct(">h").pack
_INT4 = struct.Struct(">i").pack
_INT8 = struct.Struct(">q").pack
_FLOAT4 = struct.Struct(">f").pack
_FLOAT8 = struct.Struct(">d").pack

#: PostgreSQL counts time from 2000-01-01.
_EPOCH: Final = datetime(2000, 1, 1)
_EPOCH_UTC: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(2000, 1, 1).toordinal()
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TRUE: Final = frozenset(("true", "t", "yes", "y", "on", "1"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "off", "0"))

#: What an encoder, ours or psycopg's, may raise for a value it does not take.
ENCODE_ERRORS: Final = (ValueError, TypeError, ArithmeticError, KeyError, AttributeError, IndexError, RecursionError,
                        struct.error, msgspec.MsgspecError, psycopg.DataError)

_json = msgspec.json.Encoder(decimal_format="number")
_decimal = DecimalBinaryDumper(Decimal)


@dataclass(frozen=True, slots=True)
class PgType:
    """The type of a column, a domain's base type in its place."""

    oid: int
    name: str  #: as SQL writes it, without length or precision
    typname: str
    is_array: bool = False
    is_enum: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """How values of one type are sent."""

    encode: Encode
    #: None: binary, as the type itself. Else they are text, and this is the type to cast to.
    cast: str | None = None
    #: psycopg's own encoder that takes the values as they are, in C, and refuses or lets the server refuse the others.
    native_oid: int | None = None
    #: What the native encoder would write wrongly without a word. None: nothing.
    native_takes: Callable[[Sequence[object]], bool] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PgBinding(Binding):
    """A column with the way its values are sent."""

    type: PgType
    wire: Wire

    @property
    def staged_type(self) -> str:
        """SQL type of values on their way: in arrays and staging tables."""
        return self.type.name if self.wire.cast is None else "text"

    @property
    def staged_oid(self) -> int:
        return self.type.oid if self.wire.cast is None else TEXT_OID


@dataclass(frozen=True, slots=True)
class Zone:
    """Settings that decide how points in time are written."""

    zone: ZoneInfo
    shift_dates: bool

    @property
    def is_utc(self) -> bool:
        return self.zone.key in ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z")


def wire_for(type_: PgType, zone: Zone) -> Wire:
    """Return how values of a type are sent."""
    if type_.is_array:
        return Wire(lambda value: _array_text(value).encode(), cast=type_.name)
    if type_.is_enum or type_.typname == "citext":
        return _TEXT
    if type_.typname in _BY_NAME:
        return _BY_NAME[type_.typname]
    if type_.typname == "timestamptz":
        return Wire(lambda value: _INT8(_microseconds(_instant(value) - _EPOCH_UTC)))
    if type_.typname == "timestamp":
        return Wire(lambda value: _INT8(_microseconds(_wall_time(value, zone) - _EPOCH)))
    if type_.typname == "date":
        return Wire(lambda value: _INT4(_date(value, zone).toordinal() - _EPOCH_DAY))
    if type_.typname in ("interval", "timetz"):
        return Wire(lambda value: _interval_text(value).encode(), cast=type_.name)
    # A cast to bit means bit(1); to varbit it keeps all bits, and the assignment checks their number.
    return Wire(lambda value: _plain_text(value).encode(), cast="varbit" if type_.typname == "bit" else type_.name)


def bind(column: Column, prepare: Prepare | None, zone: Zone) -> PgBinding:
    """Bind a column to the encoder of its type; `prepare` comes first."""
    type_ = column.type
    assert isinstance(type_, PgType)
    way = wire_for(type_, zone)
    if prepare is not None:
        plain = way.encode
        way = Wire(lambda value: plain(prepare(value)), way.cast)  # psycopg's own encoders know nothing of `prepare`
    explained = partial(_explained, type_text=column.type_text)
    identity, identical = _IDENTITIES.get(type_.typname, (way.encode, None)) if prepare is None else (way.encode, None)
    return PgBinding(column, explained(way.encode), explained(identity), identical, type_, way)


def _explained(function: Callable[[object], T], *, type_text: str) -> Callable[[object], T]:
    """Return the function, raising nothing but NotRepresentable."""

    def explained(value: object) -> T:
        try:
            return function(value)
        except NotRepresentable:
            raise
        except ENCODE_ERRORS:
            raise NotRepresentable(f"this value of type {type(value).__name__}: it is not a {type_text} or "
                                   "outside of its range") from None

    return explained


def array_parameter(element: int, cells: Sequence[bytes | None]) -> bytes:
    """A one-dimensional array in binary format."""
    has_null = None in cells
    head = struct.pack(">iiIii", 1, has_null, element, len(cells), 1) if cells else struct.pack(">iiI", 0, 0, element)
    pack = _INT4
    return head + b"".join([b"\xff\xff\xff\xff" if cell is None else pack(len(cell)) + cell for cell in cells])


def _within(low: int, high: int) -> Callable[[Sequence[object]], bool]:
    """psycopg's encoders of int2 and int4 cut off what does not fit."""

    def takes(column: Sequence[object]) -> bool:
        numbers = cast(Sequence[int], column)
        try:
            return low <= min(numbers) and max(numbers) <= high
        except TypeError:
            numbers = [number for number in numbers if number is not None]
            return not numbers or (low <= min(numbers) and max(numbers) <= high)

    return takes


def _all_booleans(column: Sequence[object]) -> bool:
    """psycopg's encoder of bool takes any object for its truth."""
    return set(map(type, column)) <= {bool, type(None)}


def _integer(value: object) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float | Decimal):
        number = int(value)
        if number != value:
            raise NotRepresentable("a number with a fraction")
        return number
    if isinstance(value, str):
        return int(value)
    raise TypeError


def _float(value: object) -> float:
    if isinstance(value, int | float | Decimal | str):
        return float(value)
    raise TypeError


def _numeric(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int | str):
        return Decimal(value)
    raise TypeError


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in _TRUE | _FALSE:
        return word in _TRUE
    raise TypeError


def _plain_text(value: object) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float | Decimal | UUID):
        text = str(value)
    elif isinstance(value, date | time):
        text = value.isoformat()
    elif isinstance(value, list | tuple | dict):
        raise NotRepresentable("nested data: it needs a column of type json or jsonb")
    else:
        raise TypeError
    if "\0" in text:
        raise NotRepresentable("a text with a NUL character: PostgreSQL stores none; a transform may remove it")
    return text


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])
    raise TypeError


def _json_text(value: object) -> bytes:
    """A text is taken for a JSON document, as the JDBC sinks do; anything else is written as JSON."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return _json.encode(value)


def _uuid(value: object) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, str):
        return UUID(value).bytes
    return UUID(bytes=_bytes(value)).bytes


def _microseconds(since: timedelta) -> int:
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def _parsed(value: object) -> datetime:
    """A point in time; without a zone if the value has none. A number is milliseconds since 1970."""
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _UNIX_EPOCH + timedelta(milliseconds=value)
    raise TypeError


def _instant(value: object) -> datetime:
    parsed = _parsed(value)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _wall_time(value: object, zone: Zone) -> datetime:
    """What a clock in db.timezone showed; a text without a zone is taken for that."""
    parsed = _parsed(value)
    if parsed.tzinfo is None:
        return parsed
    return parsed.astimezone(UTC if zone.is_utc else zone.zone).replace(tzinfo=None)


def _date(value: object, zone: Zone) -> date:
    if isinstance(value, int) and not isinstance(value, bool):
        value = date.fromordinal(value + date(1970, 1, 1).toordinal())
    elif isinstance(value, str):
        value = date.fromisoformat(value) if len(value) <= len("2024-01-01") else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.date() if value.tzinfo is None else value.astimezone(UTC).date()
    if not isinstance(value, date):
        raise TypeError
    if zone.shift_dates:
        return datetime(value.year, value.month, value.day, tzinfo=UTC).astimezone(zone.zone).date()
    return value


def _time(value: object) -> int:
    """Microseconds of the day."""
    if isinstance(value, str):
        value = time.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.time()
    if isinstance(value, time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 86_400_000:
        return value * 1000
    raise TypeError


def _interval_text(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{_microseconds(value)} microseconds"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value} microseconds"
    return _plain_text(value)


def _array_text(value: object) -> str:
    """An array as PostgreSQL writes it; a text is taken for one."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        raise TypeError
    return "{" + ",".join([_element_text(each) for each in value]) + "}"


def _element_text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return _array_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        text = "\\x" + bytes(value).hex()
    elif isinstance(value, dict):
        text = _json.encode(value).decode()
    else:
        text = _plain_text(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comparable(value: object) -> Decimal:
    number = _numeric(value)
    if number.is_nan():
        raise NotRepresentable("NaN as a key")
    return number


#: How values of a type become comparable keys, and the type of those that are. Of other types the bytes are compared.
_IDENTITIES: Final[Mapping[str, tuple[Callable[[object], object], type | None]]] = {
    "int2": (_integer, int), "int4": (_integer, int), "int8": (_integer, int), "numeric": (_comparable, None),
    "text": (_plain_text, str), "varchar": (_plain_text, str),
    "bpchar": (lambda value: _plain_text(value).rstrip(" "), None),
    "citext": (lambda value: _plain_text(value).lower(), None)}

_TEXT: Final = Wire(lambda value: _plain_text(value).encode(), native_oid=TEXT_OID)

_BY_NAME: Final[Mapping[str, Wire]] = {
    "bool": Wire(lambda value: b"\1" if _boolean(value) else b"\0", native_oid=_BOOL_OID, native_takes=_all_booleans),
    "int2": Wire(lambda value: _INT2(_integer(value)), native_oid=_INT2_OID, native_takes=_within(-2**15, 2**15 - 1)),
    "int4": Wire(lambda value: _INT4(_integer(value)), native_oid=_INT4_OID, native_takes=_within(-2**31, 2**31 - 1)),
    "int8": Wire(lambda value: _INT8(_integer(value)), native_oid=_INT8_OID),
    "float4": Wire(lambda value: _FLOAT4(_float(value))),
    "float8": Wire(lambda value: _FLOAT8(_float(value)), native_oid=_FLOAT8_OID),
    "numeric": Wire(lambda value: bytes(cast(bytes, _decimal.dump(_numeric(value))))),
    "text": _TEXT, "varchar": _TEXT, "bpchar": _TEXT, "name": _TEXT, "xml": _TEXT,
    "bytea": Wire(_bytes, native_oid=BYTES_OID),
    "json": Wire(_json_text),
    "jsonb": Wire(lambda value: b"\1" + _json_text(value)),
    "uuid": Wire(_uuid),
    "time": Wire(lambda value: _INT8(_time(value))),
}
