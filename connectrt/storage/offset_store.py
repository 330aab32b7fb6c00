"""Say what the runtime needs of a place that keeps source offsets, and how they are written there.

Invariant: keys and values are the bytes Java Connect writes: `["<connector>",{<partition>}]` -> `{<offset>}`, compact
JSON in the order of insertion. A partition is the same whatever the order of its keys. (spec: offset topic records)
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from connectrt.errors import DataError
from connectrt.sdk.task import SourceOffset, SourcePartition


class OffsetStore(Protocol):
    """Keep the last committed source offset of every source partition. Java: `OffsetBackingStore`. Thread-safe."""

    def read(self, connector: str, partitions: Sequence[SourcePartition]) -> Sequence[SourceOffset | None]:
        """Return the newest committed offset of each partition, in the order given; None = never committed.

        Raises DataError for a partition that could not have been stored.
        """

    def write(self, connector: str, offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]) -> None:
        """Commit; None = forget the partition. Durable on return.

        Raises DataError for what cannot be stored, ConnectError if writing failed; nothing is changed then.
        """

    def list(self, connector: str) -> Sequence[tuple[SourcePartition, SourceOffset]]:
        """Return every committed offset of one connector."""


class OffsetKey(NamedTuple):
    """Whose offset it is; `encode_key` checks that it can be stored."""

    connector: str
    partition: SourcePartition

    @property
    def identity(self) -> Hashable:
        """Equal for equal partitions. 1, 1.0 and true are equal in Python but not as JSON, hence the types."""
        return self.connector, frozenset((name, type(value), value) for name, value in self.partition.items())


def encode_key(key: OffsetKey) -> bytes:
    """Raises DataError if a value of the partition is neither text, number, boolean nor null."""
    return _encode(key.connector, "partition", key.partition, key)


def encode_offset(connector: str, offset: SourceOffset) -> bytes:
    """Raises DataError if a value is neither text, number, boolean nor null."""
    return _encode(connector, "offset", offset, offset)


def decode_key(data: bytes) -> OffsetKey | None:
    """Return None for bytes that are no offset key, as Java ignores them."""
    try:
        match msgspec.json.decode(data):
            case [str(connector), dict(partition)] if _misfit(partition) is None:
                return OffsetKey(connector, partition)
            case _:
                return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode_offset(data: bytes) -> SourceOffset:
    """Raises DataError for anything but a JSON object of plain values."""
    try:
        offset = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"a stored source offset is not JSON: {error}") from error
    if not isinstance(offset, dict) or _misfit(offset) is not None:
        raise DataError("a stored source offset is not a JSON object of text, numbers, booleans and nulls")
    return offset


def _encode(connector: str, what: str, mapping: Mapping[str, object], data: object) -> bytes:
    misfit = _misfit(mapping)
    if misfit is not None:
        raise DataError(
            f"{connector}: the source {what}'s {misfit}: only text, finite numbers, booleans and None can be stored"
        )
    try:
        return msgspec.json.encode(data)
    except UnicodeEncodeError as error:
        raise DataError(f"{connector}: a text in the source {what} is not valid Unicode: {error.reason}") from error


def _misfit(mapping: Mapping[Any, object]) -> str | None:
    """Name the first entry that cannot be stored."""
    for name, value in mapping.items():
        if not isinstance(name, str):
            return f"key {name!r} is not text"
        if not isinstance(value, str | int | float | None) or (isinstance(value, float) and not math.isfinite(value)):
            return f"{name} is of type {type(value).__name__}"
    return None
