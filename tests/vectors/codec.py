"""Decode recorded cases: the tagged schemas and values of the vector files, as the Python values they stand for.

Java tells apart what Python does not: Byte, Short, Integer and Long are int, Float and Double float, Struct and Map
dict, a class of its own for each. A case about nothing but such a difference has no Python form; `same_value` and
`same_error` are as blind as Python, and callers skip what is left by rule.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectrt.data.logical import (
    DATE_NAME,
    MS_PER_DAY,
    TIME_NAME,
    ms_to_time,
    ms_to_timestamp,
    timestamp_to_ms,
)
from connectrt.data.numbers import round_float32
from connectrt.data.schema import Field, Schema, Type
from connectrt.data.struct import hashable
from connectrt.errors import DataError

Case = Mapping[str, Any]
_INTEGER_CLASS = re.compile(r"java\.lang\.(Byte|Short|Integer|Long)|java\.math\.BigInteger")
_FLOAT_CLASS = re.compile(r"java\.lang\.(Float|Double)")


class NoPythonForm(Exception):
    """Python has no such value, e.g. the time 24:00."""


def cases(name: str) -> list[Case]:
    """Return the cases of one vector file, e.g. `converters/primitive`."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    found: list[Case] = json.loads(text)["cases"]
    return found


def decode_schema(node: Any) -> Schema | None:
    if node is None:
        return None
    if isinstance(node, str):
        return Schema(Type(node.rstrip("?")), optional=node.endswith("?"))
    schema = Schema(
        Type(node["type"]), node.get("optional", False), node.get("name"), node.get("version"), node.get("doc"),
        node.get("parameters"), None,
        tuple(Field(field["name"], _required(field["schema"])) for field in node.get("fields", ())),
        decode_schema(node.get("keySchema")), decode_schema(node.get("valueSchema")))
    default = decode_value(schema, node.get("default"))
    return Schema(schema.type, schema.optional, schema.name, schema.version, schema.doc, schema.parameters, default,
                  schema.fields, schema.key_schema, schema.value_schema)


def _required(node: Any) -> Schema:
    schema = decode_schema(node)
    assert schema is not None
    return schema


def decode_value(schema: Schema | None, node: Any) -> Any:
    """Return the Python value of a node. Raises NoPythonForm if there is none."""
    if isinstance(node, list):
        return [decode_value(schema and schema.value_schema, item) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) in (1, 2) and (tag := next(iter(node))).startswith("$"):
        return _decode_tagged(schema, tag, node[tag], node.get("schema"))
    return {key: decode_value(schema and schema.value_schema, item) for key, item in node.items()}


def _decode_tagged(schema: Schema | None, tag: str, node: Any, own_schema: Any) -> Any:
    match tag:
        case "$i8" | "$i16" | "$i32" | "$i64" | "$bigint":
            return int(node)
        case "$f32" | "$f64":
            return float(node)
        case "$bytes" | "$bytebuffer":
            return base64.b64decode(node)
        case "$dec":
            digits = tuple(map(int, node[0].lstrip("-")))
            return Decimal((int(node[0].startswith("-")), digits, -node[1]))
        case "$date":
            return _decode_date(schema, node)
        case "$map":
            key_schema, value_schema = (schema.key_schema, schema.value_schema) if schema else (None, None)
            return {hashable(decode_value(key_schema, key)): decode_value(value_schema, item) for key, item in node}
        case "$struct":
            schema = decode_schema(own_schema) if own_schema else schema
            return {name: decode_value(schema and schema.field(name), item) for name, item in node.items()}
        case _:
            raise NoPythonForm(tag)


def _decode_date(schema: Schema | None, ms: int) -> Any:
    """A java.util.Date: what it is in Python follows from the schema, and without one it is a datetime."""
    try:
        if schema is not None and schema.name == TIME_NAME:
            return ms_to_time(ms)
        moment = ms_to_timestamp(ms)
    except DataError as error:
        raise NoPythonForm("24:00, or a year beyond 1 to 9999") from error
    return moment.date() if schema is not None and schema.name == DATE_NAME and ms % MS_PER_DAY == 0 else moment


def same_value(schema: Schema | None, got: Any, expected: Any) -> bool:
    """Compare as Java would: a bool is no int, NaN equals NaN, a FLOAT32 has single precision, absent is null."""
    if expected is None or got is None:
        return got is expected
    if isinstance(expected, float) and isinstance(got, float):
        if schema is not None and schema.type is Type.FLOAT32:
            got, expected = round_float32(got), round_float32(expected)
        return got == expected or (math.isnan(got) and math.isnan(expected))
    if isinstance(expected, Decimal):
        return isinstance(got, Decimal) and got.as_tuple() == expected.as_tuple()
    if isinstance(expected, datetime):
        return isinstance(got, datetime) and timestamp_to_ms(got) == timestamp_to_ms(expected)
    if isinstance(expected, Sequence) and isinstance(got, list | tuple):
        item_schema = schema and schema.value_schema
        return len(got) == len(expected) and all(map(same_value, [item_schema] * len(got), got, expected))
    if isinstance(expected, dict) and isinstance(got, dict):
        return _same_entries(schema, got, expected)
    return bool(type(got) is type(expected) and got == expected)


def _same_entries(schema: Schema | None, got: dict[Any, Any], expected: dict[Any, Any]) -> bool:
    if schema is not None and schema.type is Type.STRUCT:
        return got.keys() | expected.keys() <= {field.name for field in schema.fields} and all(
            same_value(field.schema, got.get(field.name), expected.get(field.name)) for field in schema.fields)
    return got.keys() == expected.keys() and all(
        same_value(schema and schema.value_schema, item, expected[key]) for key, item in got.items())


def same_error(got: str, expected: str) -> bool:
    """Tell whether a text begins as Java's does; it may go on with the place and the cure."""
    got, expected = (_FLOAT_CLASS.sub("float", _INTEGER_CLASS.sub("int", text)) for text in (got, expected))
    return got.startswith(expected)
