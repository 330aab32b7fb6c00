"""Hold a record's Connect headers: ordered, a name may repeat, values are Python values with their schema.

Invariant: Headers never changes; every method returns a new one, so records can share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from connectrt.data.schema import Schema


class Header(NamedTuple):
    """One header as plugins see it. Java: `Header`."""

    name: str
    value: object
    schema: Schema | None = None


class Headers:
    """All headers of one record. Java: `ConnectHeaders`."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Iterable[Header] = ()) -> None:
        self._headers = tuple(headers)

    def __iter__(self) -> Iterator[Header]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._headers == other._headers

    def __hash__(self) -> int:
        return hash(tuple(header.name for header in self._headers))

    def __repr__(self) -> str:
        return f"Headers({list(self._headers)!r})"

    def last(self, name: str) -> Header | None:
        """Return the newest header of this name. Java: `lastWithName`."""
        return next((header for header in reversed(self._headers) if header.name == name), None)

    def all(self, name: str) -> tuple[Header, ...]:
        """Return every header of this name in order. Java: `allWithName`."""
        return tuple(header for header in self._headers if header.name == name)

    def add(self, name: str, value: object, schema: Schema | None = None) -> Headers:
        return Headers((*self._headers, Header(name, value, schema)))

    def without(self, *names: str) -> Headers:
        """Drop every header of these names. Java: `remove`."""
        return Headers(header for header in self._headers if header.name not in names)

    def mapped(self, change: Callable[[Header], Header | None]) -> Headers:
        """Apply `change` to each header; None drops it. Java: `apply`."""
        return Headers(new for header in self._headers if (new := change(header)) is not None)


NO_HEADERS = Headers()
