"""Hold schemas, values, structs, headers and header text to what Kafka Connect 4.3.1 answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectrt.data.headers import Header, Headers
from connectrt.data.schema import STRING, Schema
from connectrt.data.struct import field_value, validate_default, validate_value
from connectrt.data.text import java_string
from connectrt.data.text_parser import parse_text
from connectrt.errors import DataError
from tests.vectors.codec import Case, NoPythonForm, cases, decode_schema, decode_value, same_error, same_value

DATA = cases("values/data")
#: What an int, a dict and a float are to Java depends on their class; here they fit.
FITS_IN_PYTHON = ("class java.lang.Long", "class java.util.LinkedHashMap")


def of(op: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in DATA if case["op"] == op])


def answer_of(call: Callable[[], Any]) -> tuple[Any, str | None]:
    """Return what a call returns, or the text of its DataError."""
    try:
        return call(), None
    except DataError as error:
        return None, str(error)


def required_schema(node: Any) -> Schema:
    schema = decode_schema(node)
    assert schema is not None
    return schema


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases("values/parseString")])
def test_text_is_read_as_java_read_it(case: Case) -> None:
    expected = case["out"]["ok"]
    if case["text"] is None:
        return
    result = parse_text(case["text"])
    if expected is None:
        assert result is None
        return
    schema = decode_schema(expected["schema"])
    try:
        value = decode_value(schema, expected["value"])
    except NoPythonForm:
        schema, value = STRING, case["text"]
    assert result is not None
    assert result.schema == schema
    assert same_value(schema, result.value, value)


@of("validateValue")
def test_value_is_valid_as_it_was_in_java(case: Case) -> None:
    schema = required_schema(case["schema"])
    try:
        value = decode_value(decode_schema(case["valueSchema"]) if "valueSchema" in case else schema, case["value"])
    except NoPythonForm:
        return
    _, error = answer_of(lambda: validate_value(schema, value))
    if error is not None:
        assert same_error(error, case["out"]["error"]["message"])
    elif "error" in case["out"]:
        assert any(part in case["out"]["error"]["message"] for part in FITS_IN_PYTHON)


@of("buildSchema")
def test_schema_is_refused_as_it_was_in_java(case: Case) -> None:
    expected = case["out"].get("error", {}).get("message")
    if expected == "fieldName cannot be null.":
        return  # an empty field name is refused where it comes from: in JSON
    _, error = answer_of(lambda: validate_default(required_schema(case["schema"])))
    if error is None:
        assert decode_schema(case["schema"]) == decode_schema(case["out"]["ok"])
    else:
        assert same_error(error, expected)


@of("schemaEquals")
def test_schemas_are_equal_as_they_were_in_java(case: Case) -> None:
    one, other = decode_schema(case["a"]), decode_schema(case["b"])
    assert (one == other) is case["out"]["ok"]
    if one == other:
        assert hash(one) == hash(other)


@of("struct")
def test_struct_behaves_as_in_java(case: Case) -> None:
    schema = required_schema(case["schema"])
    struct: dict[str, Any] = {}
    for step, out in zip(case["steps"], case["out"][1:], strict=False):
        result, error = answer_of(lambda step=step: struct_step(schema, struct, *step))  # type: ignore[misc]
        if error is None:
            check_struct_step(schema, step, result, out["ok"])
        else:
            assert same_error(error, out["error"]["message"])


def struct_step(schema: Schema, struct: dict[str, Any], verb: str, name: str = "", node: Any = None) -> Any:
    match verb:
        case "put":
            field = schema.field(name)
            value = decode_value(field, node)
            if field is not None and isinstance(value, dict):
                validate_value(field, value, f'field: "{name}"')
            struct[name] = value
            return "put"
        case "get":
            return field_value(schema, struct, name)
        case "validate":
            validate_value(schema, struct)
            return "valid"
        case "toString":
            return java_string(schema, struct)
        case _:
            return struct.get(name)


def check_struct_step(schema: Schema, step: Any, result: Any, expected: Any) -> None:
    if step[0] == "toString":
        assert result == expected.replace("[B@HASH", "YWI=")  # Java prints the address of bytes
    elif len(step) == 2:
        field = schema.field(step[1])
        assert same_value(field, result, decode_value(field, expected))
    else:
        assert result == expected


@of("headers")
def test_headers_behave_as_in_java(case: Case) -> None:
    """`retainLatest`, `clear` and `toString` have no Python form; `add` leaves the check of values to converters."""
    headers = Headers()
    for (verb, *arguments), out in zip(case["steps"], case["out"], strict=True):
        if "error" in out:
            return
        match verb:
            case "add":
                name, schema, value = arguments
                headers = headers.add(name, decode_value(decode_schema(schema), value), decode_schema(schema))
                check_headers(headers, out["ok"])
            case "remove":
                headers = headers.without(arguments[0])
                check_headers(headers, out["ok"])
            case "size":
                if out["ok"]:
                    assert len(headers) == out["ok"]
            case "lastWithName":
                last = headers.last(arguments[0])
                assert (last and last.value) == out["ok"]
            case "allWithName":
                assert [header.value for header in headers.all(arguments[0])] == out["ok"]


def check_headers(headers: Headers, expected: Any) -> None:
    assert len(headers) == len(expected)
    for header, (name, schema_node, node) in zip(headers, expected, strict=True):
        schema = decode_schema(schema_node)
        assert header == Header(name, header.value, schema)
        assert same_value(schema, header.value, decode_value(schema, node))
