"""Write the parts of OTLP's Span message that are too many for protobuf's Python objects.

Invariant: pure; the bytes are the proto3 wire format of opentelemetry/proto/trace/v1/trace.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ROW = 26
_MORE = [bytes([low | 0x80]) for low in range(128)]  #: varint digits that are not the last
#: SpanFlags: CONTEXT_HAS_IS_REMOTE, with CONTEXT_IS_REMOTE if so; fixed32 in field 6
_FLAGS = (b"\x35\x00\x01\x00\x00", b"\x35\x00\x03\x00\x00")
_IDS_AND_FLAGS = 2 + 16 + 2 + 8 + 5


def varint(value: int) -> bytes:
    """Encode an integer of 0 or more."""
    digits = b""
    while value > 0x7F:
        digits += _MORE[value & 0x7F]
        value >>= 7
    return digits + bytes([value])


def links(rows: bytes, remote: bytes, attributes: Sequence[bytes]) -> bytes:
    """Encode Span.links (13): `rows` of version, trace id, span id and flags; `attributes` encoded, one per row."""
    sizes: dict[int, bytes] = {}
    parts: list[bytes] = []
    add = parts.append
    at = 1
    for is_remote, encoded in zip(remote, attributes, strict=True):
        size = len(encoded)
        head = sizes.get(size)
        if head is None:
            head = sizes[size] = b"\x6a" + varint(_IDS_AND_FLAGS + size) + b"\x0a\x10"
        add(b"%b%b\x12\x08%b%b%b" % (head, rows[at:at + 16], rows[at + 16:at + 24], encoded, _FLAGS[is_remote]))
        at += _ROW
    return b"".join(parts)


def int_attributes(key: str, values: Iterable[int]) -> list[bytes]:
    """Encode one attribute (4) for each value; b"" for a negative one, which means that there is none."""
    heads = [_key_value_head(key, 1 + length) + b"\x18" for length in range(10)]
    upper: dict[int, bytes] = {}  # values of one batch differ in their lowest digits only
    encoded: list[bytes] = []
    for value in values:
        if value < 0x4000:
            digits = varint(value) if value >= 0 else None
        else:
            rest = value >> 14
            digits = _MORE[value & 0x7F] + _MORE[(value >> 7) & 0x7F] + (
                upper.get(rest) or upper.setdefault(rest, varint(rest)))
        encoded.append(b"" if digits is None else heads[len(digits)] + digits)
    return encoded


def text_attributes(key: str, values: Iterable[str]) -> list[bytes]:
    """Encode one attribute (4) for each value."""
    known: dict[str, bytes] = {}
    encoded: list[bytes] = []
    for value in values:
        attribute = known.get(value)
        if attribute is None:
            text = value.encode()
            any_value = b"\x0a" + varint(len(text)) + text
            attribute = known[value] = _key_value_head(key, len(any_value)) + any_value
        encoded.append(attribute)
    return encoded


def _key_value_head(key: str, any_value_size: int) -> bytes:
    """Encode a KeyValue in field 4, up to and with the length of its AnyValue."""
    name = key.encode()
    value_size = varint(any_value_size)
    body = b"\x0a" + varint(len(name)) + name + b"\x12" + value_size
    return b"\x22" + varint(len(body) + any_value_size) + body
