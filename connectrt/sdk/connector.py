"""Define what a connector is: a name for its config, and the split of its work into tasks.

A plugin whose tasks all get the connector's own config needs no connector class at all: an entry point may name a
SourceTask or SinkTask with a CONFIG, and the runtime makes the connector. Java: `Connector`.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from connectrt.config.definition import Config, ConfigDef
from connectrt.sdk.task import OffsetReader, SinkTask, SourceTask, Task


class ConnectorContext(Protocol):
    """What the runtime offers a running connector. Thread-safe."""

    name: str

    def request_task_reconfiguration(self) -> None:
        """Ask that `task_configs` be called again; returns at once."""

    def raise_error(self, error: Exception) -> None:
        """Mark the connector FAILED; its tasks go on."""

    @property
    def offset_reader(self) -> OffsetReader:
        """Committed source offsets of this connector. Raises ConnectError for a sink."""


class Connector(ABC):
    """Base of SourceConnector and SinkConnector; one instance per connector name and run.

    All calls come from one thread of the worker, in the order start, task_configs, stop; after a pause start is called
    again on the same instance. A call that blocks holds up this connector only.
    """

    CONFIG: ClassVar[ConfigDef] = ConfigDef()
    task_class: ClassVar[type[Task]]
    #: None = the version of the distribution that holds the class.
    version: ClassVar[str | None] = None
    context: ConnectorContext

    def initialize(self, context: ConnectorContext) -> None:
        self.context = context

    def start(self, config: Config) -> None:
        """Prepare; `config` is parsed by CONFIG. Raising marks the connector FAILED."""
        self.config = config

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Return one text config per task, at most `max_tasks`; each is parsed by the task's CONFIG."""
        return [dict(self.config.originals)] * max_tasks

    def stop(self) -> None:
        """Release what start took. Called once per start, also after start has raised."""

    @classmethod
    def validate(cls, config: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        """Return errors that no single key's validator can see: key -> messages. Offline: no connection is made."""
        return {}


class SinkConnector(Connector):
    """Moves records out of Kafka. Set `task_class` and, if there is anything to configure, CONFIG."""

    task_class: ClassVar[type[SinkTask]]


class SourceConnector(Connector):
    """Moves records into Kafka. Set `task_class` and CONFIG; override `task_configs` to split the work."""

    task_class: ClassVar[type[SourceTask]]

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Return one text config per task. The default is one task: two with equal configs would read all twice."""
        return [dict(self.config.originals)]
