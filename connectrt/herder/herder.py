"""Say what a herder is: the one who decides which connectors and tasks run here, for REST and the command line.

Invariant: configs in and out are raw text; a variable such as `${env:PASSWORD}` is never seen resolved here.

Two kinds of methods, both for any thread. Reads return at once. Requests return a Future: they are executed one at a
time on the herder's own thread, wait for plugin code without holding up each other, and end with a result or with
ConfigErrors (the config is wrong), NotFoundError, AlreadyExistsError or another ConnectError.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from connectrt.worker.messages import State, TaskId


class ConnectorType(enum.StrEnum):
    SOURCE = "source"
    SINK = "sink"
    UNKNOWN = "unknown"  #: the class cannot be loaded


@dataclass(frozen=True, slots=True)
class ConnectorInfo:
    name: str
    config: Mapping[str, str] = field(repr=False)
    tasks: tuple[TaskId, ...]
    type: ConnectorType


@dataclass(frozen=True, slots=True)
class TaskInfo:
    id: TaskId
    config: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PluginCall:
    """A call into a plugin that has not returned yet."""

    name: str  #: "start", "put", "poll"
    seconds: float
    stalled: bool  #: it has taken longer than task.stuck.timeout.ms


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """The state of a connector or of one task."""

    state: State
    worker_id: str
    version: str | None  #: the plugin's; None: it failed before the plugin was made
    trace: str | None  #: what happened and the stack; None unless something did
    call: PluginCall | None


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    name: str
    connector: ItemStatus
    tasks: Mapping[int, ItemStatus]  #: in order; a task that has not reported yet is absent
    type: ConnectorType


@dataclass(frozen=True, slots=True)
class PutResult:
    created: bool  #: False: the connector existed and was replaced
    info: ConnectorInfo


@dataclass(frozen=True, slots=True)
class Health:
    ready: bool  #: False: connectors given at start are not all created yet
    message: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One line for people: what a task is doing and what it has done."""

    connector: str
    task: int | None  #: None: the connector itself, because it has failed or has no tasks
    type: ConnectorType
    state: State
    call: PluginCall | None
    records_in: int  #: polled from the source, or consumed from Kafka
    records_out: int  #: acknowledged by Kafka, or taken by the sink
    records_per_s: float  #: out, over the last seconds
    lag: int | None  #: records not consumed yet; None: not known, or a source
    error: str | None  #: first line of the trace


@dataclass(frozen=True, slots=True)
class Failure:
    connector: str
    task: int | None  #: None: the connector itself
    trace: str


class Herder(Protocol):
    """Java: `Herder`."""

    def start(self) -> None:
        """Start the herder's threads; before anything is asked."""

    def ready(self) -> None:
        """The connectors given at start have been created: `/health` turns healthy."""

    def shutdown(self, timeout_s: float) -> None:
        """Stop connectors, then tasks, then the herder's threads; return after at most about `timeout_s`.

        Tasks that are not done by then are cancelled and left alone; requests under way fail. Reads still answer
        afterwards, so that a summary can be made. A second call waits for the first and does nothing.
        """

    # Reads: at once, with NotFoundError for an unknown connector or task.

    def connectors(self) -> tuple[str, ...]: ...
    def connector_info(self, name: str) -> ConnectorInfo: ...
    def connector_config(self, name: str) -> Mapping[str, str]: ...
    def task_configs(self, name: str) -> tuple[TaskInfo, ...]: ...
    def status(self, name: str) -> ConnectorStatus: ...
    def task_status(self, task: TaskId) -> ItemStatus: ...

    def metrics(self) -> Mapping[TaskId, Mapping[str, float]]:
        """What each task has counted and measured, by the names of `connectrt.metrics.registry`."""

    def worker_metrics(self) -> Mapping[str, float]:
        """Connectors, tasks and start-ups of this worker, by the names of `connectrt.metrics.registry`."""

    def snapshot(self) -> tuple[TaskRow, ...]:
        """One row per task, by connector and number."""

    def destination_counts(self) -> Mapping[str, Mapping[str, int]]:
        """By connector: what its sink tasks counted at their targets when they stopped."""

    # Requests.

    def health(self) -> Future[Health]:
        """Goes through the herder's thread: no answer means that the herder is stuck."""

    def kafka_cluster_id(self) -> Future[str | None]:
        """None: no broker has answered yet."""

    def put_connector_config(self, name: str, config: Mapping[str, str | None], initial_state: State | None = None,
                             allow_replace: bool = True) -> Future[PutResult]:
        """Validate; create the connector or replace it; done when it has started and its tasks are on their way.

        A null is refused, except for a key of the connector's own, which is left out then.
        `initial_state` (RUNNING, PAUSED, STOPPED) is for a new connector; an existing one keeps its own.
        A connector whose start raises is kept, as FAILED, and the request fails.
        """

    def pause(self, name: str) -> Future[None]: ...
    def resume(self, name: str) -> Future[None]: ...

    def stop(self, name: str) -> Future[None]:
        """Stop the connector and remove its tasks; its config stays."""

    def restart(self, name: str, include_tasks: bool = False, only_failed: bool = False) -> Future[ConnectorStatus]:
        """Restart the connector, or with either flag what they select; the status says RESTARTING for what was."""

    def restart_task(self, task: TaskId) -> Future[None]: ...
    def delete(self, name: str) -> Future[None]: ...

    def drain(self) -> Future[tuple[Failure, ...]]:
        """Done when every source has ended and then every sink has committed all that was in its topics.

        What has failed is not waited for and is in the result; paused and stopped connectors are passed over.
        """
