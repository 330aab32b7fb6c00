"""Say what a consumed record is before anything is converted, whichever Kafka client it came from."""

from __future__ import annotations

from typing import Protocol

from connectrt.data.record import RawHeaders


class Message(Protocol):
    """One consumed record, as the client library has it; methods, because each costs time and few are always needed."""

    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> RawHeaders | None: ...
    def timestamp(self) -> tuple[int, int]:
        """(TimestampType, ms since the epoch)"""
