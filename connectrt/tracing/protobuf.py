"""Write OTLP's Span message where protobuf's Python objects are too slow: many links, or many spans that are alike.

Invariant: pure; the bytes are the proto3 wire format of opentelemetry/proto/trace/v1/trace.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache

Value = str | bool | int | float

IDS_BYTES = 26  #: version, trace id (16), span id (8), flags

_SPAN_ATTRIBUTE = b"\x4a"  # field 9
_LINK_ATTRIBUTE = b"\x22"  # field 4
#: SpanFlags: CONTEXT_HAS_IS_REMOTE, and CONTEXT_IS_REMOTE if so
_FLAGS = (b"\x00\x01\x00\x00", b"\x00\x03\x00\x00")
_TIMES = struct.Struct("<BQBQ")
_WITH_HIGH_BIT = bytes(range(0x80, 0x100)) + bytes(range(0x80, 0x100))


def varint(value: int) -> bytes:
    """Encode an integer of 0 or more."""
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def message_head(field: int, size: int) -> bytes:
    """Encode what stands before a message, text or bytes of this size in a field of number 1 to 15."""
    return bytes([field << 3 | 2]) + varint(size)


def message(field: int, body: bytes) -> bytes:
    """Encode a message, text or bytes in a field of number 1 to 15."""
    return message_head(field, len(body)) + body


def span_head(trace_id: int, span_id: int, parent_id: int | None, name: str, kind: int) -> bytes:
    """Encode Span from trace_id (1) to kind (6), without a trace_state."""
    parent = b"" if parent_id is None else message(4, parent_id.to_bytes(8))
    return b"".join((message(1, trace_id.to_bytes(16)), message(2, span_id.to_bytes(8)), parent,
                     message(5, name.encode()), b"\x30", varint(kind)))


def span_times(start_ns: int, end_ns: int) -> bytes:
    """Encode Span.start_time_unix_nano (7) and end_time_unix_nano (8)."""
    return _TIMES.pack(0x39, start_ns, 0x41, end_ns)


def span_attribute(key: str, value: Value) -> bytes:
    """Encode one of Span.attributes (9)."""
    return _attribute(_SPAN_ATTRIBUTE, key, value)


def span_tail(dropped_links: int, parent_is_remote: bool) -> bytes:
    """Encode Span from dropped_links_count (14) on: an unset status (15), and flags (16)."""
    dropped = b"\x70" + varint(dropped_links) if dropped_links else b""
    return dropped + b"\x7a\x00\x85\x01" + _FLAGS[parent_is_remote]


def links(ids: bytes, remote: bool, shared: Mapping[str, str], texts: Mapping[str, Sequence[str]],
          numbers: Mapping[str, Sequence[int]]) -> bytearray:
    """Encode Span.links (13): links that are alike but for their ids, ASCII texts and numbers from 0 to 2**63 - 1.

    The texts of one attribute have one length, so all links have one size and are a matrix. It is filled with what is
    alike and written over column by column: a few C calls for each of its 30 columns, not 20 for each link.
    """
    columns = [(2 + at, ids[1 + at::IDS_BYTES]) for at in range(16)]
    columns += [(20 + at, ids[17 + at::IDS_BYTES]) for at in range(8)]
    row = b"\x0a\x10" + bytes(16) + b"\x12\x08" + bytes(8)
    row += b"".join([_attribute(_LINK_ATTRIBUTE, key, value) for key, value in shared.items()])
    for key, values in texts.items():
        row += _attribute(_LINK_ATTRIBUTE, key, values[0])
        size = len(values[0])
        text = "".join(values).encode("ascii")
        columns += [(len(row) - size + at, text[at::size]) for at in range(size)]
    for key, figures in numbers.items():
        digits = _varint_columns(figures)
        row += _key_value_head(_LINK_ATTRIBUTE, key, 1 + len(digits)) + b"\x18" + bytes(len(digits))
        columns += [(len(row) - len(digits) + at, digit) for at, digit in enumerate(digits)]
    row += b"\x35" + _FLAGS[remote]
    head = b"\x6a" + varint(len(row))
    matrix = bytearray((head + row) * (len(ids) // IDS_BYTES))
    width = len(head) + len(row)
    for at, column in columns:
        matrix[len(head) + at::width] = column
    return matrix


def _varint_columns(values: Sequence[int]) -> list[bytes]:
    """Encode integers as varints of the length of the longest: first digits of all, second digits, and so on."""
    lanes = int.from_bytes(struct.pack(f"<{len(values)}Q", *values), "little")  # 64 bits each
    low_7 = int.from_bytes(b"\x7f\0\0\0\0\0\0\0" * len(values), "little")
    last = max(max(values).bit_length() - 1, 0) // 7
    digits = [(lanes >> 7 * place & low_7).to_bytes(8 * len(values), "little")[::8] for place in range(last + 1)]
    return [digit.translate(_WITH_HIGH_BIT) for digit in digits[:-1]] + digits[-1:]


@lru_cache(4096, typed=True)  # most values of a task's spans are always the same
def _attribute(tag: bytes, key: str, value: Value) -> bytes:
    if isinstance(value, str):
        any_value = message(1, value.encode())
    elif isinstance(value, bool):
        any_value = b"\x10\x01" if value else b"\x10\x00"
    elif isinstance(value, int):
        any_value = b"\x18" + varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    else:
        any_value = b"\x21" + struct.pack("<d", value)
    return _key_value_head(tag, key, len(any_value)) + any_value


@lru_cache(256)
def _key_value_head(tag: bytes, key: str, any_value_size: int) -> bytes:
    """Encode a KeyValue up to and with the length of its AnyValue."""
    body = message(1, key.encode()) + b"\x12" + varint(any_value_size)
    return tag + varint(len(body) + any_value_size) + body
