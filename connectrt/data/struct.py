"""Check values against their schema and read structs, with Kafka Connect's rules and texts.

A STRUCT and a MAP are both a dict, so unlike Java a dict fits either; and Python has one int and one float type, so a
number fits every integer type whose range holds it, and a float both FLOAT32 and FLOAT64.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

from connectrt.data.logical import logical_type
from connectrt.data.numbers import INTEGER_RANGES
from connectrt.data.schema import Schema, Type
from connectrt.errors import DataError

BYTES_TYPES: Final = (bytes, bytearray, memoryview)

_PYTHON_TYPES: Final[Mapping[Type, tuple[type, ...]]] = {
    Type.INT8: (int,), Type.INT16: (int,), Type.INT32: (int,), Type.INT64: (int,),
    Type.FLOAT32: (float,), Type.FLOAT64: (float,), Type.BOOLEAN: (bool,), Type.STRING: (str,),
    Type.BYTES: BYTES_TYPES, Type.ARRAY: (list, tuple), Type.MAP: (dict,), Type.STRUCT: (dict,),
}
_JAVA_CLASSES: Final[Mapping[type, str]] = {
    bool: "java.lang.Boolean", str: "java.lang.String", float: "java.lang.Double", Decimal: "java.math.BigDecimal",
    bytes: "[B", bytearray: "[B", memoryview: "java.nio.HeapByteBuffer", date: "java.util.Date",
    datetime: "java.util.Date", time: "java.util.Date", list: "java.util.ArrayList", tuple: "java.util.ArrayList",
    dict: "java.util.LinkedHashMap",
}


class HashableDict(dict[object, object]):
    """A STRUCT or MAP that is the key of a MAP. Must not be changed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def hashable(value: object) -> object:
    """Return an equal value that can be the key of a dict: a list becomes a tuple, a dict a HashableDict."""
    if isinstance(value, list | tuple):
        return tuple(map(hashable, value))
    if isinstance(value, dict):
        return HashableDict((hashable(key), hashable(item)) for key, item in value.items())
    return value


def java_class(value: object) -> str:
    """Name a value's type as Java Connect would, for its error texts: `class java.lang.Long`."""
    if type(value) is int:
        low, high = INTEGER_RANGES[Type.INT64]
        return "class java.lang.Long" if low <= value <= high else "class java.math.BigInteger"
    return "class " + _JAVA_CLASSES.get(type(value), f"{type(value).__module__}.{type(value).__qualname__}")


def fits(schema: Schema, value: object) -> bool:
    """Tell whether a value that is not None is of the schema's own type; what it contains is not looked at."""
    logical = logical_type(schema)
    if logical is not None:
        return isinstance(value, logical.python_type)
    if schema.type in INTEGER_RANGES:
        low, high = INTEGER_RANGES[schema.type]
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return isinstance(value, _PYTHON_TYPES[schema.type])


def validate_value(schema: Schema, value: object, location: str = "value") -> None:
    """Raise DataError unless the value, with all it contains, fits. Java: `ConnectSchema.validateValue`.

    A default does not stand in for None here, except in the fields of a STRUCT, as in Java.
    """
    if value is None:
        if not schema.optional:
            raise DataError(f"Invalid value: null used for required {location}, schema type: {schema.type}")
        return
    if not fits(schema, value):
        name = f' "{schema.name}"' if schema.name is not None else ""
        raise DataError(f"Invalid Java object for schema{name} with type {schema.type}: "
                        f"{java_class(value)} for {location}")
    if isinstance(value, list | tuple) and schema.value_schema is not None:
        for element in value:
            validate_value(schema.value_schema, element, f"element of array {location}")
    elif isinstance(value, dict) and schema.type is Type.STRUCT:
        _validate_fields(schema, value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if schema.key_schema is not None:
                validate_value(schema.key_schema, key, f"key of map {location}")
            if schema.value_schema is not None:
                validate_value(schema.value_schema, item, f"value of map {location}")


def _validate_fields(schema: Schema, value: dict[object, object]) -> None:
    for name in value:
        if not isinstance(name, str) or schema.field(name) is None:  # it would be lost without a word
            raise DataError(f"{name} is not a valid field name")
    for name, field in schema.fields:
        item = value.get(name)
        if item is not None or (not field.optional and field.default is None):
            validate_value(field, item, f'field: "{name}"')


def validate_default(schema: Schema) -> None:
    """Raise DataError if the schema's own default does not fit it. Java: `SchemaBuilder.defaultValue`."""
    if schema.default is not None:
        try:
            validate_value(schema, schema.default)
        except DataError as error:
            raise DataError(f"Invalid default value: {error}") from error


def field_value(schema: Schema, struct: Mapping[str, object], name: str) -> object:
    """Return a field of a struct, its default in place of null. Java: `Struct.get`.

    Raises DataError if the schema has no such field.
    """
    field = schema.field(name)
    if field is None:
        raise DataError(f"{name} is not a valid field name")
    value = struct.get(name)
    return field.default if value is None else value


def looks_like_envelope(value: object) -> bool:
    """Tell whether a schemaless value is JsonConverter's envelope, read with `schemas.enable=false` by mistake.

    That is no error to the converter; a sink that cannot use such a value can say which lines to change:
    `value.converter=JsonConverter` and `value.converter.schemas.enable=true`.
    """
    if not isinstance(value, dict) or value.keys() != {"schema", "payload"}:
        return False
    schema = value["schema"]
    return isinstance(schema, dict) and isinstance(schema.get("type"), str)
