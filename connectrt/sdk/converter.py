"""Define converters: Kafka's bytes to a value with its schema, and back.

Any exception from a conversion belongs to the record: errors.tolerance decides. Converters are called on one task's
thread only. The batch methods exist because a Python call per record costs more than most conversions: the runtime
calls only them, and goes record by record when one raises, to find the record at fault.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from connectrt.config.definition import Config, ConfigDef, Importance, Type, key
from connectrt.config.validators import one_of
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


#: The key that every converter of both kinds has; its value is set by `configure`.
CONVERTER_TYPE: Final = key("converter.type", Type.STRING, valid=one_of("key", "value", "header"),
                            importance=Importance.LOW, doc="What is converted; set by the runtime.")


class DualConverter(Converter, HeaderConverter):
    """Converts keys, values and headers alike. Java: a class that is both `Converter` and `HeaderConverter`."""

    CONFIG: ClassVar[ConfigDef] = ConfigDef(CONVERTER_TYPE)
    config: Config
    #: `key`, `value` or `header`: what `.converter` is put behind in the names of this converter's config keys.
    role: str = "value"

    def configure(self, config: Mapping[str, str], is_key: bool | None = None) -> None:
        """Parse the config; without `is_key` it is a header converter's. Raises ConfigErrors."""
        self.role = "header" if is_key is None else "key" if is_key else "value"
        self.config = self.CONFIG.parse({**config, CONVERTER_TYPE.name: self.role})

    def from_connect_header(self, topic: str, name: str, schema: Schema | None, value: object) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, data)
