"""Convert JSON, with or without the envelope that carries the schema. Java: `JsonConverter`.

Without schemas a batch costs one msgspec call per document and nothing else; with schemas the text of the `schema`
part is looked up, not parsed, and the payload is decoded by a decoder made for it. Both readers refuse what is not
plainly right, and then the exact one decides: it accepts what Java accepts and says what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from connectrt.config.validators import one_of_ignoring_case
from connectrt.converters.json.fast_reading import REFUSED, Exotic, compile_reader, decode_deep, decode_plain
from connectrt.converters.json.field_error import FieldError
from connectrt.converters.json.parser import NotJson, parse
from connectrt.converters.json.reading import read_value
from connectrt.converters.json.schemas import schema_from_json, schema_to_json
from connectrt.converters.json.writing import WriteOptions, Writer, compile_writer, encode
from connectrt.sdk import (
    CONVERTER_TYPE,
    ConfigDef,
    ConfigType,
    DataError,
    DualConverter,
    Importance,
    Schema,
    SchemaAndValue,
    Width,
    key,
)

K = TypeVar("K")
V = TypeVar("V")

_ENVELOPE_KEYS: Final = frozenset(("schema", "payload"))
_NO_ENVELOPE: Final = (
    'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields. '
    "If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.")


class _Envelope(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    schema: msgspec.Raw
    payload: msgspec.Raw


_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode


class _Reader:
    """Reads the payloads of one schema: the fast way, then the exact way."""

    __slots__ = ("_replace_null", "_ways", "schema")

    def __init__(self, schema: Schema | None, replace_null: bool) -> None:
        self.schema = schema
        self._replace_null = replace_null
        self._ways: tuple[Callable[[bytes], object], ...] = (decode_plain, decode_deep)
        if schema is not None:
            try:
                self._ways = (compile_reader(schema, replace_null),)
            except Exotic:
                self._ways = ()

    def read(self, data: bytes) -> object:
        for read in self._ways:
            try:
                return read(data)
            except REFUSED:
                pass
        return read_value(self.schema, parse(data), self._replace_null)


class _SchemaWriter:
    """Writes the values of one schema; `head` is what stands before the payload in an envelope."""

    __slots__ = ("head", "write")

    def __init__(self, schema: Schema | None, options: WriteOptions, with_schema: bool) -> None:
        self.write: Writer = compile_writer(schema, options)
        self.head = b""
        if with_schema:
            text = b"null" if schema is None else encode(schema_to_json(schema, options))
            self.head = b'{"schema":' + text + b',"payload":'


class JsonConverter(DualConverter):
    """Keys, values and headers as JSON."""

    CONFIG = ConfigDef(
        CONVERTER_TYPE,
        key("schemas.enable", ConfigType.BOOLEAN, default=True, importance=Importance.HIGH, group="Schemas", order=0,
            width=Width.MEDIUM, display_name="Enable Schemas",
            doc='Every document is {"schema": ..., "payload": ...}. False: a document is the bare payload.'),
        key("schemas.cache.size", ConfigType.INT, default=1000, importance=Importance.HIGH, group="Schemas", order=1,
            width=Width.MEDIUM, display_name="Schema Cache Size",
            doc="How many schemas are remembered; a matter of speed only."),
        key("schema.content", ConfigType.STRING, default=None, importance=Importance.HIGH, group="Schemas", order=2,
            width=Width.MEDIUM, display_name="Schema Content",
            doc="A schema in JSON. With schemas.enable=true, what is read is the bare payload of this schema."),
        key("decimal.format", ConfigType.STRING, default="BASE64", valid=one_of_ignoring_case("NUMERIC", "BASE64"),
            importance=Importance.LOW, group="Serialization", order=0, width=Width.MEDIUM,
            display_name="Decimal Format", doc="How Decimals are written: as BASE64 text or as NUMERIC."),
        key("replace.null.with.default", ConfigType.BOOLEAN, default=True, importance=Importance.LOW,
            group="Serialization", order=1, width=Width.MEDIUM, display_name="Replace null with default",
            doc="A field that is null gets the default of its schema, in reading and in writing."))

    def configure(self, config: Mapping[str, str], is_key: bool | None = None) -> None:
        """Raises ConfigErrors, and DataError if `schema.content` is no schema."""
        super().configure(config, is_key)
        self._schemas_enable = self.config.get_boolean("schemas.enable")
        self._cache_size = max(1, self.config.get_int("schemas.cache.size"))
        self._replace_null = self.config.get_boolean("replace.null.with.default")
        numeric = self.config.get_string("decimal.format").upper() == "NUMERIC"
        self._options = WriteOptions(self._replace_null, numeric)
        self._readers: dict[bytes, _Reader] = {}
        self._readers_of_schemas: dict[Schema | None, _Reader] = {}
        self._writers: dict[Schema | None, _SchemaWriter] = {}
        self._plain = _Reader(None, self._replace_null)
        self._content = self._configured_reader(self.config.get_string_or_none("schema.content"))

    def _configured_reader(self, content: str | None) -> _Reader | None:
        if not content or not self._schemas_enable:
            return None
        try:
            schema = schema_from_json(parse(content.encode()), self._replace_null)
        except NotJson as error:
            raise DataError("Failed to parse schema in converter config due to serialization error: "
                            f"{self.role}.converter.schema.content is {error}") from error
        return None if schema is None else _Reader(schema, self._replace_null)

    # Reading

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return SchemaAndValue(None, None)
        try:
            return self._read(data)
        except NotJson as error:
            raise DataError("Converting byte[] to Kafka Connect data failed due to serialization error: "
                            + self._cure(topic, data, error)) from error
        except (DataError, RecursionError) as error:
            raise self._located(topic, error) from error

    def to_connect_batch(self, topic: str,
                         payloads: Sequence[bytes | None]) -> tuple[Sequence[Schema | None], Sequence[object]]:
        if self._schemas_enable:
            return super().to_connect_batch(topic, payloads)
        try:
            values = [None if data is None else decode_plain(data) for data in payloads]
        except REFUSED:
            values = [self._plain_value(topic, data) for data in payloads]
        return [None] * len(payloads), values

    def _plain_value(self, topic: str, data: bytes | None) -> object:
        try:
            return None if data is None else decode_plain(data)
        except REFUSED:
            return self.to_connect_data(topic, data).value

    def _read(self, data: bytes) -> SchemaAndValue:
        if not self._schemas_enable:
            return SchemaAndValue(None, self._plain.read(data))
        if self._content is not None:
            return SchemaAndValue(self._content.schema, self._content.read(data))
        try:
            envelope = _decode_envelope(data)
        except REFUSED:
            return self._read_envelope_exactly(data)
        text = bytes(envelope.schema)
        reader = self._readers.get(text)
        if reader is None:
            reader = self._reader_of(schema_from_json(parse(text), self._replace_null))
            _remember(self._readers, text, reader, self._cache_size)
        return SchemaAndValue(reader.schema, reader.read(bytes(envelope.payload)))

    def _read_envelope_exactly(self, data: bytes) -> SchemaAndValue:
        node = parse(data)
        if not isinstance(node, dict) or node.keys() != _ENVELOPE_KEYS:
            raise DataError(f"{_NO_ENVELOPE} That is: {self.role}.converter.schemas.enable=false")
        schema = self._reader_of(schema_from_json(node["schema"], self._replace_null)).schema
        return SchemaAndValue(schema, read_value(schema, node["payload"], self._replace_null))

    def _reader_of(self, schema: Schema | None) -> _Reader:
        """Equal schemas share one reader, and so one Schema object."""
        reader = self._readers_of_schemas.get(schema)
        if reader is None:
            reader = _Reader(schema, self._replace_null)
            _remember(self._readers_of_schemas, schema, reader, self._cache_size)
        return reader

    def _cure(self, topic: str, data: bytes, error: NotJson) -> str:
        if data.startswith(b"\x00"):
            return (f"{self.role} of {topic} begins with a zero byte, as Schema Registry's formats do: set "
                    f"{self.role}.converter=AvroConverter and {self.role}.converter.schema.registry.url")
        return (f"{self.role} of {topic} is {error}: set {self.role}.converter to the format it was written in, "
                "or errors.tolerance=all to skip such records")

    def _located(self, topic: str, error: Exception) -> DataError:
        if isinstance(error, RecursionError):
            return DataError(f"{self.role} of {topic} is nested too deep")
        if isinstance(error, FieldError) and error.path:
            return DataError(f"{error.text} (field {'.'.join(error.path)} in {self.role} of {topic})")
        return DataError(f"{error} ({self.role} of {topic})")

    # Writing

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        return self.from_connect_batch(topic, (schema,), (value,))[0]

    def from_connect_batch(self, topic: str, schemas: Sequence[Schema | None],
                           values: Sequence[object]) -> Sequence[bytes | None]:
        written: list[bytes | None] = []
        previous: Schema | None = None
        writer: _SchemaWriter | None = None
        try:
            for schema, value in zip(schemas, values, strict=True):
                if schema is None and value is None:
                    written.append(None)
                    continue
                if writer is None or schema is not previous:
                    writer, previous = self._writer_of(schema), schema
                data = encode(writer.write(value))
                written.append(writer.head + data + b"}" if writer.head else data)
        except (DataError, RecursionError) as error:
            raise self._located(topic, error) from error
        return written

    def _writer_of(self, schema: Schema | None) -> _SchemaWriter:
        writer = self._writers.get(schema)
        if writer is None:
            writer = _SchemaWriter(schema, self._options, self._schemas_enable)
            _remember(self._writers, schema, writer, self._cache_size)
        return writer


def _remember(cache: dict[K, V], key: K, value: V, size: int) -> None:
    if len(cache) >= size:
        cache.clear()
    cache[key] = value
