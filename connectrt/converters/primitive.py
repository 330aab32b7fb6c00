"""Convert single booleans and numbers, big-endian as Kafka's own serializers write them.

Invariant: only the value's own type is written, and only exactly as many bytes as the type has are read.
"""

from __future__ import annotations

import struct
from typing import ClassVar

from connectrt.data.numbers import round_float32
from connectrt.data.schema import (
    OPTIONAL_BOOLEAN,
    OPTIONAL_FLOAT32,
    OPTIONAL_FLOAT64,
    OPTIONAL_INT16,
    OPTIONAL_INT32,
    OPTIONAL_INT64,
)
from connectrt.data.struct import fits, java_class
from connectrt.sdk import DataError, DualConverter, Schema, SchemaAndValue, Type


class _NumberConverter(DualConverter):
    word: ClassVar[str]  #: Java's word for the type, in error texts
    schema: ClassVar[Schema]
    format: ClassVar[struct.Struct]

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        if not fits(self.schema, value):
            raise DataError(f"Failed to serialize to {self.word} (was {java_class(value)}): {self.role} of {topic} is "
                            f"no {self.schema.type}; set {self.role}.converter to a converter of such values")
        if isinstance(value, float) and self.schema.type is Type.FLOAT32:
            value = round_float32(value)
        return self.format.pack(value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(self.schema, None)
        if len(data) != self.format.size:
            raise DataError(f"Failed to deserialize {self.word}: {self.role} of {topic} has {len(data)} bytes, not "
                            f"{self.format.size}; set {self.role}.converter to the format it was written in")
        return SchemaAndValue(self.schema, self.format.unpack(data)[0])


class ShortConverter(_NumberConverter):
    """INT16 in two bytes."""

    word, schema, format = "short", OPTIONAL_INT16, struct.Struct(">h")


class IntegerConverter(_NumberConverter):
    """INT32 in four bytes."""

    word, schema, format = "integer", OPTIONAL_INT32, struct.Struct(">i")


class LongConverter(_NumberConverter):
    """INT64 in eight bytes."""

    word, schema, format = "long", OPTIONAL_INT64, struct.Struct(">q")


class FloatConverter(_NumberConverter):
    """FLOAT32 in four bytes."""

    word, schema, format = "float", OPTIONAL_FLOAT32, struct.Struct(">f")


class DoubleConverter(_NumberConverter):
    """FLOAT64 in eight bytes."""

    word, schema, format = "double", OPTIONAL_FLOAT64, struct.Struct(">d")


class BooleanConverter(DualConverter):
    """BOOLEAN in one byte, 1 or 0."""

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is not None and schema.type is not Type.BOOLEAN:
            raise DataError(f"Invalid schema type for BooleanConverter: {schema.type} ({self.role} of {topic})")
        if value is None:
            return None
        if not isinstance(value, bool):
            raise DataError(f"BooleanConverter is not compatible with objects of type {java_class(value)} "
                            f"({self.role} of {topic}); set {self.role}.converter to a converter of such values")
        return b"\x01" if value else b"\x00"

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is not None and data not in (b"\x00", b"\x01"):
            raise DataError(f"Failed to deserialize boolean: {self.role} of {topic} is not one byte 0 or 1; "
                            f"set {self.role}.converter to the format it was written in")
        return SchemaAndValue(OPTIONAL_BOOLEAN, None if data is None else data == b"\x01")
