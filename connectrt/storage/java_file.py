"""Read the offset file of Java's standalone worker: one serialised `HashMap<byte[], byte[]>`.

Only what such a file can hold is understood; everything else, hostile bytes included, is a DataError.
(Java Object Serialization Specification, chapter 6)
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from connectrt.errors import DataError

MAGIC = b"\xac\xed\x00\x05"
_NULL, _REFERENCE, _CLASS, _OBJECT, _ARRAY, _BLOCK, _END = 0x70, 0x71, 0x72, 0x73, 0x75, 0x77, 0x78
_FIRST_HANDLE = 0x7E0000
_FIELD_SIZES = {"B": 1, "C": 2, "D": 8, "F": 4, "I": 4, "J": 8, "S": 2, "Z": 1}


def read_java_map(data: bytes) -> Mapping[bytes | None, bytes | None]:
    """Return the map in the order of the file. Raises DataError."""
    reader = _Reader(data)
    try:
        return reader.map()
    except (struct.error, UnicodeDecodeError, IndexError) as error:
        raise DataError(f"the Java object stream ends or breaks at byte {reader.at}") from error


class _Class:
    def __init__(self, name: str, field_bytes: int) -> None:
        self.name = name
        self.field_bytes = field_bytes


class _Reader:
    """A position in the stream, and the objects read so far: the stream refers back to them by number."""

    def __init__(self, data: bytes) -> None:
        self.at = 0
        self._data = data
        self._handles: list[_Class | bytes | None] = []

    def map(self) -> Mapping[bytes | None, bytes | None]:
        if self._take(len(MAGIC)) != MAGIC:
            raise DataError("no Java object stream")
        self._expect(_OBJECT)
        described = self._class("java.util.HashMap")
        self._handles.append(None)  # the map itself
        self._take(described.field_bytes)  # loadFactor, threshold
        self._expect(_BLOCK)
        self._expect(8)
        self._take(4)  # capacity
        found = {}
        for _ in range(self._int()):
            key = self._bytes()
            found[key] = self._bytes()
        self._expect(_END)
        if self.at != len(self._data):
            raise DataError(f"{len(self._data) - self.at} bytes follow the end of the Java object stream")
        return found

    def _class(self, wanted: str) -> _Class:
        """Read a class description, or a reference to one."""
        code = self._byte()
        if code == _REFERENCE:
            described = self._referred()
        elif code == _CLASS:
            name = self._text()
            self._take(8)  # serialVersionUID
            described = _Class(name, 0)
            self._handles.append(described)
            self._take(1)  # flags
            for _ in range(self._short()):
                described.field_bytes += _FIELD_SIZES.get(chr(self._byte()), len(self._data))
                self._text()
            self._expect(_END)  # no annotations
            self._expect(_NULL)  # no superclass
        else:
            raise self._unexpected(code)
        if not isinstance(described, _Class) or described.name != wanted:
            raise DataError(f"the Java object at byte {self.at} is not a {wanted}")
        return described

    def _bytes(self) -> bytes | None:
        """Read a byte[], a null, or a reference to a byte[]."""
        code = self._byte()
        if code == _NULL:
            return None
        if code == _REFERENCE:
            referred = self._referred()
            if isinstance(referred, bytes):
                return referred
        if code != _ARRAY:
            raise self._unexpected(code)
        self._class("[B")
        handle = len(self._handles)
        self._handles.append(None)
        value = self._take(self._int())
        self._handles[handle] = value
        return value

    def _referred(self) -> _Class | bytes | None:
        handle = self._int() - _FIRST_HANDLE
        return self._handles[handle] if handle >= 0 else None

    def _unexpected(self, code: int) -> DataError:
        return DataError(f"byte {self.at - 1} of the Java object stream is {code:#x}: not the map of a Connect worker")

    def _expect(self, wanted: int) -> None:
        code = self._byte()
        if code != wanted:
            raise self._unexpected(code)

    def _take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self.at:
            raise DataError(f"the Java object stream ends or breaks at byte {self.at}")
        self.at += count
        return self._data[self.at - count : self.at]

    def _byte(self) -> int:
        return self._take(1)[0]

    def _short(self) -> int:
        return int.from_bytes(self._take(2), "big")

    def _int(self) -> int:
        return int.from_bytes(self._take(4), "big", signed=True)

    def _text(self) -> str:
        return self._take(self._short()).decode()
