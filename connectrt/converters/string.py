"""Convert text: a value's Java `toString` in one encoding. Java: `StringConverter`.

Invariant: reading never fails; what the encoding does not know is read as U+FFFD.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

from connectrt.data.schema import OPTIONAL_STRING
from connectrt.data.text import java_string
from connectrt.sdk import (
    CONVERTER_TYPE,
    ConfigDef,
    ConfigError,
    ConfigType,
    DualConverter,
    Importance,
    Schema,
    SchemaAndValue,
    Width,
    key,
)


class StringConverter(DualConverter):
    """Keys, values and headers that are text."""

    CONFIG = ConfigDef(
        CONVERTER_TYPE,
        key("converter.encoding", ConfigType.STRING, default="UTF-8", importance=Importance.HIGH, width=Width.MEDIUM,
            display_name="Encoding", doc="The character encoding of the text, by its Java or Python name."))
    never_fails = True

    def __init__(self) -> None:
        self._reads = self._writes = "utf-8"
        self._mark = b""

    def configure(self, config: Mapping[str, str], is_key: bool | None = None) -> None:
        super().configure(config, is_key)
        encoding = self.config.get_string_or_none("converter.encoding")
        if encoding is None:
            encoding = "UTF-8"
        try:
            name = codecs.lookup(encoding).name
            str(bytes(range(256)), name, "replace")  # not every codec can read every text
        except (LookupError, ValueError) as error:
            text = f"Unsupported encoding {encoding}: set {self.role}.converter.converter.encoding to one like UTF-8"
            raise ConfigError("converter.encoding", encoding, text=text) from error
        self._reads = self._writes = name
        if name == "utf-16":  # Java's UTF-16 is big-endian unless a mark says otherwise
            self._writes, self._mark = "utf-16-be", codecs.BOM_UTF16_BE

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        return None if value is None else self._encode(schema, value)

    def from_connect_batch(self, topic: str, schemas: Sequence[Schema | None],
                           values: Sequence[object]) -> Sequence[bytes | None]:
        encode = self._encode
        return [None if value is None else encode(schema, value) for schema, value in zip(schemas, values, strict=True)]

    def _encode(self, schema: Schema | None, value: object) -> bytes:
        text = value if isinstance(value, str) else java_string(schema, value)
        return self._mark + text.encode(self._writes, "replace")

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(OPTIONAL_STRING, None if data is None else self._decode(data))

    def _decode(self, data: bytes) -> str:
        if self._reads == "utf-16" and not data.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
            return str(data, "utf-16-be", "replace")
        return str(data, self._reads, "replace")

    def to_connect_batch(self, topic: str,
                         payloads: Sequence[bytes | None]) -> tuple[Sequence[Schema | None], Sequence[object]]:
        schemas = [OPTIONAL_STRING] * len(payloads)
        if self._reads == "utf-8":
            try:
                return schemas, [None if data is None else data.decode() for data in payloads]
            except UnicodeDecodeError:
                pass  # what is not UTF-8 is replaced, one by one
        decode = self._decode
        return schemas, [None if data is None else decode(data) for data in payloads]
