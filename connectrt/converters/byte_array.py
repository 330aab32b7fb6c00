"""Pass bytes through unchanged. Java: `ByteArrayConverter`."""

from __future__ import annotations

from collections.abc import Sequence

from connectrt.data.schema import OPTIONAL_BYTES
from connectrt.data.struct import java_class
from connectrt.sdk import DataError, DualConverter, Schema, SchemaAndValue, Type


class ByteArrayConverter(DualConverter):
    """Keys, values and headers whose bytes are nobody's business here."""

    never_fails = True

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is not None and schema.type is not Type.BYTES:
            raise DataError(f"Invalid schema type for ByteArrayConverter: {schema.type} ({self.role} of {topic}); "
                            f"set {self.role}.converter to a converter of such values, e.g. JsonConverter")
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        raise DataError(f"ByteArrayConverter is not compatible with objects of type {java_class(value)} "
                        f"({self.role} of {topic}); set {self.role}.converter to a converter of such values")

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(OPTIONAL_BYTES, data)

    def to_connect_batch(self, topic: str,
                         payloads: Sequence[bytes | None]) -> tuple[Sequence[Schema | None], Sequence[object]]:
        return [OPTIONAL_BYTES] * len(payloads), payloads
