"""Turn parsed JSON into Connect values, as leniently as Java does.

With a schema, a node of the wrong type is seldom an error: text under INT32 is 0, 300 under INT8 wraps to 44, a number
under STRING is null. Only nulls, logical types and the shape of structs and maps are checked.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from decimal import Decimal
from typing import Final

from connectrt.converters.json.field_error import FieldError, in_field
from connectrt.converters.json.parser import Missing
from connectrt.data.logical import DECIMAL_NAME, LogicalType, logical_type
from connectrt.data.numbers import INTEGER_RANGES, round_float32, wrap_integer
from connectrt.data.schema import Schema, Type
from connectrt.data.struct import hashable, validate_value
from connectrt.errors import DataError

_BASE64: Final = re.compile(r"(?:[\x00-\x20]*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))*[\x00-\x20]*")
_QUAD: Final = re.compile(r"[^\x00-\x20]{4}")


def plain_value(node: object) -> object:
    """Return the value of a node without schema: INT64 (wrapped), FLOAT64, text, boolean, list, dict or None."""
    if isinstance(node, bool | str) or node is None:
        return node
    if isinstance(node, int):
        return wrap_integer(Type.INT64, node)
    if isinstance(node, Decimal):
        return float(node)
    if isinstance(node, list):
        return [plain_value(item) for item in node]
    if isinstance(node, dict):
        return {key: plain_value(item) for key, item in node.items()}
    return None


def read_value(schema: Schema | None, node: object, replace_null: bool) -> object:
    """Return the value of a node under a schema; a default replaces null if `replace_null`. Raises DataError."""
    if schema is None:
        return plain_value(node)
    if node is None:
        if schema.default is not None and replace_null:
            return schema.default
        if schema.optional:
            return None
        raise FieldError(f"Invalid null value for required {schema.type} field")
    logical = logical_type(schema)
    if logical is not None:
        return _logical(schema, logical, node)
    if schema.type in INTEGER_RANGES:
        return wrap_integer(schema.type, _truncated(node))
    match schema.type:
        case Type.FLOAT32:
            return round_float32(_float(node))
        case Type.FLOAT64:
            return _float(node)
        case Type.BOOLEAN:
            return node is True
        case Type.STRING:
            return node if isinstance(node, str) else None
        case Type.BYTES:
            return _base64(node, "Invalid bytes field") if isinstance(node, str) else None
        case Type.ARRAY:
            items = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            return [read_value(schema.value_schema, item, replace_null) for item in items]
        case Type.MAP:
            return _map(schema, node, replace_null)
        case _:
            return _struct(schema, node, replace_null)


def _logical(schema: Schema, logical: LogicalType, node: object) -> object:
    if schema.name == DECIMAL_NAME:
        return _decimal(schema, logical, node)
    integers = Type.INT64 if logical.label == "Timestamp" else Type.INT32
    low, high = INTEGER_RANGES[integers]
    if not isinstance(node, int) or isinstance(node, bool) or (integers is Type.INT32 and not low <= node <= high):
        word = "integral" if integers is Type.INT64 else "integer"
        raise FieldError(f"Invalid type for {logical.label}, underlying representation should be {word} "
                         f"but was {node_type(node)}")
    return logical.from_base(schema, wrap_integer(integers, node))


def _decimal(schema: Schema, logical: LogicalType, node: object) -> object:
    if isinstance(node, Decimal):
        return node if node else abs(node)  # Java knows no -0
    if isinstance(node, int) and not isinstance(node, bool):
        return Decimal(node)
    if not isinstance(node, str):
        raise FieldError("Invalid type for Decimal, underlying representation should be numeric or bytes "
                         f"but was {node_type(node)}")
    data = _base64(node, "Invalid bytes for Decimal field")
    try:
        return logical.from_base(schema, data)
    except DataError as error:
        raise FieldError(f"Invalid bytes for Decimal field: {error}") from error


def _map(schema: Schema, node: object, replace_null: bool) -> object:
    if schema.key_schema is None or schema.key_schema.type is Type.STRING:
        if not isinstance(node, dict):
            raise FieldError(f"Maps with string fields should be encoded as JSON objects, but found {node_type(node)}")
        return {key: read_value(schema.value_schema, item, replace_null) for key, item in node.items()}
    if not isinstance(node, list):
        raise FieldError("Maps with non-string fields should be encoded as JSON array of tuples, "
                         f"but found {node_type(node)}")
    entries = {}
    for entry in node:
        if not isinstance(entry, list):
            raise FieldError(f"Found invalid map entry instead of array tuple: {node_type(entry)}")
        if len(entry) != 2:
            raise FieldError(f"Found invalid map entry, expected length 2 but found :{len(entry)}")
        key = hashable(read_value(schema.key_schema, entry[0], replace_null))
        entries[key] = read_value(schema.value_schema, entry[1], replace_null)
    return entries


def _struct(schema: Schema, node: object, replace_null: bool) -> object:
    if not isinstance(node, dict):
        raise FieldError(f"Structs should be encoded as JSON objects, but found {node_type(node)}")
    struct: dict[str, object] = {}
    for name, field in schema.fields:
        try:
            struct[name] = value = read_value(field, node.get(name), replace_null)
            validate_value(field, value, f'field: "{name}"')
        except DataError as error:
            raise in_field(name, error) from error
    return struct


def _truncated(node: object) -> int:
    if isinstance(node, int) and not isinstance(node, bool):
        return node
    # From 10**64 on the low 64 bits are all zero.
    if isinstance(node, Decimal) and node.adjusted() >= 0 and int(node.as_tuple().exponent) < 64:
        return int(node)
    return 0


def _float(node: object) -> float:
    if isinstance(node, Decimal):
        return float(node)
    if isinstance(node, int) and not isinstance(node, bool):
        return float(Decimal(node))  # unlike float(int), this gives infinity beyond the range
    return 0.0


def _base64(text: str, complaint: str) -> bytes:
    """Decode padded standard base64; blanks between groups of four are skipped, as Jackson does."""
    if not _BASE64.fullmatch(text):
        raise FieldError(complaint)
    return b"".join(map(a2b_base64, _QUAD.findall(text)))


def node_type(node: object) -> str:
    """Name a node's type as Jackson does."""
    if isinstance(node, Missing):
        return "MISSING"
    if node is None:
        return "NULL"
    if isinstance(node, bool):
        return "BOOLEAN"
    if isinstance(node, int | Decimal):
        return "NUMBER"
    return "STRING" if isinstance(node, str) else "ARRAY" if isinstance(node, list) else "OBJECT"
