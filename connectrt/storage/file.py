"""Keep source offsets in a file: `offset.storage.file.filename`.

Invariant: the file on disk is complete at every moment, the old one or the new one: a new file is written beside it,
synced and renamed over it. One that is incomplete or altered is refused, never read in part.

    {"format":"connectrt offsets","version":1,"entries":1,"crc32":"1a2b3c4d"}
    [["orders-source",{"table":"orders"}],{"id":1042}]

A file of Java's standalone worker is read as well; the first write keeps it as `<name>.java`.
"""

from __future__ import annotations

import logging
import os
import shutil
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from connectrt.errors import ConnectError, DataError
from connectrt.sdk.task import SourceOffset, SourcePartition
from connectrt.storage.java_file import MAGIC, read_java_map
from connectrt.storage.memory import Entry, MemoryOffsetStore
from connectrt.storage.offset_store import decode_key, decode_offset

log = logging.getLogger(__name__)


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    entries: int
    crc32: str
    format: Literal["connectrt offsets"] = "connectrt offsets"
    version: Literal[1] = 1


class FileOffsetStore:
    """An OffsetStore in one file, rewritten as a whole at each write. Java: `FileOffsetBackingStore`.

    One worker per file. Raises ConnectError if the file is there and cannot be read, or can never be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # through a link: it is the file that is replaced
        if not self._path.parent.is_dir():
            raise ConnectError(f"offset.storage.file.filename={path}: create its folder {self._path.parent}")
        self._from_java = False
        self._store = MemoryOffsetStore(self._load(), self._save)

    def read(self, connector: str, partitions: Sequence[SourcePartition]) -> Sequence[SourceOffset | None]:
        return self._store.read(connector, partitions)

    def write(self, connector: str, offsets: Sequence[tuple[SourcePartition, SourceOffset | None]]) -> None:
        self._store.write(connector, offsets)

    def list(self, connector: str) -> Sequence[tuple[SourcePartition, SourceOffset]]:
        return self._store.list(connector)

    def _load(self) -> Collection[Entry]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConnectError(f"cannot read offset file {self._path}: {error.strerror}. Correct its rights") from error
        try:
            if data.startswith(MAGIC):
                entries = _decode_java(data)
                self._from_java = True
                log.info("read a Java worker's offset file", extra={"action": "load_offsets", "file": str(self._path)})
                return entries
            return _decode(data)
        except DataError as error:
            raise ConnectError(
                f"offset file {self._path} is damaged: {error}. Restore it from a backup, or move it away: "
                "then every source starts from its beginning"
            ) from error

    def _save(self, entries: Collection[Entry]) -> None:
        new = self._path.with_name(self._path.name + ".new")
        try:
            if self._from_java:
                shutil.copy2(self._path, self._path.with_name(self._path.name + ".java"))
            with new.open("wb") as file:
                file.write(_encode(entries))
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise ConnectError(
                f"source offsets cannot be written to {self._path}: {error.strerror}. Check the space and the rights "
                "of its folder; the offsets committed before are untouched"
            ) from error
        self._from_java = False


def _sync_folder(folder: Path) -> None:
    """Make a rename durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(entries: Collection[Entry]) -> bytes:
    body = b"".join(b"[%b,%b]\n" % (entry.key_data, entry.offset_data) for entry in entries)
    return msgspec.json.encode(_Header(len(entries), f"{zlib.crc32(body):08x}")) + b"\n" + body


def _decode(data: bytes) -> Collection[Entry]:
    """Raises DataError."""
    first, _, body = data.partition(b"\n")
    try:
        header = msgspec.json.decode(first, type=_Header)
        if f"{zlib.crc32(body):08x}" != header.crc32:
            raise DataError(f"its {len(body)} bytes are not the {header.entries} entries that were written")
        lines = [msgspec.json.decode(line, type=tuple[msgspec.Raw, msgspec.Raw]) for line in body.splitlines()]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError("it is empty" if not data else f"it is not an offset file: {error}") from error
    entries = [_entry(bytes(key), bytes(offset)) for key, offset in lines]
    found = [entry for entry in entries if entry is not None]
    if len(found) != header.entries:
        raise DataError(f"it holds {len(found)} entries, not the {header.entries} that were written")
    return found


def _decode_java(data: bytes) -> Collection[Entry]:
    """Raises DataError. What is no offset key is left out, as Java does; so are offsets it has forgotten (null)."""
    pairs = read_java_map(data).items()
    entries = [_entry(key, offset) for key, offset in pairs if key is not None and offset is not None]
    return [entry for entry in entries if entry is not None]


def _entry(key_data: bytes, offset_data: bytes) -> Entry | None:
    key = decode_key(key_data)
    if key is None:
        return None
    decode_offset(offset_data)  # refuse it now, not when a task asks
    return Entry(key, key_data, offset_data)
