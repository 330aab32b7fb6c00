"""Say what a task is to the worker that runs it, and build one from its config.

Invariant: a task is built, run and closed on its own thread; the worker knows it by TaskSpec, Command and Event only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from connectrt.config.definition import Config
from connectrt.metrics.task import TaskMetrics
from connectrt.sdk.connector import Connector
from connectrt.sdk.task import SinkTask, SourceTask, Task
from connectrt.worker.messages import Command, Emit, State, TaskId

if TYPE_CHECKING:
    from connectrt.kafka.client import KafkaClients
    from connectrt.plugins.loader import Plugins
    from connectrt.storage.offset_store import OffsetStore
    from connectrt.tracing.provider import Tracing


class TaskCode(Protocol):
    """A built task. `run` belongs to one thread, the rest may be used from any."""

    @property
    def current_call(self) -> tuple[str, float] | None:
        """The plugin call the task is in and time.monotonic() when it began; None between calls."""

    def run(self) -> None:
        """Work until STOP or CANCEL, or until the task has failed. Never raises; the last event is Ended."""

    def wake(self) -> None:
        """A command is waiting: return from any wait soon."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """All that makes a task. Configs are text with variables resolved; they never leave the process in messages."""

    id: TaskId
    connector_class: type[Connector]
    task_class: type[Task]
    connector_config: Mapping[str, str] = field(repr=False)
    task_config: Mapping[str, str] = field(repr=False)
    worker_config: Config = field(repr=False)
    initial_state: State = State.RUNNING
    count_destination: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the worker lends every task; all of it thread-safe or a factory."""

    clients: KafkaClients
    plugins: Plugins
    tracing: Tracing | None  #: None: every connector has tracing.mode=off
    offsets: OffsetStore
    clock: Callable[[], float] = time.monotonic


def task_metrics(spec: TaskSpec, around: Surroundings) -> TaskMetrics:
    worker = spec.worker_config
    return TaskMetrics(sink=issubclass(spec.task_class, SinkTask), samples=worker.get_int("metrics.num.samples"),
                       window_s=worker.get_int("metrics.sample.window.ms") / 1000, clock=around.clock)


def build_task(spec: TaskSpec, around: Surroundings, commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
    """Build the task's code on the task's thread; nothing is opened before `run`."""
    from connectrt.worker.sink_task import SinkTaskLoop
    from connectrt.worker.source_task import SourceTaskLoop

    if issubclass(spec.task_class, SinkTask):
        return SinkTaskLoop(spec, around, commands, emit)
    assert issubclass(spec.task_class, SourceTask)
    return SourceTaskLoop(spec, around, commands, emit)
