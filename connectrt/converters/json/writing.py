"""Turn Connect values into what msgspec encodes to the very bytes Java would write.

A schema is compiled once into nested functions, because a lookup per value costs more than the rest of the work.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import NoneType
from typing import Any, Final, NamedTuple

import msgspec

from connectrt.converters.json.field_error import FieldError, in_field
from connectrt.data.logical import DECIMAL_NAME, LogicalType, logical_type
from connectrt.data.numbers import INTEGER_RANGES, float32_in_digits, float64_text
from connectrt.data.schema import Schema, Type
from connectrt.data.struct import fits, java_class
from connectrt.errors import DataError

Writer = Callable[[Any], object]

_encode: Final = msgspec.json.Encoder().encode
#: Where Jackson escapes differently: characters beyond U+FFFF, and hexadecimal digits in capitals.
_JACKSON_ESCAPES: Final = re.compile(rb"\\[^u]|\\u00[01][a-f]|[\xf0-\xf4][\x80-\xbf]{3}", re.DOTALL)
_AS_IT_IS: Final = frozenset((str, bool, NoneType, bytes))
#: Floats between these print as in Java.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 9999999.0
_LOWEST, _HIGHEST = INTEGER_RANGES[Type.INT64]


class WriteOptions(NamedTuple):
    """What the converter's config says about writing."""

    replace_null: bool  #: write a default in place of null
    numeric_decimals: bool  #: write Decimals as numbers, not as base64


def encode(value: object) -> bytes:
    """Encode what a writer returned. Raises DataError for text with half a character, which UTF-8 cannot hold."""
    try:
        data = _encode(value)
    except UnicodeEncodeError as error:
        raise DataError("the text holds half a character (a lone surrogate), which UTF-8 cannot hold") from error
    return _JACKSON_ESCAPES.sub(_as_jackson, data) if b"\\" in data or not data.isascii() else data


def _as_jackson(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if not text.startswith(b"\\"):
        beyond = ord(text.decode()) - 0x10000
        return b"\\u%04X\\u%04X" % (0xD800 + (beyond >> 10), 0xDC00 + (beyond & 0x3FF))
    return b"\\u" + text[2:].upper() if text.startswith(b"\\u") else text


def plain_json(value: object) -> object:
    """Prepare a value without schema. Raises DataError for types that have none in Connect: Decimal, dates, sets."""
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, float):
        return _float64(value)
    if value is None or isinstance(value, str | bytes | bytearray | memoryview):
        return value
    if isinstance(value, int) and _LOWEST <= value <= _HIGHEST:
        return value
    raise FieldError(f"Java class {java_class(value)} does not have corresponding schema type.")


def _plain_dict(value: dict[object, object]) -> object:
    for name, item in value.items():
        kind = type(item)
        if type(name) is not str or not (
                kind in _AS_IT_IS or (kind is int and _LOWEST <= item <= _HIGHEST)  # type: ignore[operator]
                or (kind is float and _PLAIN_FROM <= item <= _PLAIN_TO)):  # type: ignore[operator]
            break
    else:
        return value
    if all(isinstance(name, str) for name in value):
        return {name: plain_json(item) for name, item in value.items()}
    return [[plain_json(key), plain_json(item)] for key, item in value.items()]


def _float64(value: float) -> object:
    if value == 0 or _PLAIN_FROM <= abs(value) <= _PLAIN_TO:
        return value
    text = float64_text(value)
    return msgspec.Raw(text.encode()) if math.isfinite(value) else text


def _float32(value: float) -> object:
    return _float64(float32_in_digits(value))


def compile_writer(schema: Schema | None, options: WriteOptions) -> Writer:
    """Return the function that prepares values of one schema. It raises DataError for values that do not fit."""
    if schema is None:
        return plain_json
    write = _compile_value(schema, options)

    def write_or_null(value: Any) -> object:
        if value is not None:
            return write(value)
        if schema.default is not None and options.replace_null:
            if schema.type is Type.STRUCT:
                raise FieldError("Mismatching schema.")  # Java cannot write the default of a struct
            return write(schema.default)
        if schema.optional:
            return None
        raise FieldError("Conversion error: null value for field that is required and has no default value")

    return write_or_null


