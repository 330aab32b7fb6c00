"""Keep source offsets in memory, and hand every change on to whoever makes it durable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from connectrt.sdk.task import SourceOffset, SourcePartition
from connectrt.storage.offset_store import OffsetKey, decode_offset, encode_key, encode_offset


class Entry(NamedTuple):
    """One committed offset. `key_data` stays as first written: the same partition in another order is no new key."""

    key: OffsetKey
    key_data: bytes
    offset_data: bytes


class MemoryOffsetStore:
    """An OffsetStore that lives as long as the process, or as `save` makes it. Java: `MemoryOffsetBackingStore`.

    `save` gets all entries before a write counts; what it raises comes out of `write`, which then has changed nothing.
    """

    def __init__(self, entries: Collection[Entry] = (),
                 save: Callable[[Collection[Entry]], None] | None = None) -> None:
        self._entries = {entry.key.identity: entry for entry in entries}
        self._save = save
        self._lock = threading.Lock()

    def read(self, connector: str, partitions: Sequence[SourcePartition]) -> Sequence[SourceOffset | None]:
        found = []
        for partition in partitions:
            key = OffsetKey(connector, partition)
            encode_key(key)
            found.append(self._entries.get(key.identity))
        return [None if entry is None else decode_offset(entry.offset_data) for entry in found]

    def write(self, connector: str, offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]) -> None:
        with self._lock:
            entries = dict(self._entries)
            for partition, offset in offsets:
                key = OffsetKey(connector, dict(partition))
                key_data = encode_key(key)
                known = entries.get(key.identity) or Entry(key, key_data, b"")
                if offset is None:
                    entries.pop(key.identity, None)
                else:
                    entries[key.identity] = known._replace(offset_data=encode_offset(connector, offset))
            if self._save is not None:
                self._save(entries.values())
            self._entries = entries

    def list(self, connector: str) -> Sequence[tuple[SourcePartition, SourceOffset]]:
        return [(entry.key.partition, decode_offset(entry.offset_data)) for entry in self._entries.values()
                if entry.key.connector == connector]
