"""Turn records into rows: which fields become which columns, what is the key, what is a delete.

Invariant: nothing here knows a database. All records of one Shape have their values in the same places, so a Shape can
read a whole batch at the speed of C; records that do not fit are read one by one, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, cast

from connectrt.sdk import DataError, Schema, SinkRecord, Type, looks_like_envelope
from connectrt_sql.keys import FieldRef, Fields, KeyReader, MisfitError, Row, getter, read_maps
from connectrt_sql.naming import TableName
from connectrt_sql.settings import KeyMode, Settings

#: Shapes kept; maps with ever new keys must not fill the memory.
MOST_SHAPES: Final = 1000

_ENVELOPE_FIELDS: Final = frozenset(("before", "after", "op", "source"))
#: Operations of events that tell of no row: truncate, message.
_ROWLESS: Final = ("t", "m")


class Action(Enum):
    """What a record asks for."""

    WRITE = "write"
    DELETE = "delete"
    TRUNCATE = "truncate"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How the records of one topic with the same schemas, or the same keys of a map, become rows: keys, then values."""

    topic: str
    table: TableName
    keys: tuple[FieldRef, ...]
    values: tuple[FieldRef, ...]
    schemaless: bool
    #: One record -> what to do and the row; of a DELETE only the key. Raises DataError.
    decode: Callable[[SinkRecord], tuple[Action, Row]]
    #: Many records -> their rows. Raises MisfitError, also if this shape has no fast way.
    rows: Callable[[Sequence[SinkRecord]], list[Row]]
    #: Kept alive, since the cache finds shapes by their identity.
    schemas: tuple[Schema | None, Schema | None]

    @property
    def fields(self) -> tuple[FieldRef, ...]:
        return self.keys + self.values