def _compile_value(schema: Schema, options: WriteOptions) -> Writer:
    logical = logical_type(schema)
    if logical is not None:
        return _compile_logical(schema, logical, options)
    match schema.type:
        case Type.ARRAY:
            return _compile_array(schema, options)
        case Type.MAP:
            return _compile_map(schema, options)
        case Type.STRUCT:
            return _compile_struct(schema, options)
    convert: Writer | None = {Type.FLOAT32: _float32, Type.FLOAT64: _float64}.get(schema.type)
    label = "bytes type" if schema.type is Type.BYTES else schema.type

    def write(value: Any) -> object:
        if not fits(schema, value):
            raise FieldError(f"Invalid type for {label}: {java_class(value)}")
        return value if convert is None else convert(value)

    return write


def _compile_logical(schema: Schema, logical: LogicalType, options: WriteOptions) -> Writer:
    if schema.name == DECIMAL_NAME and options.numeric_decimals:
        logical = logical._replace(to_base=lambda _, value: _number(value))

    def write(value: Any) -> object:
        if not isinstance(value, logical.python_type):
            raise FieldError(f"Invalid type for {logical.label}, expected {logical.java_label} "
                             f"but was {java_class(value)}")
        return logical.to_base(schema, value)

    return write


def _number(value: Decimal) -> msgspec.Raw:
    if not value.is_finite():
        raise FieldError("A Decimal cannot be NaN or Infinity")
    return msgspec.Raw(str(value).encode())


def _compile_array(schema: Schema, options: WriteOptions) -> Writer:
    write_item = compile_writer(schema.value_schema, options)

    def write(value: Any) -> object:
        if not isinstance(value, list | tuple):
            raise FieldError(f"Invalid type for ARRAY: {java_class(value)}")
        return [write_item(item) for item in value]

    return write


def _compile_map(schema: Schema, options: WriteOptions) -> Writer:
    write_key, write_item = (compile_writer(part, options) for part in (schema.key_schema, schema.value_schema))
    as_object = schema.key_schema is not None and schema.key_schema.type is Type.STRING

    def write(value: Any) -> object:
        if not isinstance(value, dict):
            raise FieldError(f"Invalid type for MAP: {java_class(value)}")
        entries = [(write_key(key), write_item(item)) for key, item in value.items()]
        return {"null" if key is None else key: item for key, item in entries} if as_object else entries

    return write


def _compile_struct(schema: Schema, options: WriteOptions) -> Writer:
    names = tuple(field.name for field in schema.fields)
    checks = [_as_it_is(field.schema) for field in schema.fields]
    fields = [(name, compile_writer(field, options)) for name, field in schema.fields]

    def write(value: Any) -> object:
        if not isinstance(value, dict):
            raise FieldError(f"Invalid type for STRUCT: {java_class(value)}")
        if tuple(value) == names:
            for item, (kind, low, high) in zip(value.values(), checks, strict=True):
                if type(item) is not kind or not (low is None or low <= item <= high):
                    break
            else:
                return value
        return _struct(fields, value)

    return write


def _struct(fields: Sequence[tuple[str, Writer]], value: dict[str, object]) -> dict[str, object]:
    struct = {}
    for name, write in fields:
        try:
            struct[name] = write(value.get(name))
        except DataError as error:
            raise in_field(name, error) from error
    for name in value:
        if name not in struct:
            raise FieldError(f"Mismatching schema. {name} is not a valid field name")
    return struct


def _as_it_is(schema: Schema) -> tuple[type | None, Any, Any]:
    """The Python type, lowest and highest value that msgspec writes as Java would; type None if there is none."""
    if logical_type(schema) is None:
        if schema.type in INTEGER_RANGES:
            return int, *INTEGER_RANGES[schema.type]
        if schema.type is Type.FLOAT64:
            return float, _PLAIN_FROM, _PLAIN_TO
        kinds: dict[Type, type] = {Type.STRING: str, Type.BOOLEAN: bool, Type.BYTES: bytes}
        return kinds.get(schema.type), None, None
    return None, None, None
