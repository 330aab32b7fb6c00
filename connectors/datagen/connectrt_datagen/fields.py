"""Read the `fields` language: `id:sequence, name:choice(a|b), amount:float(0,100), user:ref(users.userid)`.

Every fault is a ConfigError that names the character where it was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, signature
from typing import NamedTuple

from connectrt.sdk import ConfigError
from connectrt_datagen import kinds
from connectrt_datagen.draws import draw
from connectrt_datagen.kinds import Kind, Rows, Words
from connectrt_datagen.quickstarts import QUICKSTARTS


class Field(NamedTuple):
    name: str
    kind: Kind


def parse_fields(text: str) -> tuple[Field, ...]:
    """Return the fields in order. Raises ConfigError for the key `fields`."""
    scanner = _Scanner(text)
    fields: dict[str, Field] = {}
    while True:
        at, name = scanner.take(_NAME, "the name of a field")
        if name in fields:
            raise scanner.fault(at, f"there is a field {name} already")
        scanner.take(_COLON, f"':' and a type after {name}")
        fields[name] = Field(name, _read_kind(scanner))
        if scanner.at_end:
            return tuple(fields.values())
        scanner.take(_COMMA, "',' and the next field, or the end")


def check_fields(key: str, text: object) -> None:
    """The rule of the config key `fields`."""
    if isinstance(text, str):
        parse_fields(text)


def count_words(fields: Sequence[Field]) -> int:
    """How many drawn numbers a record of these fields takes."""
    return sum(field.kind.words for field in fields)


def columns_of(fields: Sequence[Field], rows: Rows, drawn: Words) -> list[Sequence[object]]:
    """Return one column of values per field; `drawn` holds `count_words` columns."""
    columns: list[Sequence[object]] = []
    first = 0
    for _, kind in fields:
        columns.append(kind.column(rows, drawn[first:first + kind.words]))
        first += kind.words
    return columns


def column_of(fields: Sequence[Field], name: str, rows: Rows) -> Sequence[object]:
    """Return the values that one field has in these rows; nothing is drawn where the field needs nothing drawn."""
    at = next(at for at, field in enumerate(fields) if field.name == name)
    first, kind = count_words(fields[:at]), fields[at].kind
    drawn = draw(rows.seed, rows.task, rows.iterations, first + kind.words) if kind.words else ()
    return kind.column(rows, drawn[first:])


def ref(target: str, count: int = 1000) -> Kind:
    """The value that a field of a quickstart has in one of its first `count` records (task 0, same random.seed)."""
    table, _, name = target.partition(".")
    if table not in QUICKSTARTS:
        raise ValueError(f"there is no quickstart {table}; there are: {', '.join(QUICKSTARTS)}")
    if count < 1:
        raise ValueError("the number of records must be 1 or more")
    fields = _quickstart_fields(table)
    field = next((field for field in fields if field.name == name), None)
    if field is None:
        raise ValueError(f"{table} has no field {name!r}; it has: {', '.join(field.name for field in fields)}")

    def column(rows: Rows, words: Words) -> Sequence[object]:
        picked = [word * count >> 64 for word in words[0]]
        return column_of(fields, name, rows._replace(task=0, iterations=picked))

    return Kind(field.kind.schema, 1, column)


@cache
def _quickstart_fields(name: str) -> tuple[Field, ...]:
    return parse_fields(QUICKSTARTS[name].fields)


#: What may stand after the colon. The parameters of the functions are the arguments, their defaults included.
TYPES: dict[str, Callable[..., Kind]] = {
    "sequence": kinds.sequence, "int": kinds.integer, "float": kinds.number, "bool": kinds.boolean,
    "string": kinds.string, "words": kinds.words, "choice": kinds.choice, "numbered": kinds.numbered,
    "uuid": kinds.uuid, "now": kinds.now, "ref": ref,
}

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_TYPE = re.compile(r"[A-Za-z_]\w*")
_COLON = re.compile(":")
_COMMA = re.compile(",")
_OPEN = re.compile(r"\(")
_CLOSE = re.compile(r"\)")
_ARGUMENT = re.compile(r"[^,()]*[^,()\s]")
_READERS: dict[str, Callable[[str], object]] = {"int": int, "float": float, "str": str}


class _Scanner:
    """Walks over the text; blanks between tokens mean nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._skip_blanks()

    @property
    def at_end(self) -> bool:
        return self._at == len(self._text)

    def next_is(self, char: str) -> bool:
        return self._text.startswith(char, self._at)

    def take(self, token: re.Pattern[str], expected: str) -> tuple[int, str]:
        """Return where the token begins and its text; raises ConfigError if something else stands there."""
        found = token.match(self._text, self._at)
        if found is None:
            seen = f"not {self._text[self._at:self._at + 12]!r}" if not self.at_end else "but the text ends"
            raise self.fault(self._at, f"expected {expected}, {seen}")
        self._at = found.end()
        self._skip_blanks()
        return found.start(), found[0]

    def fault(self, at: int, why: str) -> ConfigError:
        return ConfigError("fields", self._text, f"at character {at + 1}: {why}")

    def _skip_blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1


def _read_kind(scanner: _Scanner) -> Kind:
    at, name = scanner.take(_TYPE, "a type")
    make = TYPES.get(name)
    if make is None:
        near = get_close_matches(name, TYPES, 1)
        meant = f"did you mean {near[0]}? Types" if near else "types"
        raise scanner.fault(at, f"there is no type {name}; {meant}: {', '.join(map(usage, TYPES))}")
    arguments = _read_arguments(scanner) if scanner.next_is("(") else []
    parameters = list(signature(make).parameters.values())
    needed = sum(parameter.default is Parameter.empty for parameter in parameters)
    if not needed <= len(arguments) <= len(parameters):
        raise scanner.fault(at, f"{name} has {len(arguments)} arguments; write {usage(name)}")
    values = []
    for parameter, (argument_at, text) in zip(parameters, arguments, strict=False):
        type_name = parameter.annotation.partition(" |")[0]
        try:
            values.append(_READERS[type_name](text))
        except ValueError:
            wanted = "a whole number" if type_name == "int" else "a number"
            raise scanner.fault(argument_at, f"{parameter.name} of {name} must be {wanted}, not {text!r}") from None
    try:
        return make(*values)
    except (ValueError, OverflowError) as error:
        raise scanner.fault(at, f"{name}: {error}") from error


def _read_arguments(scanner: _Scanner) -> list[tuple[int, str]]:
    scanner.take(_OPEN, "'('")
    arguments: list[tuple[int, str]] = []
    while not (arguments or scanner.next_is(")")) or scanner.next_is(","):
        if arguments:
            scanner.take(_COMMA, "','")
        arguments.append(scanner.take(_ARGUMENT, "an argument"))
    scanner.take(_CLOSE, "')'")
    return arguments


def usage(name: str) -> str:
    """Return how a type is written: `float(low, high, decimals)`; what has a default may be left out."""
    parameters = signature(TYPES[name]).parameters.values()
    shown = [f"[{one.name}]" if one.default is not Parameter.empty else one.name for one in parameters]
    return f"{name}({', '.join(shown)})" if shown else name
