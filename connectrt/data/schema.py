"""Describe the shape of keys, values and headers as Kafka Connect does.

Invariant: a Schema never changes after it is built, so it may be shared, cached by identity and compared by value.
The value it describes is plain Python and travels beside it:

| type                     | Python value                                                     |
|--------------------------|------------------------------------------------------------------|
| INT8 INT16 INT32 INT64   | int                                                              |
| FLOAT32 FLOAT64          | float                                                            |
| BOOLEAN STRING BYTES     | bool, str, bytes                                                 |
| ARRAY, MAP, STRUCT       | list, dict, dict (field name -> value; absent = null)            |
| logical types            | Decimal, date, time, datetime in UTC: see `connectrt.data.logical` |
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from connectrt.errors import DataError


class Type(enum.StrEnum):
    """Kafka Connect's types. Java: `Schema.Type`."""

    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FLOAT32 = "FLOAT32"
    FLOAT64 = "FLOAT64"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"
    BYTES = "BYTES"
    ARRAY = "ARRAY"
    MAP = "MAP"
    STRUCT = "STRUCT"

    @property
    def is_primitive(self) -> bool:
        return self not in (Type.ARRAY, Type.MAP, Type.STRUCT)


class Field(NamedTuple):
    """One field of a STRUCT."""

    name: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Schema:
    """What a value looks like. `default` is None for "no default", as in Java."""

    type: Type
    optional: bool = False
    name: str | None = None
    version: int | None = None
    doc: str | None = None
    parameters: Mapping[str, str] | None = None
    default: object = None
    fields: tuple[Field, ...] = ()
    key_schema: Schema | None = None
    value_schema: Schema | None = None
    _by_name: Mapping[str, Schema] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        by_name = {each.name: each.schema for each in self.fields}
        if len(by_name) != len(self.fields):
            names = [each.name for each in self.fields]
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"Cannot create field because of field name duplication {twice}")
        object.__setattr__(self, "_by_name", by_name)

    def __hash__(self) -> int:
        return hash((self.type, self.optional, self.name, self.version, tuple(self._by_name)))

    @staticmethod
    def struct(fields: Mapping[str, Schema] | Iterable[Field], *, name: str | None = None, version: int | None = None,
               optional: bool = False, doc: str | None = None) -> Schema:
        """Build a STRUCT schema; the order of fields is kept."""
        pairs = fields.items() if isinstance(fields, Mapping) else fields
        return Schema(Type.STRUCT, optional, name, version, doc, fields=tuple(Field(*pair) for pair in pairs))

    @staticmethod
    def array(value_schema: Schema | None, *, optional: bool = False, name: str | None = None) -> Schema:
        return Schema(Type.ARRAY, optional, name, value_schema=value_schema)

    @staticmethod
    def map(key_schema: Schema | None, value_schema: Schema | None, *, optional: bool = False,
            name: str | None = None) -> Schema:
        return Schema(Type.MAP, optional, name, key_schema=key_schema, value_schema=value_schema)

    def field(self, name: str) -> Schema | None:
        """Return the schema of the field `name` of a STRUCT, or None."""
        if self.type is not Type.STRUCT:
            raise DataError("Cannot look up fields on non-struct type")
        return self._by_name.get(name)

    def as_optional(self) -> Schema:
        return self if self.optional else replace(self, optional=True)


class SchemaBuilder:
    """Build a Schema step by step, in Java's words. Most code reads better with `Schema.struct({...})`.

    `SchemaBuilder(Type.STRUCT).name("order").field("id", INT64).field("note", OPTIONAL_STRING).build()`
    """

    def __init__(self, type: Type) -> None:
        self._schema = Schema(type)

    def _with(self, **changes: object) -> SchemaBuilder:
        self._schema = replace(self._schema, **changes)  # type: ignore[arg-type]
        return self

    def optional(self) -> SchemaBuilder:
        return self._with(optional=True)

    def name(self, name: str) -> SchemaBuilder:
        return self._with(name=name)

    def version(self, version: int) -> SchemaBuilder:
        return self._with(version=version)

    def doc(self, doc: str) -> SchemaBuilder:
        return self._with(doc=doc)

    def default(self, default: object) -> SchemaBuilder:
        return self._with(default=default)

    def parameter(self, name: str, value: str) -> SchemaBuilder:
        return self._with(parameters={**(self._schema.parameters or {}), name: value})

    def field(self, name: str, schema: Schema) -> SchemaBuilder:
        if self._schema.type is not Type.STRUCT:
            raise DataError("Cannot create fields on type " + self._schema.type)
        return self._with(fields=(*self._schema.fields, Field(name, schema)))

    def key_schema(self, schema: Schema | None) -> SchemaBuilder:
        return self._with(key_schema=schema)

    def value_schema(self, schema: Schema | None) -> SchemaBuilder:
        return self._with(value_schema=schema)

    def build(self) -> Schema:
        return self._schema


class SchemaAndValue(NamedTuple):
    """A value and the schema that describes it; (None, None) is Java's `SchemaAndValue.NULL`."""

    schema: Schema | None
    value: object


INT8, OPTIONAL_INT8 = Schema(Type.INT8), Schema(Type.INT8, optional=True)
INT16, OPTIONAL_INT16 = Schema(Type.INT16), Schema(Type.INT16, optional=True)
INT32, OPTIONAL_INT32 = Schema(Type.INT32), Schema(Type.INT32, optional=True)
INT64, OPTIONAL_INT64 = Schema(Type.INT64), Schema(Type.INT64, optional=True)
FLOAT32, OPTIONAL_FLOAT32 = Schema(Type.FLOAT32), Schema(Type.FLOAT32, optional=True)
FLOAT64, OPTIONAL_FLOAT64 = Schema(Type.FLOAT64), Schema(Type.FLOAT64, optional=True)
BOOLEAN, OPTIONAL_BOOLEAN = Schema(Type.BOOLEAN), Schema(Type.BOOLEAN, optional=True)
STRING, OPTIONAL_STRING = Schema(Type.STRING), Schema(Type.STRING, optional=True)
BYTES, OPTIONAL_BYTES = Schema(Type.BYTES), Schema(Type.BYTES, optional=True)
