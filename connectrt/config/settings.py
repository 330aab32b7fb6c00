"""Hold what config files say: keys with their texts and where each was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: States a connector may be created in; Connect's words for `initial_state`.
INITIAL_STATES = ("RUNNING", "PAUSED", "STOPPED")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written; prints as `configs/pg-sink.yaml:12` or `--set`."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Texts by key, as they were written: variables are not resolved. Not printed, for they may hold secrets."""

    props: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One connector; `settings` hold its name as well."""

    name: str
    settings: Settings
    origin: Origin
    initial_state: str = "RUNNING"


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """All that was read. With `faults` the rest is incomplete."""

    worker: Settings
    connectors: tuple[ConnectorConfig, ...]
    faults: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
