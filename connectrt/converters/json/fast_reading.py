"""Decode payloads with msgspec, for as long as they are what their schema says.

Invariant: a fast reader either returns what the exact one would, or raises; it never returns anything else. Whatever
is out of the ordinary (a wrapped integer, a missing field, text under INT32) raises and is left to the exact reader.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Callable
from decimal import Decimal
from types import GenericAlias
from typing import Annotated, Any, Final, NamedTuple, TypedDict

import msgspec

from connectrt.data.logical import DECIMAL_NAME, from_base, logical_type
from connectrt.data.numbers import INTEGER_RANGES, round_float32
from connectrt.data.schema import Schema, Type
from connectrt.errors import DataError

Finish = Callable[[Any], object]

#: What decoding raises when the exact reader has to decide, be it to read more leniently or to say what is wrong.
REFUSED: Final = (ValueError, RecursionError, DataError)

_typed_dict: Final[Any] = TypedDict  # called with fields known only at run time


class Exotic(ValueError):
    """Left to the exact reader."""


class _Plan(NamedTuple):
    """The type msgspec decodes, and what is left to do with the value then."""

    type: Any
    finish: Finish | None = None


_INTEGERS: Final = {
    type_: Annotated[int, msgspec.Meta(ge=low, le=high)] for type_, (low, high) in INTEGER_RANGES.items()
}
_SIMPLE: Final = {
    **{type_: _Plan(integer) for type_, integer in _INTEGERS.items()},
    Type.FLOAT32: _Plan(float, round_float32), Type.FLOAT64: _Plan(float), Type.BOOLEAN: _Plan(bool),
    Type.STRING: _Plan(str), Type.BYTES: _Plan(bytes),
}


def _plain_type(depth: int) -> Any:
    """The type of schemaless JSON nested at most so deep, every integer in 64 bits."""
    scalar = None | bool | _INTEGERS[Type.INT64] | float | str
    if depth == 0:
        return scalar
    inner = _plain_type(depth - 1)
    return scalar | GenericAlias(list, (inner,)) | GenericAlias(dict, (str, inner))


#: Decodes schemaless JSON as fast as msgspec can; refuses what is nested deeper than four levels, too.
decode_plain: Final = msgspec.json.Decoder(_plain_type(4)).decode
_decode_anything: Final = msgspec.json.Decoder().decode
_LONG_NUMBER: Final = re.compile(rb"\d{19}")


def decode_deep(data: bytes) -> object:
    """Decode schemaless JSON of any depth, unless an integer may be beyond 64 bits."""
    if _LONG_NUMBER.search(data):
        raise Exotic
    return _decode_anything(data)


def compile_reader(schema: Schema, replace_null: bool) -> Callable[[bytes | msgspec.Raw], object]:
    """Return a decoder of one schema's payloads. Raises Exotic if only the exact reader can read them."""
    wanted, finish = _plan(schema, replace_null)
    decode = msgspec.json.Decoder(wanted, float_hook=Decimal).decode
    return decode if finish is None else lambda data: finish(decode(data))


def _plan(schema: Schema, replace_null: bool) -> _Plan:
    wanted, finish = _plan_of_type(schema, replace_null)
    if not schema.optional or (schema.default is not None and replace_null):
        return _Plan(wanted, finish)  # null is refused: it is an error, or becomes the default
    return _Plan(wanted | None, finish and _unless_none(finish))


def _plan_of_type(schema: Schema, replace_null: bool) -> _Plan:
    logical = logical_type(schema)
    if logical is not None:
        if schema.name == DECIMAL_NAME:
            return _Plan(Any, lambda value: _decimal(schema, value))
        from_base, integers = logical.from_base, Type.INT64 if logical.label == "Timestamp" else Type.INT32
        return _Plan(_INTEGERS[integers], lambda value: from_base(schema, value))
    match schema.type:
        case Type.ARRAY if schema.value_schema is not None:
            item, finish = _plan(schema.value_schema, replace_null)
            return _Plan(GenericAlias(list, (item,)), finish and _for_each(finish))
        case Type.MAP if schema.key_schema and schema.key_schema.type is Type.STRING and schema.value_schema:
            item, finish = _plan(schema.value_schema, replace_null)
            return _Plan(GenericAlias(dict, (str, item)), finish and _for_each_value(finish))
        case Type.STRUCT:
            return _struct_plan(schema, replace_null)
        case type_ if type_ in _SIMPLE:
            return _SIMPLE[type_]
        case _:
            raise Exotic


def _struct_plan(schema: Schema, replace_null: bool) -> _Plan:
    plans = {name: _plan(field, replace_null) for name, field in schema.fields}
    wanted = _typed_dict("Struct", {name: plan.type for name, plan in plans.items()})
    finishes = [(name, plan.finish) for name, plan in plans.items() if plan.finish is not None]

    def finish(struct: dict[str, object]) -> object:
        for name, finish_field in finishes:
            struct[name] = finish_field(struct[name])
        return struct

    return _Plan(wanted, finish if finishes else None)


def _unless_none(finish: Finish) -> Finish:
    return lambda value: None if value is None else finish(value)


def _for_each(finish: Finish) -> Finish:
    return lambda items: [finish(item) for item in items]


def _for_each_value(finish: Finish) -> Finish:
    return lambda entries: {key: finish(value) for key, value in entries.items()}


def _decimal(schema: Schema, value: object) -> object:
    if isinstance(value, str):
        return from_base(schema, a2b_base64(value, strict_mode=True))
    if isinstance(value, Decimal) and value and abs(value.adjusted()) < 1000:
        return value
    if type(value) is int:
        return Decimal(value)
    raise Exotic
