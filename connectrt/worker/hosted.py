"""Keep what a worker knows of each connector and task it hosts, from what they report.

Invariant: everything here is written on the herder's thread; the values themselves are immutable, so other threads may
read them at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from connectrt.metrics.history import History
from connectrt.sdk.connector import Connector, SinkConnector, SourceConnector
from connectrt.sdk.task import OffsetReader
from connectrt.worker.connector import ConnectorRunner, Post
from connectrt.worker.messages import CaughtUp, Emit, Ended, Event, MetricsTaken, State, StateChanged, TaskId
from connectrt.worker.runner import BuildCode, TaskRunner
from connectrt.worker.states import CONNECTOR, TASK, Status, following
from connectrt.worker.task import Surroundings

#: Replaces the variables of a config, `${provider:path:key}`, by what they stand for.
Resolve = Callable[[Mapping[str, str]], Mapping[str, str]]


class HostedConnector:
    """One connector: its raw config, its running instance and its status. Answers the ConnectorRunner."""

    def __init__(self, name: str, raw: Mapping[str, str], around: Surroundings, resolve: Resolve, post: Post,
                 changed: Callable[[], None], wants_tasks: Callable[[], None], status: Status | None) -> None:
        self.name = name
        self.raw = raw
        self.status = status
        #: Set when the plugin was loaded.
        self.connector_class: type[Connector] | None = None
        self.version: str | None = None
        self.runner = ConnectorRunner(self, self, post)
        self._around = around
        self._resolve = resolve
        self._resolved: Mapping[str, str] = {}
        self._changed = changed
        self._wants_tasks = wants_tasks

    def load(self) -> type[Connector]:
        found = self._around.plugins.find_connector(self.raw["connector.class"])
        loaded = self._around.plugins.connector(self.raw["connector.class"])
        self.version = loaded.version or found.version
        self.connector_class = loaded
        return loaded

    def config(self) -> Mapping[str, str]:
        self._resolved = self._resolve(self.raw)
        return self._resolved

    def offset_reader(self) -> OffsetReader:
        from connectrt.worker.source_setup import ConnectorOffsets

        return ConnectorOffsets(self.name, self._around.offsets)

    def connector_changed(self, state: State, trace: str | None) -> None:
        after = following(CONNECTOR, self.status, state, trace)
        if after is not None:
            self.status = after
            self._changed()

    def task_configs_wanted(self) -> None:
        self._wants_tasks()

    def raw_task_config(self, config: Mapping[str, str]) -> dict[str, str]:
        """Complete what the connector gave for one task. A value it took from a variable becomes the variable again."""
        assert self.connector_class is not None  # it has just given the config
        task_class = self.connector_class.task_class
        topics = {key: self.raw[key] for key in ("topics", "topics.regex") if key in self.raw}
        variables = {key: text for key, text in self.raw.items() if key in config and text != self._resolved[key]}
        return {
            **config,
            "task.class": f"{task_class.__module__}.{task_class.__qualname__}",
            **(topics if issubclass(self.connector_class, SinkConnector) else {}),
            **variables,
        }

    @property
    def kind(self) -> str:
        """`source`, `sink` or, as long as the class is not loaded, `unknown`."""
        if self.connector_class is None:
            return "unknown"
        return "source" if issubclass(self.connector_class, SourceConnector) else "sink"


class HostedTask:
    """One task: its runner, its status and what it has measured."""

    def __init__(self, task: TaskId, build: BuildCode, emit: Emit, window_s: float, status: Status | None) -> None:
        now = time.monotonic()
        self.task = task
        self.status = status
        self.values: Mapping[str, float] = {}
        self.history = History(window_s, now)
        self.caught_up = False
        #: Done when the task's code has returned.
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.runner = TaskRunner(task, build, emit)
        self._began = self._since = now
        self._spent_s = {State.RUNNING: 0.0, State.PAUSED: 0.0}

    @property
    def over(self) -> bool:
        """It moves no records: failed, paused or ended."""
        return self.ended.done() or (self.status is not None and self.status.state in (State.FAILED, State.PAUSED))

    def take(self, event: Event, now: float) -> None:
        match event:
            case StateChanged():
                self._move(event, now)
            case MetricsTaken():
                self.values = event.values
                self.history.add(now, event.values)
            case CaughtUp():
                self.caught_up = True
            case Ended() if not self.ended.done():
                self.ended.set_result(None)

    def _move(self, event: StateChanged, now: float) -> None:
        after = following(TASK, self.status, event.state, event.trace)
        if after is not None:
            if self.status is not None and self.status.state in self._spent_s:
                self._spent_s[self.status.state] += now - self._since
            self.status, self._since = after, now

    def metrics(self, now: float) -> dict[str, float]:
        """What the task has measured, and what follows from it at this moment."""
        return {**self.values, **self.history.rates(now), "running_ratio": self._ratio(State.RUNNING, now),
                "pause_ratio": self._ratio(State.PAUSED, now)}

    def _ratio(self, state: State, now: float) -> float:
        life_s = now - self._began
        current_s = now - self._since if self.status is not None and self.status.state is state else 0.0
        return (self._spent_s[state] + current_s) / life_s if life_s > 0 else 0.0
