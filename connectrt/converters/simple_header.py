"""Convert headers by guessing their type from their text. Java: `SimpleHeaderConverter`, the default of every worker.

Invariant: `to_connect_header` accepts every byte string, in time linear in its length.
"""

from __future__ import annotations

from connectrt.data.text import to_text
from connectrt.data.text_parser import parse_text
from connectrt.sdk import HeaderConverter, Schema, SchemaAndValue

_NULL = SchemaAndValue(None, None)


class SimpleHeaderConverter(HeaderConverter):
    """Headers as text: `17` is an INT8, `[1,2]` an ARRAY, everything unknown a STRING."""

    never_fails = True

    def from_connect_header(self, topic: str, name: str, schema: Schema | None, value: object) -> bytes | None:
        text = to_text(schema, value)
        return None if text is None else text.encode("utf-8", "replace")

    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue:
        """Bytes that are not UTF-8 become U+FFFD; the text `null` is (None, None)."""
        if data is None:
            return _NULL
        return parse_text(str(data, "utf-8", "replace")) or _NULL
