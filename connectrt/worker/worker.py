"""Host connectors and tasks: start them, stop them in time, and keep what they report.

Invariant: a task or connector that fails, blocks or never ends concerns itself only; stopping takes no longer than its
time limit. The methods belong to the herder's thread, where an event loop runs; any thread may read what is hosted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Final

from connectrt.config.definition import Config
from connectrt.worker.hosted import HostedConnector, HostedTask, Resolve
from connectrt.worker.messages import Command, DestinationCounted, Emit, Event, State, TaskId
from connectrt.worker.states import Status
from connectrt.worker.task import Surroundings, TaskCode, TaskSpec, build_task
from connectrt.worker.watchdog import Watchdog, Watched

log = logging.getLogger(__name__)

CONNECTOR_STOP_TIMEOUT_S: Final = 5.0  # Java: `Worker.CONNECTOR_GRACEFUL_SHUTDOWN_TIMEOUT_MS`
#: A cancelled task gives up at once; this is for closing its clients, so that the group learns that it has left.
CANCEL_TIMEOUT_S: Final = 1.0

BuildTask = Callable[[TaskSpec, Surroundings, "SimpleQueue[Command]", Emit], TaskCode]


class Startups:
    """How many starts were tried, and how they went."""

    def __init__(self) -> None:
        self.attempts = self.succeeded = self.failed = 0

    def ended(self, ok: bool) -> None:
        self.succeeded += ok
        self.failed += not ok

    def values(self, prefix: str) -> dict[str, float]:
        known = self.succeeded + self.failed
        values: dict[str, float] = {
            "attempts_total": self.attempts, "success_total": self.succeeded, "failure_total": self.failed}
        if known:
            values |= {"success_percentage": self.succeeded / known, "failure_percentage": self.failed / known}
        return {f"{prefix}_startup_{name}": value for name, value in values.items()}


class Worker:
    """Java: `Worker`."""

    def __init__(self, config: Config, around: Surroundings, *, resolve: Resolve, wants_tasks: Callable[[str], None],
                 build: BuildTask = build_task, count_destinations: bool = False) -> None:
        """`wants_tasks` is called on the herder's thread with the name of a connector that has new task configs."""
        self.connectors: Mapping[str, HostedConnector] = {}
        self.tasks: Mapping[TaskId, HostedTask] = {}
        self.destination_counts: Mapping[str, Mapping[str, int]] = {}
        self.stuck_timeout_s = config.get_int("task.stuck.timeout.ms") / 1000
        self.stop_timeout_s = config.get_int("task.shutdown.graceful.timeout.ms") / 1000
        self._config = config
        self._around = around
        self._resolve = resolve
        self._reported: asyncio.Event
        self._wants_tasks = wants_tasks
        self._build = build
        self._count_destinations = count_destinations
        self._window_s = config.get_int("metrics.sample.window.ms") / 1000 * config.get_int("metrics.num.samples")
        self._connector_starts = Startups()
        self._task_starts = Startups()
        self._watchdog = Watchdog(self._watched, self.stuck_timeout_s)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reported = asyncio.Event()
        self._watchdog.start()

    def stop(self) -> None:
        """End the watchdog; connectors and tasks were stopped before."""
        self._watchdog.stop()

    # -- connectors -------------------------------------------------------------------------------------------------

    def start_connector(self, name: str, raw: Mapping[str, str], target: State,
                        status: Status | None = None) -> asyncio.Future[None]:
        """Host a connector, in place of what had this name; done when it has come to `target`.

        Fails with what the plugin has raised: the connector is FAILED then, and hosted all the same. `status` is what
        it has until it reports.
        """
        hosted = HostedConnector(name, raw, self._around, self._resolve, self._post, self._notice,
                                 partial(self._wants_tasks, name), status)
        self.connectors = {**self.connectors, name: hosted}
        starting = hosted.runner.start(target)
        self._connector_starts.attempts += 1
        starting.add_done_callback(
            lambda future: self._connector_starts.ended(not future.cancelled() and future.exception() is None))
        return starting

    async def stop_connectors(self, names: Collection[str], timeout_s: float | None = None) -> None:
        """Stop instances for good; those that block are given up, after 5 s at the latest."""
        timeout_s = min(CONNECTOR_STOP_TIMEOUT_S, CONNECTOR_STOP_TIMEOUT_S if timeout_s is None else timeout_s)
        stopping = {self.connectors[name].runner.shutdown(): name for name in names if name in self.connectors}
        if not stopping:
            return
        _, late = await asyncio.wait(stopping, timeout=timeout_s)
        for future in late:
            runner = self.connectors[stopping[future]].runner
            log.error("connector does not stop and is given up", extra={
                "action": "abandon_connector", "connector": runner.name, "call": runner.call, "timeout_s": timeout_s})
            runner.abandon()

    def forget_connector(self, name: str) -> None:
        self.connectors = {other: hosted for other, hosted in self.connectors.items() if other != name}

    # -- tasks --------------------------------------------------------------------------------------------------------

    def start_task(self, task: TaskId, raw: Mapping[str, str], task_raw: Mapping[str, str], target: State,
                   status: Status | None = None) -> None:
        """Host a task and start its thread; `raw` is its connector's config. Its events tell the rest."""
        def build(commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
            connector_class = self._around.plugins.connector(raw["connector.class"])
            spec = TaskSpec(id=task, connector_class=connector_class, task_class=connector_class.task_class,
                            connector_config=self._resolve(raw), task_config=self._resolve(task_raw),
                            worker_config=self._config, initial_state=target,
                            count_destination=self._count_destinations)
            return self._build(spec, self._around, commands, emit)

        def emit(event: Event) -> None:
            self._post(partial(self._take, hosted, event))

        hosted = HostedTask(task, build, emit, self._window_s, status)
        self.tasks = {**self.tasks, task: hosted}
        self._task_starts.attempts += 1
        hosted.runner.start()

    async def stop_tasks(self, tasks: Iterable[TaskId], timeout_s: float | None = None) -> None:
        """Ask tasks to stop, cancel those that have not in `timeout_s` (all together), then leave them alone."""
        timeout_s = self.stop_timeout_s if timeout_s is None else timeout_s
        stopping = [self.tasks[task] for task in tasks if task in self.tasks]
        late = await self._await_end(stopping, Command.STOP, timeout_s)
        if late:
            log.warning("tasks have not stopped in time and are cancelled; task.shutdown.graceful.timeout.ms says how "
                        "long they may take", extra={"action": "cancel_tasks", "timeout_s": timeout_s,
                                                     "tasks": ", ".join(str(hosted.task) for hosted in late)})
        for hosted in await self._await_end(late, Command.CANCEL, CANCEL_TIMEOUT_S):
            log.error("task does not end and is given up; it is here:\n%s", hosted.runner.stack(), extra={
                "action": "abandon_task", "task": str(hosted.task), "call": hosted.runner.call})
            hosted.runner.abandon()

    @staticmethod
    async def _await_end(tasks: list[HostedTask], command: Command, timeout_s: float) -> list[HostedTask]:
        for hosted in tasks:
            hosted.runner.send(command)
        ends = [hosted.ended for hosted in tasks if not hosted.ended.done()]
        if ends:
            await asyncio.wait(ends, timeout=timeout_s)
        return [hosted for hosted in tasks if not hosted.ended.done()]

    def forget_tasks(self, tasks: Collection[TaskId]) -> None:
        self.tasks = {task: hosted for task, hosted in self.tasks.items() if task not in tasks}

    def send(self, tasks: Iterable[TaskId], command: Command) -> None:
        for task in tasks:
            if task in self.tasks:
                self.tasks[task].runner.send(command)

    def tasks_of(self, connector: str) -> list[TaskId]:
        """The hosted tasks of a connector, in order."""
        return sorted(task for task in self.tasks if task.connector == connector)

    # -- what they report ---------------------------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        """Counts of this worker. Any thread."""
        return {"connector_count": len(self.connectors), "task_count": len(self.tasks),
                **self._connector_starts.values("connector"), **self._task_starts.values("task")}

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what is hosted; it is checked after every report."""
        while not condition():
            self._reported.clear()
            await self._reported.wait()

    def _notice(self) -> None:
        self._reported.set()

    def _take(self, hosted: HostedTask, event: Event) -> None:
        first = hosted.status is None or hosted.status.state is State.RESTARTING
        hosted.take(event, time.monotonic())
        if first and hosted.status is not None and hosted.status.state is not State.RESTARTING:
            self._task_starts.ended(hosted.status.state is not State.FAILED)
        if isinstance(event, DestinationCounted):
            # Tasks of one connector count the same targets; who counts last has seen what all have written.
            before = self.destination_counts.get(event.task.connector, {})
            self.destination_counts = {**self.destination_counts, event.task.connector: {**before, **event.counts}}
        self._notice()

    def _post(self, action: Callable[[], None]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:  # the loop is closed: nobody listens any more
            log.debug("a report came after the end", extra={"action": "late_report"})

    def _watched(self) -> Mapping[str, Watched]:
        return {**{f"connector {name}": hosted.runner for name, hosted in self.connectors.items()},
                **{f"task {task}": hosted.runner for task, hosted in self.tasks.items()}}
