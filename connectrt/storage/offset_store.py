"""Say what the runtime needs of a place that keeps source offsets, and how they are written there.

Invariant: keys and values are the bytes Java Connect writes: `["<connector>",{<partition>}]` -> `{<offset>}`, compact
JSON in the order of insertion. A partition is the same whatever the order of its keys. (spec: offset topic records)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from connectrt.errors import DataError
from connectrt.sdk.task import SourceOffset, SourcePartition


class OffsetStore(Protocol):
    """Keep the last committed source offset of every source partition. Java: `OffsetBackingStore`. Thread-safe."""

    def read(self, connector: str, partitions: Sequence[SourcePartition]) -> Sequence[SourceOffset | None]:
        """Return the newest committed offset of each partition, in the order given; None = never committed."""

    def write(self, connector: str, offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]) -> None:
        """Commit; None = forget the partition. Durable on return.

        Raises DataError for what cannot be stored, ConnectError if writing failed; nothing is changed then.
        """

    def list(self, connector: str) -> Sequence[tuple[SourcePartition, SourceOffset]]:
        """Return every committed offset of one connector."""


class OffsetKey(NamedTuple):
    """A stored key: the connector, and its partition as it was written."""

    connector: str
    partition: SourcePartition

    @property
    def identity(self) -> Hashable:
        """Equal for equal partitions. 1, 1.0 and true are equal in Python but not as JSON, hence the types."""
        return self.connector, frozenset((name, type(value), value) for name, value in self.partition.items())

    def encode(self) -> bytes:
        return _encode(self.connector, [self.connector, self.partition], self.partition)


def decode_key(data: bytes) -> OffsetKey | None:
    """Return None for bytes that are no offset key, as Java ignores them."""
    try:
        match msgspec.json.decode(data):
            case [str(connector), dict(partition)] if _storable(partition):
                return OffsetKey(connector, partition)
            case _:
                return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def encode_offset(connector: str, offset: SourceOffset) -> bytes:
    """Raises DataError if a value is neither text, number, boolean nor null."""
    return _encode(connector, offset, offset)


def decode_offset(data: bytes) -> SourceOffset:
    """Raises DataError for anything but a JSON object of plain values."""
    try:
        offset = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"a stored source offset is not JSON: {error}") from error
    if not isinstance(offset, dict) or not _storable(offset):
        raise DataError("a stored source offset is not a JSON object of text, numbers, booleans and nulls")
    return offset


def _encode(connector: str, data: object, checked: SourcePartition | SourceOffset) -> bytes:
    if not _storable(checked):
        kinds = ", ".join(f"{name}: {type(value).__name__}" for name, value in checked.items())
        raise DataError(
            f"{connector}: source partitions and offsets must map text to text, numbers, booleans or None, not {{{kinds}}}"
        )
    return msgspec.json.encode(data)


def _storable(mapping: SourcePartition | SourceOffset) -> bool:
    return all(
        isinstance(name, str) and (value is None or isinstance(value, str | int | float))
        for name, value in mapping.items()
    )
