"""Make one column of values: what the types of the `fields` language mean.

Values are made a column at a time: a loop over one kind of value costs 0.05 us per record, a call per value 0.2.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from struct import pack
from typing import NamedTuple

from connectrt.sdk import Schema, Type
from connectrt_datagen.draws import RANGE

#: Sequences of different tasks do not meet: task 1 counts from here.
TASK_STEP = 10**12

TIMESTAMP = Schema(Type.INT64, name="org.apache.kafka.connect.data.Timestamp", version=1)
INT64, FLOAT64, BOOLEAN, STRING = (Schema(one) for one in (Type.INT64, Type.FLOAT64, Type.BOOLEAN, Type.STRING))

_64_WORDS = (
    "amber anchor apple arrow autumn basket beacon birch bridge bronze candle canyon cedar cherry circle cloud "
    "copper coral cotton crystal desert dragon eagle ember falcon feather fern forest garden glacier granite harbor "
    "hazel horizon island ivory jasmine juniper lantern lemon lily maple marble meadow mirror mountain ocean olive "
    "orchid pebble pepper planet quartz raven river saffron sierra silver summit thunder valley velvet willow winter"
)
WORDS = _64_WORDS.split()
_PER_DRAW = 10  # choices out of one drawn number, six bits each

Words = Sequence[Sequence[int]]


class Rows(NamedTuple):
    """The records that are to be made."""

    seed: int
    task: int
    iterations: Sequence[int]
    now: object  #: datetime under a schema, else ISO 8601 text

    def numbers(self, start: int = 0) -> list[int]:
        """A number for each record that no other record of any task has."""
        first = start + self.task * TASK_STEP
        return [first + iteration for iteration in self.iterations]


class Kind(NamedTuple):
    """One type with its arguments: `words` drawn numbers per record are turned into a column of values."""

    schema: Schema
    words: int
    column: Callable[[Rows, Words], Sequence[object]]


def sequence(start: int = 1) -> Kind:
    """start, start + 1, ...; each task counts in a range of its own."""
    if abs(start) >= RANGE // 4:
        raise ValueError("start must leave room to count in 64 bits")
    return Kind(INT64, 0, lambda rows, _: rows.numbers(start))


def integer(low: int, high: int) -> Kind:
    """A whole number from low to high, both included."""
    count = _count(low, high)
    return Kind(INT64, 1, lambda _, words: [low + (word * count >> 64) for word in words[0]])


def number(low: float, high: float, decimals: int | None = None) -> Kind:
    """A number from low to high; with `decimals`, rounded to that many places."""
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"{low:g} to {high:g} is no range")
    if decimals is None:
        scale = (high - low) / RANGE
        return Kind(FLOAT64, 1, lambda _, words: [low + word * scale for word in words[0]])
    if not 0 <= decimals <= 15:
        raise ValueError("decimals must be from 0 to 15")
    unit = 10**decimals
    first = round(low * unit)
    count = _count(first, round(high * unit))
    return Kind(FLOAT64, 1, lambda _, words: [(first + (word * count >> 64)) / unit for word in words[0]])


def boolean(share_true: float = 0.5) -> Kind:
    """true in this share of the records."""
    if not 0 <= share_true <= 1:
        raise ValueError("the share must be from 0 to 1")
    bound = share_true * RANGE
    return Kind(BOOLEAN, 1, lambda _, words: [word < bound for word in words[0]])


def string(length: int) -> Kind:
    """Letters and digits."""
    if not 1 <= length <= 100_000:
        raise ValueError("the length must be from 1 to 100000")
    count = -(-length * 3 // 32)  # six bits a character

    def column(_: Rows, words: Words) -> Sequence[object]:
        form = f"<{count}Q"
        return [b64encode(pack(form, *row), b"xy")[:length].decode() for row in zip(*words, strict=True)]

    return Kind(STRING, count, column)


def words(count: int = 1) -> Kind:
    """English words with a space between."""
    if not 1 <= count <= 1000:
        raise ValueError("the number of words must be from 1 to 1000")
    shifts = [(place // _PER_DRAW, place % _PER_DRAW * 6) for place in range(count)]

    def column(_: Rows, words: Words) -> Sequence[object]:
        return [" ".join([WORDS[row[word] >> shift & 63] for word, shift in shifts])
                for row in zip(*words, strict=True)]

    return Kind(STRING, -(-count // _PER_DRAW), column)


def choice(options: str) -> Kind:
    """One of the texts, each as often as the others."""
    return _pick([text.strip() for text in options.split("|")])


def numbered(prefix: str, low: int | None = None, high: int | None = None) -> Kind:
    """prefix1, prefix2, ... by the record; with low and high a random one of prefix<low> to prefix<high>."""
    if low is None:
        return Kind(STRING, 0, lambda rows, _: [f"{prefix}{number}" for number in rows.numbers(1)])
    if high is None:
        raise ValueError("low needs a high")
    first, count = low, _count(low, high)
    if count <= 10_000:
        return _pick([f"{prefix}{number}" for number in range(first, first + count)])
    return Kind(STRING, 1, lambda _, words: [f"{prefix}{first + (word * count >> 64)}" for word in words[0]])


def uuid() -> Kind:
    """A random UUID (RFC 9562, version 4) as text."""

    def column(_: Rows, words: Words) -> Sequence[object]:
        return [f"{high >> 32:08x}-{high >> 16 & 0xFFFF:04x}-4{high & 0xFFF:03x}-"
                f"{low >> 50 | 0x8000:04x}-{low & 0xFFFFFFFFFFFF:012x}"
                for high, low in zip(*words, strict=True)]

    return Kind(STRING, 2, column)


def now() -> Kind:
    """When the record is made, so each run differs: text in ISO 8601, or a Timestamp under a schema."""
    return Kind(TIMESTAMP, 0, lambda rows, _: [rows.now] * len(rows.iterations))


def _pick(texts: Sequence[str]) -> Kind:
    count = len(texts)
    return Kind(STRING, 1, lambda _, words: [texts[word * count >> 64] for word in words[0]])


def _count(low: int, high: int) -> int:
    if low > high:
        raise ValueError(f"{low} is above {high}")
    if low < -RANGE // 2 or high >= RANGE // 2:
        raise ValueError("the numbers must fit in 64 bits")
    return high - low + 1
