"""Define single message transforms and the predicates that guard them.

A transform must leave its input as it is and return a changed copy (`record.with_value(...)`), the record itself, or
None to drop it. Any exception belongs to the record: errors.tolerance decides.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from connectrt.config.definition import Config, ConfigDef
from connectrt.data.record import SinkRecord, SourceRecord

Record = TypeVar("Record", SinkRecord, SourceRecord)


class Transformation(ABC):
    """Changes or drops one record at a time. Java: `Transformation`."""

    CONFIG: ClassVar[ConfigDef] = ConfigDef()

    def configure(self, config: Config) -> None:
        """Take the keys below `transforms.<alias>.`, parsed by CONFIG."""

    @abstractmethod
    def apply(self, record: Record) -> Record | None: ...

    def close(self) -> None:
        """Release what configure took."""


class Predicate(ABC):
    """Says whether a transform is applied to a record. Java: `Predicate` (KIP-585)."""

    CONFIG: ClassVar[ConfigDef] = ConfigDef()

    def configure(self, config: Config) -> None:
        """Take the keys below `predicates.<alias>.`, parsed by CONFIG."""

    @abstractmethod
    def test(self, record: SinkRecord | SourceRecord) -> bool: ...

    def close(self) -> None:
        """Release what configure took."""


class ConfigProvider(ABC):
    """Resolves `${provider:path:key}` in configs. Java: `ConfigProvider` (KIP-297)."""

    def configure(self, params: Mapping[str, str]) -> None:
        """Take the keys below `config.providers.<name>.param.`."""

    @abstractmethod
    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        """Return the values of `keys` at `path`; a key that is absent is left out and stays as it is written."""
