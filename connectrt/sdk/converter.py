"""Define converters: Kafka's bytes to a value with its schema, and back.

Any exception from a conversion belongs to the record: errors.tolerance decides. Converters are called on one task's
thread only. The batch methods exist because a Python call per record costs more than most conversions: the runtime
calls only them, and goes record by record when one raises, to find the record at fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from connectrt.config.definition import ConfigDef
from connectrt.data.schema import Schema, SchemaAndValue


class Converter(ABC):
    """Converts keys or values. Java: `Converter`."""

    CONFIG: ClassVar[ConfigDef] = ConfigDef()

    def configure(self, config: Mapping[str, str], is_key: bool) -> None:
        """Take the keys below `key.converter.` or `value.converter.`, without that prefix."""

    @abstractmethod
    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Serialise one value; None is a tombstone."""

    @abstractmethod
    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Deserialise one value."""

    def from_connect_batch(self, topic: str, schemas: Sequence[Schema | None],
                           values: Sequence[object]) -> Sequence[bytes | None]:
        """Serialise values of one topic; the result has the same length and order."""
        convert = self.from_connect_data
        return [convert(topic, schema, value) for schema, value in zip(schemas, values, strict=True)]

    def to_connect_batch(self, topic: str,
                         payloads: Sequence[bytes | None]) -> tuple[Sequence[Schema | None], Sequence[object]]:
        """Deserialise payloads of one topic: (schemas, values), both of the same length and order."""
        convert = self.to_connect_data
        pairs = [convert(topic, data) for data in payloads]
        return [pair.schema for pair in pairs], [pair.value for pair in pairs]

    def close(self) -> None:
        """Release what configure took."""


class HeaderConverter(ABC):
    """Converts header values. Java: `HeaderConverter`."""

    CONFIG: ClassVar[ConfigDef] = ConfigDef()
    #: True: to_connect_header accepts every byte string. The runtime then decodes headers only when they are looked at.
    never_fails: ClassVar[bool] = False

    def configure(self, config: Mapping[str, str]) -> None:
        """Take the keys below `header.converter.`, without that prefix."""

    @abstractmethod
    def from_connect_header(self, topic: str, name: str, schema: Schema | None, value: object) -> bytes | None: ...

    @abstractmethod
    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue: ...

    def close(self) -> None:
        """Release what configure took."""
