"""Find, create and extend tables; fit the shape of records to the columns of a table.

Invariant: a definition in the cache was read from the database; it is dropped when a statement shows that it is stale.
DDL and introspection happen on a connection of their own, before the rows that need them are written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from operator import itemgetter
from typing import Final, cast

from connectrt.sdk import (
    DATE,
    TIME,
    TIMESTAMP,
    ConfigError,
    ConnectError,
    DataError,
    Schema,
    Type,
    decimal_schema,
)
from connectrt_sql.dialects.base import Binding, Column, Dialect, NewColumn, Row, Table
from connectrt_sql.keys import FieldRef
from connectrt_sql.logical import json_schema, prepare_for
from connectrt_sql.mapping import Shape
from connectrt_sql.naming import TableName
from connectrt_sql.settings import InsertMode, Settings, UnknownFields

log = logging.getLogger(__name__)


class UnknownFieldError(DataError):
    """A map has a key, with a value, for which its plan has no column."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Columns of a table that rows are written to; the first `keys` are the key."""

    table: Table
    columns: tuple[Binding, ...]
    keys: int
    streams: bool  #: rows go straight into the table as they come


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How rows of a shape become rows of a target."""

    target: Target
    #: None: as they are. Raises UnknownFieldError.
    arrange: Callable[[Row], Row] | None


@dataclass(slots=True)
class _Known:
    """What is known of one table."""

    table: Table
    targets: dict[tuple[object, ...], Target] = field(default_factory=dict)
    #: Columns some map without schema had a key for, in order of appearance.
    seen: dict[str, None] = field(default_factory=dict)
    warned: bool = False


class Tables:
    """The tables of one task. `before_ddl` is called before anything is created or changed: our own open transaction
    would lock us out."""

    def __init__(self, settings: Settings, dialect: Dialect, before_ddl: Callable[[], None]) -> None:
        self._settings = settings
        self._dialect = dialect
        self._before_ddl = before_ddl
        self._known: dict[TableName, _Known] = {}
        self._plans: dict[Shape, Plan] = {}

    def forget(self) -> None:
        """Read everything again when it is next needed."""
        self._known.clear()
        self._plans.clear()

    @property
    def names(self) -> tuple[TableName, ...]:
        return tuple(self._known)

    def cached(self, shape: Shape) -> Plan | None:
        return self._plans.get(shape)

    def plan(self, shape: Shape, sample: Sequence[tuple[Shape, Row]]) -> Plan:
        """Return the plan of a shape; create or extend the table if the config says so.

        `sample`: rows that will be written, from which types of schemaless fields are guessed. Raises ConnectError if
        somebody has to change something, DataError if the record is at fault, or an error of the driver.
        """
        if (plan := self._plans.get(shape)) is not None:
            return plan
        known = self._known.get(shape.table) or self._find(shape, sample)
        self._evolve(known, shape, sample)
        plan = self._plans[shape] = self._fit(known, shape)
        return plan

    def replan(self, shape: Shape, row: Row) -> Plan:
        """Plan again, knowing a row with a value where there was none before."""
        self._plans.pop(shape, None)
        return self.plan(shape, [(shape, row)])

    # -- tables ---------------------------------------------------------------------------------------------------

    def _find(self, shape: Shape, sample: Sequence[tuple[Shape, Row]]) -> _Known:
        name = shape.table
        self._check_length(name)
        with closing(self._dialect.connect()) as session:
            table = session.introspect(name)
            if table is None:
                columns = self._columns_to_create(shape, sample)
                if not self._settings.auto_create:
                    raise ConnectError(self._missing_table(name, columns))
                self._before_ddl()
                table = session.create_table(name, columns)
                log.info("table created", extra={"action": "create_table", "table": str(name)})
        if table.type not in self._settings.table_types:
            raise ConnectError(f"{name} is a {table.type}, which table.types leaves out: add it there, or change "
                               "table.name.format")
        known = self._known[name] = _Known(table)
        return known

    def _missing_table(self, name: TableName, columns: Sequence[NewColumn]) -> str:
        return (f"{self._dialect.address} has no table {name}: set auto.create=true, or create it: "
                f"{self._dialect.create_table_sql(name, columns)}")

    def _check_length(self, name: TableName) -> None:
        for part in name:
            if part is not None and len(part.encode()) > self._dialect.longest_name:
                short = part.encode()[:self._dialect.longest_name].decode(errors="ignore")
                raise ConfigError("table.name.format", text=f"the table name {part} is longer than "
                                  f"{self._dialect.longest_name} bytes; the database would cut it to {short}, which "
                                  "other topics may share: name it in topics.to.tables.mapping")

    def check_name(self, name: TableName) -> None:
        """Raises ConfigError for a name the database would cut off."""
        self._check_length(name)

    def _columns_to_create(self, shape: Shape, sample: Sequence[tuple[Shape, Row]]) -> list[NewColumn]:
        """Kafka coordinates, then the fields in the order of the schema or of their first appearance."""
        refs = list(shape.keys) + list(shape.values)
        for other, _ in sample:
            if other.table == shape.table and other.schemaless:
                have = {ref.column for ref in refs}
                refs += [ref for ref in other.values if ref.column not in have]
        keys = {ref.column for ref in shape.keys}
        columns = [self._new_column(shape, ref, sample, key=ref.column in keys) for ref in refs]
        return [column for column in columns if column is not None]

    def _new_column(self, shape: Shape, ref: FieldRef, sample: Sequence[tuple[Shape, Row]], *,
                    key: bool) -> NewColumn | None:
        """None: nothing is known of the type yet, and the column can be added later."""
        schema = ref.schema
        if schema is None:
            schema = guess_schema(_values(shape.table, ref.column, sample))
            if schema is None and self._settings.auto_evolve and not key:
                return None
            schema = schema or Schema(Type.STRING, optional=True)
        if len(ref.column.encode()) > self._dialect.longest_name:
            raise ConnectError(f"the column name {ref.column} of {shape.table} is longer than "
                               f"{self._dialect.longest_name} bytes: leave the field out, or rename it by ReplaceField")
        return NewColumn(name=ref.column, schema=schema, key=key, timestamp=self._is_timestamp(ref))

    def _is_timestamp(self, ref: FieldRef) -> bool:
        return ref.field in self._settings.timestamp_fields

    def _evolve(self, known: _Known, shape: Shape, sample: Sequence[tuple[Shape, Row]]) -> None:
        missing = [ref for ref in shape.fields if known.table.column(ref.column) is None]
        if not missing or not (self._settings.auto_evolve or not shape.schemaless):
            return
        keys = {ref.column for ref in shape.keys}
        new = [column for ref in missing
               if (column := self._new_column(shape, ref, sample, key=ref.column in keys)) is not None]
        if shape.schemaless and self._settings.unknown_fields is not UnknownFields.FAIL:
            new = [column for column in new if column.key]
        if not new:
            return
        self._check_may_add(known.table, new, shape)
        self._before_ddl()
        with closing(self._dialect.connect()) as session:
            known.table = session.add_columns(known.table.name, new)
        known.targets.clear()
        self._plans = {old: plan for old, plan in self._plans.items() if old.table != known.table.name}
        log.info("columns added", extra={"action": "alter_table", "table": str(known.table.name),
                                         "columns": [column.name for column in new]})

    def _check_may_add(self, table: Table, new: Sequence[NewColumn], shape: Shape) -> None:
        name, statement = table.name, self._dialect.add_columns_sql(table.name, new)
        if not self._settings.auto_evolve or "VIEW" in table.type:
            hint = ""
            if any(column.name == self._settings.text_column for column in new):
                hint = (" (the values are plain text or bytes: if they are JSON, set value.converter=JsonConverter and "
                        "value.converter.schemas.enable=false)")
            names = ", ".join(f'"{column.name}"' for column in new)
            raise ConnectError(f"table {name} has no column {names}{hint}: set auto.evolve=true, leave the field out "
                               f"with fields.whitelist, or add it: {statement}")
        for column in new:
            if column.key:
                raise ConnectError(f'table {name} has no column "{column.name}", which is part of the key: a key is '
                                   f"never changed; add it by hand: {statement}")
            if not column.schema.optional and column.schema.default is None:
                raise ConnectError(f'field "{column.name}" is required and has no default, so it cannot be added to '
                                   f"table {name}, whose rows lack it: make it optional, or add it: {statement}")

    # -- plans ----------------------------------------------------------------------------------------------------

    def _fit(self, known: _Known, shape: Shape) -> Plan:
        table = known.table
        places: dict[str, int] = {}
        unknown: list[tuple[int, str]] = []
        refs: dict[str, FieldRef] = {}
        for index, ref in enumerate(shape.fields):
            column = table.column(ref.column)
            if column is None:
                unknown.append((index, ref.field))
            elif not column.generated:
                places[column.name], refs[column.name] = index, ref
        names = list(places)
        keys = [name for name in names if places[name] < len(shape.keys)]
        if shape.schemaless and self._settings.insert_mode is InsertMode.INSERT:
            names = keys + self._with_seen(known, places, keys)
        json = unknown and self._settings.unknown_fields is UnknownFields.JSON
        if json:
            names.append(self._json_column(table, places))
        target = self._target(known, names, len(keys), refs)
        self._warn_of_missing(known, names)
        plain = [places.get(name) for name in names] == list(range(len(shape.fields)))
        return Plan(target, None if plain else self._arranger(names, places, unknown, json_last=bool(json)))

    def _with_seen(self, known: _Known, places: dict[str, int], keys: Sequence[str]) -> list[str]:
        """All columns maps had keys for, so that one statement takes maps with and without them.

        A column with a default is left out if this map does not have it, since NULL is not its default.
        """
        before = len(known.seen)
        known.seen.update(dict.fromkeys(name for name in places if name not in keys))
        if len(known.seen) > before:
            # Shapes that lack the new columns join the longer statement.
            self._plans = {old: plan for old, plan in self._plans.items() if old.table != known.table.name}
        return [name for name in known.seen if name in places or not known.table.columns[name].has_default]

    def _json_column(self, table: Table, places: dict[str, int]) -> str:
        column = table.column(self._settings.json_column)
        if column is None or column.name in places:
            raise ConnectError(f'table {table.name} needs a column "{self._settings.json_column}" that no field has, '
                               "to collect unknown keys: add it with type jsonb, or correct schemaless.json.column")
        return column.name

    def _target(self, known: _Known, names: Sequence[str], keys: int, refs: dict[str, FieldRef]) -> Target:
        schemas = tuple((ref.schema and ref.schema.name, self._is_timestamp(ref)) if (ref := refs.get(name)) else None
                        for name in names)
        found = (*names, keys, *schemas)
        target = known.targets.get(found)
        if target is None:
            if len(known.targets) >= MOST_TARGETS:
                known.targets.clear()
            target = known.targets[found] = self._make_target(known.table, names, keys, refs)
        return target

    def _make_target(self, table: Table, names: Sequence[str], keys: int, refs: dict[str, FieldRef]) -> Target:
        settings = self._settings
        columns = tuple(self._bind(table.columns[name], refs.get(name)) for name in names)
        if settings.insert_mode is InsertMode.UPSERT and names:
            self._check_unique(table, names[:keys])
        streams = (settings.insert_mode is InsertMode.INSERT and not settings.ignore_duplicates
                   and not settings.delete_enabled and settings.write_path in ("auto", "copy")
                   and table.accepts_streams and self._dialect.can_stream(columns))
        return Target(table, columns, keys, streams)

    def _bind(self, column: Column, ref: FieldRef | None) -> Binding:
        prepare = ref and prepare_for(ref.schema, timestamp=self._is_timestamp(ref),
                                      nanoseconds=self._settings.timestamp_nanoseconds)
        return self._dialect.bind(column, prepare or None)

    def _check_unique(self, table: Table, keys: Sequence[str]) -> None:
        if frozenset(keys) not in table.unique_keys:
            raise ConnectError(f"insert.mode=upsert needs a unique index on exactly the key columns {', '.join(keys)} "
                               f"of table {table.name}: {self._dialect.create_index_sql(table.name, keys)}")

    def _warn_of_missing(self, known: _Known, names: Sequence[str]) -> None:
        """Say once which columns every insert will be refused for."""
        if known.warned or self._settings.insert_mode is InsertMode.UPDATE:
            return
        known.warned = True
        missing = [column.name for column in known.table.columns.values()
                   if not (column.nullable or column.has_default or column.generated) and column.name not in names]
        if missing:
            log.warning("columns are NOT NULL without default and are not in the records",
                        extra={"action": "check_table", "table": str(known.table.name), "columns": missing})

    def _arranger(self, names: Sequence[str], places: dict[str, int], unknown: Sequence[tuple[int, str]], *,
                  json_last: bool) -> Callable[[Row], Row]:
        """Return a function that brings the values of a shape into the order of the columns; the others become null."""
        order = [places.get(name, -1) for name in (names[:-1] if json_last else names)]
        pick = itemgetter(*order) if len(order) > 1 else lambda row: tuple(row[index] for index in order)
        ignore = self._settings.unknown_fields is UnknownFields.IGNORE

        def arrange(row: Row) -> Row:
            extra = {name: row[index] for index, name in unknown if row[index] is not None}
            if extra and not json_last and not ignore:
                raise UnknownFieldError(
                    f"the table has no column for {', '.join(map(repr, extra))}: set auto.evolve=true to add it, or "
                    "schemaless.unknown.fields=ignore or json")
            picked = cast(Row, pick((*row, None)))
            return (*picked, extra or None) if json_last else picked

        return arrange


#: Targets kept per table.
MOST_TARGETS: Final = 1000


def guess_schema(values: Sequence[object]) -> Schema | None:
    """Guess the schema of values without one; None if there are none but nulls."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return None
    if kinds & {dict, list, tuple}:
        return json_schema()
    if kinds == {int}:
        small = all(-2**63 <= cast(int, value) < 2**63 for value in values if value is not None)
        return Schema(Type.INT64, optional=True) if small else decimal_schema(0, optional=True)
    if kinds <= {int, float}:
        return Schema(Type.FLOAT64, optional=True)
    if len(kinds) == 1 and (schema := _GUESSES.get(kinds.pop())) is not None:
        return replace(schema, optional=True)
    return Schema(Type.STRING, optional=True)


_GUESSES: Final = {
    bool: Schema(Type.BOOLEAN), str: Schema(Type.STRING), bytes: Schema(Type.BYTES), Decimal: decimal_schema(0),
    datetime: TIMESTAMP, date: DATE, time: TIME}


def _values(table: TableName, column: str, sample: Sequence[tuple[Shape, Row]]) -> list[object]:
    """The values the rows of a sample have for one column."""
    places = {shape: next((index for index, ref in enumerate(shape.fields) if ref.column == column), None)
              for shape, _ in sample if shape.table == table}
    return [row[place] for shape, row in sample if (place := places.get(shape)) is not None]
