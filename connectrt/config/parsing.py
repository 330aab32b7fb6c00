"""Turn config text into typed values and back, exactly as Kafka does.

Invariant: whatever Kafka accepts as text of a type is accepted here with the same value, and nothing else is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from connectrt.config.secrets import Password
from connectrt.errors import ConfigError


class Type(StrEnum):
    """Types of config values. Python: bool, str, int, int, int, float, list[str], str (the class's name), Password."""

    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    INT = "INT"
    SHORT = "SHORT"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    LIST = "LIST"
    CLASS = "CLASS"
    PASSWORD = "PASSWORD"


#: (key, text) -> the full name of the class that a CLASS text means, or None if there is none.
ClassFinder = Callable[[str, str], str | None]

#: What Java's String.trim() takes off.
BLANKS: Final = "".join(map(chr, range(0x21)))

_BITS: Final = {Type.SHORT: 16, Type.INT: 32, Type.LONG: 64}
_INTEGER_NAMES: Final = {
    Type.SHORT: "16-bit integer (short)", Type.INT: "32-bit integer", Type.LONG: "64-bit integer (long)"}
_INTEGER: Final = re.compile(r"[+-]?\d+")
_DECIMAL: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?", re.ASCII)
_HEXADECIMAL: Final = re.compile(
    r"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+)[fFdD]?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"([+-]?)(NaN|Infinity)")
_COMMA: Final = re.compile(r"\s*,\s*", re.ASCII)


def any_class(_key: str, text: str) -> str | None:
    """The ClassFinder of those who cannot load classes: every text but the empty one may name a class."""
    return text or None


def parse_value(name: str, value: object, type_: Type, find_class: ClassFinder = any_class) -> object:
    """Return the typed value of a text; None stays None and a value that has the type already is returned as it is.

    Raises ConfigError with Kafka's text. Java: `ConfigDef.parseType`.
    """
    if value is None:
        return None
    text = value.strip(BLANKS) if isinstance(value, str) else None
    match type_:
        case Type.BOOLEAN:
            return _parse_boolean(name, value, text)
        case Type.STRING:
            return _need_text(name, value, text)
        case Type.PASSWORD:
            return value if isinstance(value, Password) else Password(_need_text(name, value, text))
        case Type.INT | Type.SHORT | Type.LONG:
            return _parse_integer(name, value, text, type_)
        case Type.DOUBLE:
            return _parse_double(name, value, text)
        case Type.LIST:
            return _parse_list(name, value, text)
        case Type.CLASS:
            return _parse_class(name, value, text, find_class)


def split_list(text: str) -> list[str]:
    """Return the elements of a LIST; between two commas is an empty one."""
    text = text.strip(BLANKS)
    return _COMMA.split(text) if text else []


def value_text(value: object) -> str | None:
    """Return the text that parses to this value; for a Password what may be shown. Java: `convertToString`."""
    if value is None:
        return None
    return ",".join(value) if isinstance(value, list) else shown(value)


def shown(value: object) -> str:
    """Return a value as Kafka's error texts print it: `null`, `true`, `1.0E21`, `[a, b]`."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float():
            return _double_text(value)
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case _:
            return str(value)


def _parse_boolean(name: str, value: object, text: str | None) -> bool:
    if isinstance(value, bool):
        return value
    lower = text.lower() if text is not None else None
    if lower not in ("true", "false"):
        raise ConfigError(name, shown(value), "Expected value to be either true or false")
    return lower == "true"


def _need_text(name: str, value: object, text: str | None) -> str:
    if text is None:
        raise ConfigError(name, shown(value), f"Expected value to be a string, but it was a {type(value).__name__}")
    return text


def _parse_integer(name: str, value: object, text: str | None, type_: Type) -> int:
    bound = 1 << (_BITS[type_] - 1)
    if text is None:
        if isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound:
            return value
        why = f"Expected value to be a {_INTEGER_NAMES[type_]}, but it was a {type(value).__name__}"
        raise ConfigError(name, shown(value), why)
    # More than 4,300 digits would make int() itself refuse; 64 bits never need more than 19 after leading zeros.
    if _INTEGER.fullmatch(text) and len(text) <= 4300 and -bound <= (number := int(text)) < bound:
        return number
    raise ConfigError(name, shown(value), f"Not a number of type {type_}")


def _parse_double(name: str, value: object, text: str | None) -> float:
    if text is None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise ConfigError(name, shown(value), f"Expected value to be a double, but it was a {type(value).__name__}")
    if decimal := _DECIMAL.fullmatch(text):
        return float(decimal[1])
    if hexadecimal := _HEXADECIMAL.fullmatch(text):
        try:
            return float.fromhex(hexadecimal[1])
        except OverflowError:
            return -math.inf if text.startswith("-") else math.inf
    if not_finite := _NOT_FINITE.fullmatch(text):
        return float(not_finite[1] + not_finite[2])
    raise ConfigError(name, shown(value), "Not a number of type DOUBLE")


def _parse_list(name: str, value: object, text: str | None) -> list[str]:
    if isinstance(value, list | tuple):
        return list(value)
    if text is None:
        raise ConfigError(name, shown(value), "Expected a comma separated list.")
    return split_list(text)


def _parse_class(name: str, value: object, text: str | None, find_class: ClassFinder) -> str:
    if text is None:
        raise ConfigError(name, shown(value), "Expected a Class instance or class name.")
    found = find_class(name, text)
    if found is None:
        raise ConfigError(name, text, f"Class {text} could not be found.")
    return found


def _double_text(number: float) -> str:
    """Java: `Double.toString`; it switches to an exponent at other places than Python."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    sign, digits, _ = (decimal := Decimal(repr(number)).normalize()).as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{decimal.adjusted()}"
