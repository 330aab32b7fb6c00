"""Read one JSON document exactly as Kafka Connect's parser does (Jackson, leading zeros allowed).

Invariant: this is the slow and exact reader; whoever has a faster one comes here when that refuses. The first value
counts and what follows it is ignored; UTF-16 and UTF-32 are recognised; NaN, comments and single quotes are not JSON.

A document is None, bool, str, int, Decimal (a number not written as an integer), list, dict or MISSING.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Final

_MAX_NUMBER_LENGTH: Final = 1000
_MAX_EXPONENT: Final = 2**31 - 1
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_NO_NUMBER_ENDS_SO: Final = re.compile(r"[^ \t\r\n]")
_NO_WORD_ENDS_SO: Final = re.compile(r"[\w$]")
_LEADING_ZEROS: Final = re.compile(r'("(?:[^"\\]++|\\.)*+")|(?<![\d.])0+(?=\d)', re.DOTALL | re.ASCII)
_ESCAPES: Final = re.compile(r"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|"
                             r"(\\u[dD][89a-fA-F][\da-fA-F]{2})|\\.", re.DOTALL | re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Missing:
    """What an empty document holds: no value, not even null."""


MISSING: Final = Missing()


class NotJson(ValueError):
    """The bytes are not JSON; `position` is the character at fault, or that of the document's begin."""

    def __init__(self, position: int) -> None:
        super().__init__(f"not JSON at character {position}")
        self.position = position


def parse(data: bytes) -> object:
    """Return the first value of a document, MISSING if there is none. Raises NotJson."""
    text = _LEADING_ZEROS.sub(lambda found: found[1] or "", _decode(data))
    start = _end_of_blanks(text)
    if start == len(text):
        return MISSING
    value: object
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise NotJson(error.pos) from error
    except (ValueError, InvalidOperation, RecursionError) as error:  # NaN, a monstrous number, nesting without end
        raise NotJson(start) from error
    ends_badly = _NO_NUMBER_ENDS_SO if type(value) in (int, Decimal) else _NO_WORD_ENDS_SO
    if not isinstance(value, str | list | dict) and ends_badly.match(text, end):
        raise NotJson(end)
    if found := _SURROGATE.search(text, start, end):
        raise NotJson(found.start())
    return value


def _decode(data: bytes) -> str:
    """Decode without complaint: what follows the first value may be anything. Bad UTF-8 becomes lone surrogates."""
    encoding = json.detect_encoding(data)
    text = str(data, encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")
    if "\\u" not in text:
        return text
    # Half a character, escaped: Jackson reads it, but no encoding could ever write it again.
    return _ESCAPES.sub(lambda found: "\\ufffd" if found[1] else found[0], text)


def _end_of_blanks(text: str) -> int:
    found = _BLANKS.match(text)
    return found.end() if found else 0


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_LENGTH:
        raise ValueError("number too long")
    return int(text)


def _decimal(text: str) -> Decimal:
    if len(text) > _MAX_NUMBER_LENGTH or abs((number := Decimal(text)).adjusted()) > _MAX_EXPONENT:
        raise ValueError("number too long")
    return number


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_float=_decimal, parse_constant=_refuse)
