"""Bring values into the form their column has: a number, a text, a point in time. Nothing is cut off or guessed at.

The functions take any value but None and raise ValueError, TypeError, OverflowError or ArithmeticError for those that
cannot be brought into the form; a NotRepresentable among them says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from connectrt_sql.dialects.base import NotRepresentable

_TRUE: Final = frozenset(("true", "t", "yes", "y", "on", "1"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "off", "0"))
_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_json = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Zone:
    """Settings that decide how points in time are written."""

    zone: ZoneInfo
    shift_dates: bool

    @property
    def is_utc(self) -> bool:
        return self.zone.key in ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z")


def as_integer(value: object) -> int:
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


def as_float(value: object) -> float:
    if isinstance(value, int | float | Decimal | str):
        return float(value)
    raise TypeError


def as_numeric(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int | str):
        return Decimal(value)
    raise TypeError


def as_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and (word := value.strip().lower()) in _TRUE | _FALSE:
        return word in _TRUE
    raise TypeError


def as_text(value: object) -> str:
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


def as_bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str) and value.startswith("\\x"):
        return bytes.fromhex(value[2:])
    raise TypeError


def as_json(value: object) -> bytes:
    """A text is taken for a JSON document, as the JDBC sinks do; anything else is written as JSON."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return _json.encode(value)


def as_uuid(value: object) -> bytes:
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, str):
        return UUID(value).bytes
    return UUID(bytes=as_bytes(value)).bytes


def microseconds(since: timedelta) -> int:
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


def as_instant(value: object) -> datetime:
    parsed = _parsed(value)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def as_wall_time(value: object, zone: Zone) -> datetime:
    """What a clock in db.timezone showed; a text without a zone is taken for that."""
    parsed = _parsed(value)
    if parsed.tzinfo is None:
        return parsed
    return parsed.astimezone(UTC if zone.is_utc else zone.zone).replace(tzinfo=None)


def as_date(value: object, zone: Zone) -> date:
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


def as_time_of_day(value: object) -> int:
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


def as_interval_text(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{microseconds(value)} microseconds"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value} microseconds"
    return as_text(value)


def as_array_text(value: object) -> str:
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
        return as_array_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        text = "\\x" + bytes(value).hex()
    elif isinstance(value, dict):
        text = _json.encode(value).decode()
    else:
        text = as_text(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
