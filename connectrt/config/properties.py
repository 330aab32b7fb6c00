r"""Read Java .properties texts, with the line of each key.

Escapes, continued lines and separators are those of `java.util.Properties`. Bytes are UTF-8, or else Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_BLANK: Final = " \t\f"
_KEY: Final = re.compile(r"(?:\\.|[^\\=: \t\f])*", re.DOTALL)
_SEPARATED: Final = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_ESCAPE: Final = re.compile(r"\\(u(?P<hex>[0-9a-fA-F]{4})?|.)?", re.DOTALL)
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class Property(NamedTuple):
    key: str
    value: str
    line: int  #: where it begins, from 1


class PropertiesError(Exception):
    """A text that Java would refuse."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why = why


def read_properties(data: bytes) -> list[Property]:
    """Return all properties in their order, repeated keys included. Raises PropertiesError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return [_split(line, number) for number, line in _logical_lines(text)]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold a property, those ending in an odd number of backslashes joined with the next."""
    begun, begun_at = "", 0
    for number, natural in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = natural.lstrip(_BLANK)
        if not begun:
            if not line or line[0] in "#!":
                continue
            begun_at = number
        begun += line
        if (len(line) - len(line.rstrip("\\"))) % 2:
            begun = begun[:-1]
            continue
        yield begun_at, begun
        begun = ""
    if begun:
        yield begun_at, begun


def _split(line: str, number: int) -> Property:
    key = _KEY.match(line)
    assert key is not None  # it matches the empty text as well
    separator = _SEPARATED.match(line, key.end())
    assert separator is not None
    return Property(_unescape(key[0], number), _unescape(line[separator.end():], number), number)


def _unescape(text: str, line: int) -> str:
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        if match["hex"]:
            return chr(int(match["hex"], 16))
        if match[1] == "u":
            raise PropertiesError(line, r"Malformed \uxxxx encoding: four hexadecimal digits must follow \u; "
                                        r"a backslash itself is written \\")
        return _CONTROLS.get(match[1] or "", match[1] or "")

    unescaped = _ESCAPE.sub(character, text)
    # Java writes a character beyond the 16-bit range as two escapes; half of such a pair is no character.
    return unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
