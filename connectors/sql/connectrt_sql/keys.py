"""Read the primary key of a record: from its place in Kafka, its key, its value or its headers.

Invariant: no part of a key that was read is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, cast

from connectrt.sdk import DataError, Schema, SinkRecord, Type
from connectrt_sql.settings import KAFKA_COLUMNS, KeyMode, Settings

Row = tuple[object, ...]
Fields = Mapping[str, object]

_KAFKA_SCHEMAS: Final = (Schema(Type.STRING), Schema(Type.INT32), Schema(Type.INT64))
_NO_PLAIN_KEYS: Final = (dict, list, tuple, bytes, bytearray, memoryview)


class MisfitError(Exception):
    """Not all records of a batch are of the shape; read them one by one."""


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field and the column it goes to."""

    field: str
    column: str
    schema: Schema | None  #: None: schemaless


class KeyReader:
    """Reads the key columns. Java: `PrimaryKeyMode`."""

    def __init__(self, settings: Settings, mode: KeyMode, record: SinkRecord, values: tuple[FieldRef, ...]) -> None:
        self._mode = mode
        self._replace = settings.replace_null_with_default
        self._naming = settings.naming
        self._plain = False
        self._width: int | None = None  #: how many keys a key that is a map must have; None: does not matter
        self.fields = self._fields(settings.key_fields, record, values)

    def _fields(self, names: tuple[str, ...], record: SinkRecord, values: tuple[FieldRef, ...]) -> tuple[FieldRef, ...]:
        if self._mode is KeyMode.NONE:
            return ()
        if self._mode is KeyMode.KAFKA:
            return tuple(FieldRef(name, name, schema)
                         for name, schema in zip(names or KAFKA_COLUMNS, _KAFKA_SCHEMAS, strict=True))
        if self._mode is KeyMode.RECORD_HEADER:
            return tuple(self._header(name, record) for name in names)
        if self._mode is KeyMode.RECORD_VALUE:
            chosen = [ref for ref in values if not names or ref.field in names]
            self._must_have(names, [ref.field for ref in chosen], "value", record.value is None)
            return tuple(chosen)
        return self._of_record_key(names, record)

    def _header(self, name: str, record: SinkRecord) -> FieldRef:
        header = record.headers.last(name)
        return FieldRef(name, self._naming.column(name), None if header is None else header.schema)

    def _of_record_key(self, names: tuple[str, ...], record: SinkRecord) -> tuple[FieldRef, ...]:
        key, schema = record.key, record.key_schema
        if key is None:
            raise DataError("the record has no key, which pk.mode=record_key needs")
        if isinstance(key, dict):
            pairs = ([(field.name, field.schema) for field in schema.fields] if schema is not None
                     and schema.type is Type.STRUCT else [(str(name), None) for name in key])
            chosen = [FieldRef(name, self._naming.column(name), schema) for name, schema in pairs
                      if not names or name in names]
            self._must_have(names, [ref.field for ref in chosen], "key", False)
            self._width = None if names or schema is not None else len(chosen)
            return tuple(chosen)
        if isinstance(key, _NO_PLAIN_KEYS):
            raise DataError(f"the record's key is of type {type(key).__name__}, which is no primary key: set "
                            "key.converter to the format it was written in")
        if len(names) != 1:
            raise DataError(f"the record's key is a plain value, so pk.fields needs exactly one column name; it has "
                            f"{len(names)}")
        self._plain = True
        return (FieldRef(names[0], names[0], schema or _schema_of_key(key)),)

    def _must_have(self, names: tuple[str, ...], found: list[str], what: str, absent: bool) -> None:
        missing = [name for name in names if name not in found]
        if missing and not absent:
            raise DataError(f"the record's {what} has no field {', '.join(missing)}, which pk.fields names")

    def read(self, record: SinkRecord, body: Fields | None) -> Row:
        """Return the key. Raises DataError if a part of it is null."""
        row = self._raw(record, body)
        for ref, value in zip(self.fields, row, strict=True):
            if value is None:
                raise DataError(f'key column "{ref.column}" is null')
        return row

    def _raw(self, record: SinkRecord, body: Fields | None) -> Row:
        if self._mode is KeyMode.KAFKA:
            return (record.original_topic, record.original_partition, record.offset)
        if self._mode is KeyMode.RECORD_HEADER:
            found = [record.headers.last(ref.field) for ref in self.fields]
            return tuple(None if header is None else header.value for header in found)
        if self._plain:
            return (record.key,)
        source = record.key if self._mode is KeyMode.RECORD_KEY else body
        return tuple(self._field(cast(Fields, source or {}), ref) for ref in self.fields)

    def _field(self, source: Fields, ref: FieldRef) -> object:
        value = source.get(ref.field)
        return ref.schema.default if value is None and self._replace and ref.schema is not None else value

    def batch(self) -> Callable[[Sequence[SinkRecord]], Sequence[Row]] | None:
        """Return a reader of many keys for those that are not in the value; None: there is none."""
        if self._mode is KeyMode.KAFKA:
            return lambda records: [(each.original_topic, each.original_partition, each.offset) for each in records]
        if self._mode is not KeyMode.RECORD_KEY:
            return None
        if self._plain:
            return _plain_keys
        get = getter([ref.field for ref in self.fields])
        return lambda records: read_maps([each.key for each in records], get, self._width)

    @property
    def in_value(self) -> bool:
        return self._mode is KeyMode.RECORD_VALUE

    @property
    def by_header(self) -> bool:
        return self._mode is KeyMode.RECORD_HEADER


def read_maps(values: Sequence[object], get: Callable[[Fields], Row], width: int | None) -> list[Row]:
    try:
        if width is not None and set(map(len, cast(Sequence[Fields], values))) != {width}:
            raise MisfitError
        return list(map(get, cast(Sequence[Fields], values)))
    except (KeyError, TypeError, AttributeError):
        raise MisfitError from None


def getter(names: Sequence[str]) -> Callable[[Fields], Row]:
    """Like itemgetter, but always a tuple."""
    if len(names) > 1:
        return cast(Callable[[Fields], Row], itemgetter(*names))
    if not names:
        return lambda fields: ()
    name = names[0]
    return lambda fields: (fields[name],)


def _plain_keys(records: Sequence[SinkRecord]) -> list[Row]:
    keys: list[Row] = [(record.key,) for record in records]
    if not {type(key) for key, in keys}.isdisjoint(_NO_PLAIN_KEYS):
        raise MisfitError
    return keys


def _schema_of_key(key: object) -> Schema | None:
    if isinstance(key, bool):
        return Schema(Type.BOOLEAN)
    if isinstance(key, int):
        return Schema(Type.INT64)
    return Schema(Type.STRING) if isinstance(key, str) else None
