"""Read YAML, JSON and .properties into one kind of tree, in which every key knows its line.

Invariant: any bytes give a tree or faults, never an exception; scalars keep the text they were written with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from connectrt.config.properties import PropertiesError, read_properties

Node: TypeAlias = "str | list[Node] | Table | None"

#: Deeper nesting than this is a mistake or an attack; so are more keys in one file.
MAX_DEPTH: Final = 32
MAX_KEYS: Final = 20_000

_NULLS: Final = ("", "~", "null", "Null", "NULL")
_BOOLEANS: Final = ("true", "True", "TRUE", "false", "False", "FALSE")
_MERGE: Final = "<<"
_YAML_CURES: Final = (
    ("cannot start any token", "indent with blanks, not tabs, and put values that begin with a sign in quotes"),
    ("mapping values are not allowed", "indent the keys of a mapping alike, and put values that hold `: ` in quotes"))
_YAML_CURE: Final = "look for an open quote or bracket, or a wrong indentation, there or before"
_JSON_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?', re.DOTALL)


class Entry(NamedTuple):
    key: str
    value: Node
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping as it is written: in order, repeated keys included."""

    line: int
    entries: Sequence[Entry]

    def get(self, key: str) -> Node:
        """Return the last value of a key; None if it is absent or null."""
        return next((entry.value for entry in reversed(self.entries) if entry.key == key), None)

    def line_of(self, key: str) -> int:
        return next((entry.line for entry in reversed(self.entries) if entry.key == key), self.line)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, key: str) -> bool:
        return any(entry.key == key for entry in self.entries)


class Fault(NamedTuple):
    line: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Documents:
    """What one file holds; several trees if it is YAML with `---`."""

    trees: list[Node] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    format: Literal["yaml", "json", "properties"] = "yaml"


class _Unreadable(Exception):
    def __init__(self, line: int | None, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(line, text)


def read_document(name: str, data: bytes) -> Documents:
    """Read one file by the ending of its name; without a known one it is JSON if it looks so, else .properties."""
    lower = name.lower()
    try:
        if lower.endswith((".yaml", ".yml")):
            return _read_yaml(_text(data))
        if lower.endswith(".json") or (not lower.endswith(".properties") and data.lstrip()[:1] in (b"{", b"[")):
            return _read_json(_text(data))
        return _read_properties(data)
    except _Unreadable as error:
        return Documents(faults=[error.fault])


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "not UTF-8 text: save the file in that encoding") from error


def _read_properties(data: bytes) -> Documents:
    try:
        found = read_properties(data)
    except PropertiesError as error:
        raise _Unreadable(error.line, error.why) from error
    return Documents([Table(1, [Entry(*one) for one in found])], format="properties")


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its repeated keys."""


def _read_json(text: str) -> Documents:
    try:
        loaded = json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_Pairs)
        # Keys are the strings before a colon; they come in the same order as in the tree.
        lines = _lines_of(text, (match.start() for match in _JSON_STRING.finditer(text) if match[1]))
        return Documents([_json_node(loaded, lines, 1)], format="json")
    except json.JSONDecodeError as error:
        raise _Unreadable(error.lineno, f"not JSON at column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _Unreadable(None, "nested too deeply for a config") from error


def _lines_of(text: str, positions: Iterator[int]) -> Iterator[int]:
    line, seen = 1, 0
    for position in positions:
        line += text.count("\n", seen, position)
        seen = position
        yield line


def _json_node(value: object, lines: Iterator[int], line: int) -> Node:
    match value:
        case _Pairs():
            entries: list[Entry] = []
            for key, inner in value:
                at = next(lines)
                entries.append(Entry(_whole(key), _json_node(inner, lines, at), at))
            return Table(entries[0].line if entries else line, entries)
        case list():
            return [_json_node(inner, lines, line) for inner in value]
        case bool():
            return "true" if value else "false"
        case None:
            return None
        case _:
            return _whole(str(value))


def _whole(text: str) -> str:
    """Replace halves of characters, which JSON may escape and nothing can encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_yaml(text: str) -> Documents:
    builder = _YamlBuilder()
    try:
        for event in (events := iter(yaml.parse(text, Loader=yaml.CSafeLoader))):
            if isinstance(event, DocumentStartEvent):
                builder.begin()
                builder.documents.trees.append(builder.node(next(events), events, 0))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at column {mark.column + 1}" if mark else ""
        problem = str(error.problem or error.context)
        cure = next((cure for part, cure in _YAML_CURES if part in problem), _YAML_CURE)
        builder.documents.faults.append(Fault(mark.line + 1 if mark else None, f"not YAML{where}: {problem}; {cure}"))
    except yaml.YAMLError as error:
        builder.documents.faults.append(Fault(None, f"not YAML: {str(error).splitlines()[0]}"))
    except _Unreadable as error:
        builder.documents.faults.append(error.fault)
    return builder.documents


class _YamlBuilder:
    """Builds trees from events. The composer of libyaml is not used: nested deeply it crashes the process."""

    def __init__(self) -> None:
        self.documents = Documents()
        self._anchors: dict[str, Node] = {}

    def begin(self) -> None:
        self._anchors = {}

    def node(self, event: Event, events: Iterator[Event], depth: int) -> Node:
        line = _line(event)
        if depth > MAX_DEPTH:
            raise _Unreadable(line, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            anchor = event.anchor or ""
            if anchor not in self._anchors:
                raise _Unreadable(line, f"*{anchor} has no anchor &{anchor} before it")
            return self._anchors[anchor]
        built = self._build(event, events, depth, line)
        if isinstance(event, NodeEvent) and event.anchor:
            self._anchors[event.anchor] = built
        return built

    def _build(self, event: Event, events: Iterator[Event], depth: int, line: int) -> Node:
        tag = getattr(event, "tag", None)
        if tag and tag != "!" and not tag.startswith("tag:yaml.org,2002:"):
            self._fault(line, f"the tag {tag} means nothing here; remove it")
        match event:
            case SequenceStartEvent():
                return [self.node(inner, events, depth + 1) for inner in _until(events, SequenceEndEvent)]
            case MappingStartEvent():
                return self._table(events, depth, line)
            case ScalarEvent():
                plain = event.implicit[0] and not event.style
                if plain and event.value in _NULLS:
                    return None
                return str(event.value.lower() if plain and event.value in _BOOLEANS else event.value)
            case _:
                return None

    def _table(self, events: Iterator[Event], depth: int, line: int) -> Table:
        merged: list[Entry] = []
        own: list[Entry] = []
        for event in _until(events, MappingEndEvent):
            at = _line(event)
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if key == _MERGE:
                merged += self._merged(value, at)
            elif isinstance(key, str):
                own.append(Entry(key, value, at))
            else:
                self._fault(at, "a key must be text")
        names = {entry.key for entry in own}
        return Table(line, [*(entry for entry in merged if entry.key not in names), *own])

    def _merged(self, value: Node, line: int) -> list[Entry]:
        tables = value if isinstance(value, list) else [value]
        entries: dict[str, Entry] = {}
        for table in reversed(tables):
            if isinstance(table, Table):
                entries |= {entry.key: entry for entry in table.entries}
            else:
                self._fault(line, "<< takes a mapping, or a list of mappings")
        if len(entries) > MAX_KEYS:
            raise _Unreadable(line, f"more than {MAX_KEYS} keys")
        return list(entries.values())

    def _fault(self, line: int, text: str) -> None:
        self.documents.faults.append(Fault(line, text))


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _until(events: Iterator[Event], end: type[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event
