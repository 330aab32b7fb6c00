"""Turn values into PostgreSQL's binary format, exactly: what a column cannot hold is refused, never cut or wrapped.

An encoder takes any value but None and returns bytes, or raises one of ENCODE_ERRORS. Types that have none here are
sent as text and cast in SQL.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar, cast

import msgspec
import psycopg
from psycopg.types.numeric import DecimalBinaryDumper

from connectrt_sql.dialects.base import Binding, Column, NotRepresentable
from connectrt_sql.dialects.postgresql.values import (
    Zone,
    as_array_text,
    as_boolean,
    as_bytes,
    as_date,
    as_float,
    as_instant,
    as_integer,
    as_interval_text,
    as_json,
    as_numeric,
    as_text,
    as_time_of_day,
    as_uuid,
    as_wall_time,
    microseconds,
)
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


#: What an encoder, ours or psycopg's, may raise for a value it does not take.
ENCODE_ERRORS: Final = (ValueError, TypeError, ArithmeticError, KeyError, AttributeError, IndexError, RecursionError,
                        struct.error, msgspec.MsgspecError, psycopg.DataError)

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


def wire_for(type_: PgType, zone: Zone) -> Wire:
    """Return how values of a type are sent."""
    if type_.is_array:
        return Wire(lambda value: as_array_text(value).encode(), cast=type_.name)
    if type_.is_enum or type_.typname == "citext":
        return _TEXT
    if type_.typname in _BY_NAME:
        return _BY_NAME[type_.typname]
    if type_.typname == "timestamptz":
        return Wire(lambda value: _INT8(microseconds(as_instant(value) - _EPOCH_UTC)))
    if type_.typname == "timestamp":
        return Wire(lambda value: _INT8(microseconds(as_wall_time(value, zone) - _EPOCH)))
    if type_.typname == "date":
        return Wire(lambda value: _INT4(as_date(value, zone).toordinal() - _EPOCH_DAY))
    if type_.typname in ("interval", "timetz"):
        return Wire(lambda value: as_interval_text(value).encode(), cast=type_.name)
    # A cast to bit means bit(1); to varbit it keeps all bits, and the assignment checks their number.
    return Wire(lambda value: as_text(value).encode(), cast="varbit" if type_.typname == "bit" else type_.name)


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


def _comparable(value: object) -> Decimal:
    number = as_numeric(value)
    if number.is_nan():
        raise NotRepresentable("NaN as a key")
    return number


#: How values of a type become comparable keys, and the type of those that are. Of other types the bytes are compared.
_IDENTITIES: Final[Mapping[str, tuple[Callable[[object], object], type | None]]] = {
    "int2": (as_integer, int), "int4": (as_integer, int), "int8": (as_integer, int), "numeric": (_comparable, None),
    "text": (as_text, str), "varchar": (as_text, str),
    "bpchar": (lambda value: as_text(value).rstrip(" "), None),
    "citext": (lambda value: as_text(value).lower(), None)}

_TEXT: Final = Wire(lambda value: as_text(value).encode(), native_oid=TEXT_OID)

_BY_NAME: Final[Mapping[str, Wire]] = {
    "bool": Wire(lambda value: b"\1" if as_boolean(value) else b"\0", native_oid=_BOOL_OID, native_takes=_all_booleans),
    "int2": Wire(lambda value: _INT2(as_integer(value)), native_oid=_INT2_OID, native_takes=_within(-2**15, 2**15 - 1)),
    "int4": Wire(lambda value: _INT4(as_integer(value)), native_oid=_INT4_OID, native_takes=_within(-2**31, 2**31 - 1)),
    "int8": Wire(lambda value: _INT8(as_integer(value)), native_oid=_INT8_OID),
    "float4": Wire(lambda value: _FLOAT4(as_float(value))),
    "float8": Wire(lambda value: _FLOAT8(as_float(value)), native_oid=_FLOAT8_OID),
    "numeric": Wire(lambda value: bytes(cast(bytes, _decimal.dump(as_numeric(value))))),
    "text": _TEXT, "varchar": _TEXT, "bpchar": _TEXT, "name": _TEXT, "xml": _TEXT,
    "bytea": Wire(as_bytes, native_oid=BYTES_OID),
    "json": Wire(as_json),
    "jsonb": Wire(lambda value: b"\1" + as_json(value)),
    "uuid": Wire(as_uuid),
    "time": Wire(lambda value: _INT8(as_time_of_day(value))),
}
