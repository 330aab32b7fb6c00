"""Keep source offsets as long as the process lives."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping, Sequence

from connectrt.sdk.task import SourceOffset, SourcePartition
from connectrt.storage.offset_store import OffsetKey, decode_offset, encode_offset

#: identity of a key -> (key, encoded offset)
Entries = Mapping[Hashable, tuple[OffsetKey, bytes]]


class MemoryOffsetStore:
    """An OffsetStore for tests and for runs without a file. Java: `MemoryOffsetBackingStore`."""

    def __init__(self, entries: Entries | None = None) -> None:
        self._entries = dict(entries or {})
        self._lock = threading.Lock()

    def read(self, connector: str, partitions: Sequence[SourcePartition]) -> Sequence[SourceOffset | None]:
        found = (self._entries.get(OffsetKey(connector, partition).identity) for partition in partitions)
        return [None if entry is None else decode_offset(entry[1]) for entry in found]

    def write(self, connector: str, offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]) -> None:
        with self._lock:
            entries = dict(self._entries)
            for partition, offset in offsets:
                key = OffsetKey(connector, dict(partition))
                key.encode()  # refuses what cannot be stored
                if offset is None:
                    entries.pop(key.identity, None)
                else:
                    # The key keeps the bytes it was first written with: a copy in another order would be a second key.
                    stored = entries.get(key.identity, (key, b""))[0]
                    entries[key.identity] = stored, encode_offset(connector, offset)
            self._save(entries)
            self._entries = entries

    def list(self, connector: str) -> Sequence[tuple[SourcePartition, SourceOffset]]:
        return [(key.partition, decode_offset(data)) for key, data in self._entries.values()
                if key.connector == connector]

    def _save(self, entries: Entries) -> None:
        """Make the new entries durable, or raise and leave the old ones."""
