"""Keep numbers inside Java's types: ranges, wrapping, single precision, and how a float prints.

A FLOAT32 is held in a Python float; what makes it single precision is `round_float32`, on the way in and out.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from connectrt.data.schema import Type

#: Lowest and highest value of each integer type.
INTEGER_RANGES: Final = {
    Type.INT8: (-(1 << 7), (1 << 7) - 1),
    Type.INT16: (-(1 << 15), (1 << 15) - 1),
    Type.INT32: (-(1 << 31), (1 << 31) - 1),
    Type.INT64: (-(1 << 63), (1 << 63) - 1),
}
_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
_FLOAT32: Final = struct.Struct(">f")
_SMALLEST_NORMAL: Final = 2.0**-126


def wrap_integer(type_: Type, number: int) -> int:
    """Keep the low bits, as Java's narrowing cast does: 300 as INT8 is 44."""
    low, high = INTEGER_RANGES[type_]
    if low <= number <= high:
        return number
    bits = _BITS[type_]
    kept = number & ((1 << bits) - 1)
    return kept - (1 << bits) if kept > high else kept


def round_float32(number: float) -> float:
    """Return the nearest single precision number; beyond its range an infinity. Java: `(float) number`."""
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(number))[0]
    except OverflowError:
        return math.copysign(math.inf, number)
    return rounded


def float64_text(number: float) -> str:
    """Print a FLOAT64 as Java's `Double.toString`: `1.0`, `1.0E10`, `NaN`, `-Infinity`."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    sign, digits, exponent = _split(repr(number))
    if len(digits) == 1:  # Java prints the nearest number of two digits, then: 4.9E-324, not 5E-324
        _, digits, exponent = _split(f"{number:.1e}")
    if number == 0:
        return f"{sign}0.0"
    if not -3 <= exponent < 7:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[:exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}.{digits[exponent + 1:] or '0'}"


def float32_text(number: float) -> str:
    """Print a FLOAT32 as Java's `Float.toString`."""
    return float64_text(float32_in_digits(number))


def float32_in_digits(number: float) -> float:
    """Return the number of the fewest digits that is the same FLOAT32: 0.1 for 0.10000000149011612."""
    number = round_float32(number)
    # Six digits survive a trip through single precision, subnormal numbers aside; nine identify every number.
    for digits in range(6 if abs(number) >= _SMALLEST_NORMAL else 2, 10):
        short = float(f"{number:.{digits}g}")
        if round_float32(short) == number:
            return short
    return number


def _split(text: str) -> tuple[str, str, int]:
    """Take a decimal text apart: sign, digits without outer zeros, exponent of the first digit."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    first = len(whole) - 1 - (len(whole + fraction) - len(digits))
    return sign, digits.rstrip("0"), int(exponent or 0) + first