class Mapper:
    """Finds the shape of a record."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._naming = settings.naming
        self._shapes: dict[tuple[object, ...], Shape] = {}

    def shape(self, record: SinkRecord) -> Shape:
        """Raises DataError for a record that can be no row whatever the table is like."""
        found = (record.topic, id(record.key_schema), id(record.value_schema), self._table(record),
                 _kind(record.value, record.value_schema), _kind(record.key, record.key_schema))
        shape = self._shapes.get(found)
        if shape is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[found] = self._make(record)
        return shape

    def _table(self, record: SinkRecord) -> TableName:
        source = record.value.get("source") if self._naming.by_source and isinstance(record.value, dict) else None
        return self._naming.table(record.topic, record.original_partition, source)

    def _make(self, record: SinkRecord) -> Shape:
        value, schema = record.value, record.value_schema
        if value is None or _has_no_row(value, schema):
            return self._assemble(record, (), None, _ValueReader(self._settings, envelope=_is_envelope(schema, value)))
        if looks_like_envelope(value):
            raise DataError("the value is JSON with its schema inside, read as plain JSON: set "
                            "value.converter=JsonConverter and value.converter.schemas.enable=true")
        reader = _ValueReader(self._settings, envelope=_is_envelope(schema, value))
        body_schema = schema
        if reader.envelope:
            body_schema = schema.field("after") if schema is not None else None
            value = _body(cast(Fields, value))
        if isinstance(value, dict) and (body_schema is None or body_schema.type is Type.STRUCT):
            return self._assemble(record, self._value_fields(record.topic, value, body_schema), body_schema, reader)
        if isinstance(value, str | bytes | bytearray | memoryview):
            column = self._settings.text_column
            reader.text_field = column
            schema = schema or Schema(Type.STRING if isinstance(value, str) else Type.BYTES, optional=True)
            return self._assemble(record, (FieldRef(column, column, schema),), schema, reader)
        what = type(value).__name__ if schema is None else schema.type
        raise DataError(f"the value is a {what}: a row needs a struct or a map; the transform HoistField makes one")

    def _value_fields(self, topic: str, body: Fields, schema: Schema | None) -> tuple[FieldRef, ...]:
        pairs = ([(field.name, field.schema) for field in schema.fields] if schema is not None
                 else [(str(name), None) for name in body])
        return tuple(FieldRef(name, self._naming.column(name), schema) for name, schema in pairs)

    def _assemble(self, record: SinkRecord, fields: tuple[FieldRef, ...], schema: Schema | None,
                  reader: _ValueReader) -> Shape:
        settings = self._settings
        rowless = _has_no_row(record.value, record.value_schema)
        key = KeyReader(settings, KeyMode.NONE if rowless else settings.key_mode, record, fields)
        columns = {ref.column for ref in key.fields}
        kept = tuple(ref for ref in fields
                     if ref.column not in columns and settings.writes_field(record.topic, ref.field))
        if not kept and not key.fields and record.value is not None and not rowless:
            raise DataError("no fields found: the value has none, or none that fields.whitelist lets pass")
        reader.fields = kept
        schemaless = bool(fields) and schema is None
        fast = not (reader.envelope or self._naming.by_partition or self._naming.by_source or record.value is None)
        return Shape(
            topic=record.topic, table=self._table(record), keys=key.fields, values=kept, schemaless=schemaless,
            decode=lambda record: _decode(settings, record, key, reader),
            rows=_batch_reader(key, reader, len(fields) if schemaless else None) if fast else _no_fast_way,
            schemas=(record.key_schema, record.value_schema))


class _ValueReader:
    """Reads the columns that are no key from one record."""

    def __init__(self, settings: Settings, *, envelope: bool) -> None:
        self.envelope = envelope
        self.text_field: str | None = None
        self.fields: tuple[FieldRef, ...] = ()
        self._replace = settings.replace_null_with_default

    def body(self, record: SinkRecord, place: str = "after") -> Fields | None:
        """The map or struct that becomes the row."""
        value = record.value
        if self.text_field is not None:
            return {self.text_field: value}
        if self.envelope and isinstance(value, dict):
            value = value.get(place)
        return cast(Fields | None, value)

    def read(self, body: Fields, ref: FieldRef) -> object:
        value = body.get(ref.field)
        if value is None and self._replace and ref.schema is not None:
            return ref.schema.default
        return value

    @property
    def defaults(self) -> list[int]:
        """Where a null has to be replaced."""
        return [index for index, ref in enumerate(self.fields)
                if self._replace and ref.schema is not None and ref.schema.default is not None]


def _decode(settings: Settings, record: SinkRecord, key: KeyReader, reader: _ValueReader) -> tuple[Action, Row]:
    value = record.value
    operation = cast(Fields, value).get("op") if reader.envelope and value is not None else None
    if value is not None and not reader.envelope and _has_no_row(value, record.value_schema):
        return Action.SKIP, ()
    if operation in _ROWLESS:
        return (Action.TRUNCATE if operation == "t" and settings.truncate_enabled else Action.SKIP), ()
    if value is None or operation == "d":
        if settings.delete_enabled:
            return Action.DELETE, key.read(record, reader.body(record, "before"))
        if settings.ignore_nulls:
            return Action.SKIP, ()
        raise DataError("the record has no value: set delete.enabled=true and pk.mode=record_key if that means to "
                        "delete the row, or behavior.on.null.values=ignore to skip it")
    body = reader.body(record)
    if body is None:
        raise DataError(f"the event of operation {operation!r} has no `after`")
    return Action.WRITE, key.read(record, body) + tuple(reader.read(body, ref) for ref in reader.fields)


def _batch_reader(key: KeyReader, reader: _ValueReader,
                  width: int | None) -> Callable[[Sequence[SinkRecord]], list[Row]]:
    """Return a reader of many records. `width`: how many keys a map must have; None: a struct, absent = null."""
    in_value, key_count = key.in_value, len(key.fields)
    names = [ref.field for ref in (*key.fields, *reader.fields)] if in_value else [ref.field for ref in reader.fields]
    get, read_keys = getter(names), key.batch()
    # A null here is an error or has a default; which one is found record by record.
    offset = 0 if in_value else key_count
    never_null = [*range(key_count), *(index + key_count for index in reader.defaults)]
    if key.by_header:
        return _no_fast_way

    def rows(records: Sequence[SinkRecord]) -> list[Row]:
        values = [record.value for record in records]
        if reader.text_field is not None:
            found: list[Row] = [(value,) for value in values]
            if None in values:
                raise MisfitError
        else:
            found = read_maps(values, get, width)
        if offset and read_keys is not None:
            found = [head + tail for head, tail in zip(read_keys(records), found, strict=True)]
        for index in never_null:
            if any(row[index] is None for row in found):
                raise MisfitError
        return found

    return rows


def _no_fast_way(records: Sequence[SinkRecord]) -> list[Row]:
    raise MisfitError


def _kind(value: object, schema: Schema | None) -> object:
    """What tells values of different shape apart that have the same schema."""
    if not isinstance(value, dict):
        return type(value)
    if _has_no_row(value, schema):
        return value.get("op")
    if schema is not None:
        return dict
    return tuple(_body(value) or () if _is_envelope(None, value) else value)


def _body(event: Fields) -> Fields | None:
    """The row a change event tells of; after a delete the old one."""
    return cast(Fields | None, event.get("after") or event.get("before"))


def _has_no_row(value: object, schema: Schema | None) -> bool:
    """Whether a value is Debezium's news of a table, not of a row: truncated, changed, or a logical message."""
    if schema is not None and (schema.name or "").endswith(".SchemaChangeValue"):
        return True
    return isinstance(value, dict) and value.get("op") in _ROWLESS and _is_envelope(schema, value)


def _is_envelope(schema: Schema | None, value: object) -> bool:
    """Whether a value is a Debezium change event."""
    if schema is None:
        return isinstance(value, dict) and value.keys() >= _ENVELOPE_FIELDS
    if schema.type is not Type.STRUCT:
        return False
    return (schema.name or "").endswith(".Envelope") or {each.name for each in schema.fields} >= _ENVELOPE_FIELDS
