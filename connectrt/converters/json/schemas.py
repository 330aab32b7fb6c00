"""Translate between Schema and the JSON that describes it: the `schema` part of an envelope."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from connectrt.converters.json.reading import read_value
from connectrt.converters.json.writing import WriteOptions, compile_writer
from connectrt.data.numbers import wrap_integer
from connectrt.data.schema import Field, Schema, Type
from connectrt.data.struct import validate_default
from connectrt.errors import DataError

_WORDS: Final = {
    Type.INT8: "int8", Type.INT16: "int16", Type.INT32: "int32", Type.INT64: "int64", Type.FLOAT32: "float",
    Type.FLOAT64: "double", Type.BOOLEAN: "boolean", Type.STRING: "string", Type.BYTES: "bytes",
    Type.ARRAY: "array", Type.MAP: "map", Type.STRUCT: "struct",
}
_TYPES: Final = {word: type_ for type_, word in _WORDS.items()}


def schema_from_json(node: object, replace_null: bool) -> Schema | None:
    """Build the Schema that a parsed document describes; null is no schema. Raises DataError.

    Attributes of a wrong type are ignored, as in Java.
    """
    if node is None:
        return None
    word = node.get("type") if isinstance(node, dict) else None
    if not isinstance(node, dict) or not isinstance(word, str):
        raise DataError("Schema must contain 'type' field")
    if word not in _TYPES:
        raise DataError(f"Unknown schema type: {word}")
    name, version, doc = node.get("name"), node.get("version"), node.get("doc")
    schema = replace(
        _schema_of_type(_TYPES[word], node, replace_null),
        optional=node.get("optional") is True,
        name=name if isinstance(name, str) else None,
        version=wrap_integer(Type.INT32, version) if type(version) is int else None,
        doc=doc if isinstance(doc, str) else None,
        parameters=_parameters(node.get("parameters")),
    )
    return _with_default(schema, node["default"], replace_null) if "default" in node else schema


def _schema_of_type(type_: Type, node: dict[str, object], replace_null: bool) -> Schema:
    match type_:
        case Type.ARRAY:
            if node.get("items") is None:
                raise DataError("Array schema did not specify the element type")
            return Schema.array(schema_from_json(node["items"], replace_null))
        case Type.MAP:
            for part, label in (("keys", "key"), ("values", "value")):
                if node.get(part) is None:
                    raise DataError(f"Map schema did not specify the {label} type")
            keys, values = (schema_from_json(node[part], replace_null) for part in ("keys", "values"))
            return Schema.map(keys, values)
        case Type.STRUCT:
            fields = node.get("fields")
            if not isinstance(fields, list):
                raise DataError('Struct schema\'s "fields" argument is not an array.')
            return Schema(Type.STRUCT, fields=tuple(_field(field, replace_null) for field in fields))
        case _:
            return Schema(type_)


def _field(node: object, replace_null: bool) -> Field:
    name = node.get("field") if isinstance(node, dict) else None
    if not isinstance(name, str):
        raise DataError("Struct schema's field name not specified properly")
    schema = schema_from_json(node, replace_null)
    if not name or schema is None:
        raise DataError("fieldName cannot be null.")
    return Field(name, schema)


def _parameters(node: object) -> dict[str, str] | None:
    if not isinstance(node, dict) or not node:
        return None
    if not all(isinstance(value, str) for value in node.values()):
        raise DataError("Schema parameters must have string values.")
    return node


def _with_default(schema: Schema, node: object, replace_null: bool) -> Schema:
    default = read_value(schema, node, replace_null)
    if default is not None and schema.type is Type.STRUCT:
        raise DataError("Invalid default value: a struct cannot have one in JSON")  # Java's limit
    if default is None and not schema.optional:
        raise DataError("Invalid default value: null for a required schema")
    schema = replace(schema, default=default)
    validate_default(schema)
    return schema


def schema_to_json(schema: Schema, options: WriteOptions) -> dict[str, object]:
    """Describe a Schema, keys in Java's order. Raises DataError if its default cannot be written."""
    node: dict[str, object] = {"type": _WORDS[schema.type]}
    if schema.type is Type.ARRAY:
        node["items"] = _inner(schema.value_schema, options)
    elif schema.type is Type.MAP:
        node["keys"], node["values"] = _inner(schema.key_schema, options), _inner(schema.value_schema, options)
    elif schema.type is Type.STRUCT:
        node["fields"] = [{**schema_to_json(field, options), "field": name} for name, field in schema.fields]
    node["optional"] = schema.optional
    for attribute in ("name", "version", "doc", "parameters"):
        value = getattr(schema, attribute)
        if value is not None:
            node[attribute] = dict(value) if attribute == "parameters" else value
    if schema.default is not None:
        if schema.type is Type.STRUCT:
            raise DataError("Mismatching schema.")  # Java cannot write the default of a struct
        node["default"] = compile_writer(schema, options)(schema.default)
    return node


def _inner(schema: Schema | None, options: WriteOptions) -> dict[str, object] | None:
    return None if schema is None else schema_to_json(schema, options)
