"""Name tables and columns after topics and fields.

Invariant: a dot written in the config separates schema and table; one that comes out of a topic or an event never does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from connectrt.sdk import DataError

_PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")
_SOURCE: Final = "source."
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9_]")
_WORD_END: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class TableName(NamedTuple):
    """A table's name in parts; prints as `schema.table`."""

    table: str
    schema: str | None = None
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.table) if part is not None)


def fold(name: str) -> str:
    """How SQL databases like PostgreSQL read a name without quotes."""
    return name.lower()


def snake_case(name: str) -> str:
    """`OrderItemID` -> `order_item_id`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", _WORD_END.sub("_", name)).lower()


_STYLES: Final[Mapping[str, Callable[[str], str]]] = {
    "as_is": str, "snake_case": snake_case, "lower": str.lower, "upper": str.upper}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The config's rules for names. `fold` is applied last: None = names are quoted and stay as they are."""

    table_format: str = "${topic}"
    tables: Mapping[str, str]
    normalize: bool = False
    table_style: str = "as_is"
    column_style: str = "as_is"
    fold: Callable[[str], str] | None = None

    @property
    def by_partition(self) -> bool:
        return "${partition}" in self.table_format

    @property
    def by_source(self) -> bool:
        return "${" + _SOURCE in self.table_format

    def column(self, field: str) -> str:
        return self._folded(_STYLES[self.column_style](field))

    def table(self, topic: str, partition: int | None = None, source: Mapping[str, object] | None = None) -> TableName:
        """Return the table of a topic; `source` is the block of that name in a Debezium event.

        Raises DataError if the format names what the record does not have.
        """
        if topic in self.tables:
            return self._parts(self.tables[topic].split("."))

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name == "topic":
                value: object = topic
            elif name == "partition":
                value = partition
            elif name.startswith(_SOURCE):
                value = (source or {}).get(name.removeprefix(_SOURCE))
            else:
                value = None
            if value is None:
                raise DataError(f"table.name.format={self.table_format}: a record of topic {topic} has no {name}; "
                                "there are ${topic}, ${partition} and, in Debezium events, ${source.<field>}")
            text = _STYLES[self.table_style](str(value))
            return _NOT_PLAIN.sub("_", text) if self.normalize else text

        return self._parts([_PLACEHOLDER.sub(replace, part) for part in self._format_parts()])

    def _format_parts(self) -> list[str]:
        """Split the format at its dots, not at those of `${source.table}`."""
        return re.findall(r"(?:\$\{[^}]*\}|[^.])+", self.table_format)

    def _parts(self, parts: list[str]) -> TableName:
        if not 1 <= len(parts) <= 3 or not all(parts):
            raise DataError(f"{'.'.join(parts)!r} is no table name, which is catalog.schema.table at most: see "
                            "table.name.format")
        table, *above = (self._folded(part) for part in reversed(parts))
        return TableName(table, *above)

    def _folded(self, name: str) -> str:
        return name if self.fold is None else self.fold(name)
