"""Hold converters to what Kafka Connect 4.3.1's own answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from connectrt.converters.byte_array import ByteArrayConverter
from connectrt.converters.json import JsonConverter
from connectrt.converters.primitive import (
    BooleanConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from connectrt.converters.simple_header import SimpleHeaderConverter
from connectrt.converters.string import StringConverter
from connectrt.data.schema import STRING
from connectrt.data.struct import validate_value
from connectrt.errors import ConnectError, DataError
from connectrt.sdk import DualConverter, SchemaAndValue
from tests.vectors.codec import Case, NoPythonForm, cases, decode_schema, decode_value, same_error, same_value

FILES = ("JsonConverter-read", "JsonConverter-write", "primitive", "SimpleHeaderConverter")
CONVERTERS: dict[str, type[DualConverter] | type[SimpleHeaderConverter]] = {
    f"{package}.{converter.__name__}": converter
    for package, converters in {
        "json": (JsonConverter,), "storage": (StringConverter, SimpleHeaderConverter),
        "converters": (ByteArrayConverter, BooleanConverter, ShortConverter, IntegerConverter, LongConverter,
                       FloatConverter, DoubleConverter)}.items()
    for converter in converters
}
#: Errors that only say that Java's class is another one than the schema asks for.
CLASS_MISMATCH = (
    "Invalid type for ", "Mismatching schema.", "Failed to serialize to ", "Java class class java.math.BigInteger")


def convert(case: Case) -> bytes | SchemaAndValue | None:
    converter = CONVERTERS[case["class"]]()
    is_header = case["op"].endswith("Header")
    if isinstance(converter, DualConverter):
        converter.configure(case["config"], None if is_header else case.get("isKey", False))
    data = base64.b64decode(case["bytes"]) if case.get("bytes") is not None else None
    if "text" in case:
        data = case["text"].encode()
    schema = decode_schema(case.get("schema") or own_schema(case))
    match case["op"]:
        case "fromConnect" if isinstance(converter, DualConverter):
            return converter.from_connect_data("orders", schema, written_value(case))
        case "toConnect" if isinstance(converter, DualConverter):
            return converter.to_connect_data("orders", data)
        case "fromHeader":
            return converter.from_connect_header("orders", "h", schema, written_value(case))
        case _:
            return converter.to_connect_header("orders", "h", data)


def own_schema(case: Case) -> Any:
    """Java's Struct knows its schema; a Python dict must be told."""
    value = case.get("value")
    return value.get("schema") if isinstance(value, dict) and "$struct" in value else None


def written_value(case: Case) -> Any:
    if isinstance(case["value"], list) and "$struct" in str(case["value"]) and case["schema"] is None:
        raise NoPythonForm("a Struct in a list without schema")
    return decode_value(decode_schema(case["valueSchema"] if "valueSchema" in case else case["schema"]), case["value"])


def differs_in_class_only(case: Case, message: str) -> bool:
    """Java refuses a Long for an INT32, a Map for a STRUCT; in Python the value is right."""
    if "value" not in case or not message.startswith(CLASS_MISMATCH):
        return False
    if case["schema"] is None:
        return "$struct" in str(case["value"]) or "class java." in message
    try:
        validate_value(decode_schema(case["schema"]), written_value(case))  # type: ignore[arg-type]
    except DataError:
        return False
    return True


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"])
                                  for name in FILES for case in cases(f"converters/{name}")])
def test_converter_answers_as_java_did(case: Case) -> None:
    """Where Python has no form of a value, or not Java's class, the answer is the nearest that Python has."""
    out = case["out"]
    try:
        result = convert(case)
    except NoPythonForm:
        return
    except ConnectError as error:
        check_error(str(error), out)
    else:
        if "error" in out:
            assert differs_in_class_only(case, out["error"]["message"]), f"{result!r} instead of {out}"
        elif case["op"].startswith("from"):
            assert result == (None if out["ok"]["bytes"] is None else base64.b64decode(out["ok"]["bytes"]))
        else:
            check_read(result, out["ok"] or {"schema": None, "value": None}, case)


def check_error(message: str, out: Any) -> None:
    if "ok" in out:
        with pytest.raises(NoPythonForm):
            decode_value(decode_schema(out["ok"]["schema"]), out["ok"]["value"])
    elif out["error"]["class"] == "ConfigException":
        assert out["error"]["message"] in message
    elif out["error"]["class"] != "NullPointerException":
        assert same_error(message, out["error"]["message"])


def check_read(result: Any, expected: Any, case: Case) -> None:
    schema = decode_schema(expected["schema"])
    try:
        value = decode_value(schema, expected["value"])
    except NoPythonForm:
        schema, value = STRING, case["text"]
    assert result.schema == schema
    assert same_value(schema, result.value, value), f"{result.value!r} instead of {value!r}"
