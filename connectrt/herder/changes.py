"""Change the connectors of a single worker: create, replace, move, restart, delete.

Invariant: changes of one connector wait for each other, except for the start of its instance, which may block for ever;
after that wait it is looked at again whether the instance is still wanted. All methods run on the herder's thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectrt.errors import AlreadyExistsError, ConnectError, NotFoundError
from connectrt.herder.thread import HerderThread
from connectrt.worker.hosted import HostedConnector, HostedTask
from connectrt.worker.messages import Command, State, TaskId
from connectrt.worker.states import restarting
from connectrt.worker.worker import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What a herder keeps of a connector. Configs are raw."""

    config: Mapping[str, str]
    target: State
    task_configs: tuple[Mapping[str, str], ...] = ()
    applied: Mapping[str, str] | None = None  #: the config that the task configs came from


@dataclass(frozen=True, slots=True)
class RestartPlan:
    connector: bool
    tasks: tuple[TaskId, ...]


class Changes:
    """Everything known of connectors, and what may be done to them."""

    def __init__(self, worker: Worker, thread: HerderThread) -> None:
        #: Replaced, never changed: any thread may read it.
        self.known: Mapping[str, Known] = {}
        self._worker = worker
        self._thread = thread
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def get(self, name: str, unknown: str = "Connector {} not found") -> Known:
        try:
            return self.known[name]
        except KeyError:
            raise NotFoundError(unknown.format(name)) from None

    async def put(self, name: str, config: Mapping[str, str], initial_state: State | None, allow_replace: bool) -> bool:
        """Create or replace; True if it was created. Java: `putConnectorConfig`."""
        async with self._locks[name]:
            existed = name in self.known
            if existed and not allow_replace:
                raise AlreadyExistsError(f"Connector {name} already exists")
            await self._worker.stop_connectors([name])
            before = self.known.get(name) or Known(config, initial_state or State.RUNNING)
            self._remember(name, replace(before, config=config))
            starting = self._worker.start_connector(name, config, before.target)
        await self._started(name, starting)
        return not existed

    def set_target(self, name: str, target: State, command: Command) -> None:
        """Pause or resume; what it does shows later."""
        self._remember(name, replace(self.get(name, "Unknown connector {}"), target=target))
        self._worker.send(self._worker.tasks_of(name), command)
        self._thread.spawn(self._move(name, target))

    async def stop(self, name: str) -> None:
        """Remove the tasks, stop the instance, keep the config."""
        async with self._locks[name]:
            if name not in self.known:
                raise ConnectError(f"No connector `{name}` configured")  # not NotFoundError: Java's standalone says 500
            self._remember(name, replace(self.known[name], target=State.STOPPED, task_configs=(), applied=None))
            await self._remove_tasks(name)
        self._thread.spawn(self._move(name, State.STOPPED))

    async def delete(self, name: str) -> None:
        async with self._locks[name]:
            self.get(name)
            await asyncio.gather(self._worker.stop_connectors([name]), self._remove_tasks(name))
            self._worker.forget_connector(name)
            self.known = {other: known for other, known in self.known.items() if other != name}

    async def restart_connector(self, name: str) -> None:
        """Make a new instance; tasks go on unless it gives them other configs."""
        async with self._locks[name]:
            if name not in self.known:
                raise ConnectError(f"Connector {name} not found")  # not NotFoundError: Java's standalone says 500
            starting = await self._start_again(name)
        await self._started(name, starting)

    def plan_restart(self, name: str, include_tasks: bool, only_failed: bool) -> RestartPlan:
        """Select what is to be restarted; its status says RESTARTING from now on."""
        self.get(name, "Unknown connector: {}")

        def take(item: HostedConnector | HostedTask) -> bool:
            if item.status is None or (only_failed and item.status.state is not State.FAILED):
                return False
            item.status = restarting(item.status)
            return True

        tasks = self._worker.tasks_of(name) if include_tasks else []
        return RestartPlan(take(self._worker.connectors[name]),
                           tuple(task for task in tasks if take(self._worker.tasks[task])))

    async def restart_selected(self, name: str, plan: RestartPlan) -> None:
        """Restart what the plan names."""
        async with self._locks[name]:
            await self._worker.stop_tasks(plan.tasks)
            if plan.connector:
                self._thread.spawn(self._finish_start(name, await self._start_again(name)))
            for task in plan.tasks:
                self._start_task(task)

    async def restart_task(self, task: TaskId) -> None:
        async with self._locks[task.connector]:
            if task.connector not in self.known:
                raise ConnectError(  # not NotFoundError: Java's standalone says 500
                    f"Failed to start task {task} since it is not a recognizable type (source or sink): there is no "
                    f"connector {task.connector}")
            if task not in self._worker.tasks:
                raise NotFoundError(f"Task {task} not found")
            await self._worker.stop_tasks([task])
            self._start_task(task)

    async def generate_tasks(self, name: str) -> None:
        """Ask the instance for task configs, and replace the tasks if these or the connector's config are new."""
        hosted = self._worker.connectors.get(name)
        configs = await hosted.runner.task_configs() if hosted else None
        if hosted is None or configs is None:
            return
        raw = tuple(hosted.raw_task_config(config) for config in configs)
        async with self._locks[name]:
            known = self.known.get(name)
            if known is None or known.target is not State.RUNNING or self._worker.connectors.get(name) is not hosted:
                return
            if raw == known.task_configs and known.config == known.applied:
                return
            await self._remove_tasks(name)
            self._remember(name, replace(self.known[name], task_configs=raw, applied=known.config))
            for number in range(len(raw)):
                self._start_task(TaskId(name, number))

    # -- steps --------------------------------------------------------------------------------------------------------

    def _remember(self, name: str, known: Known) -> None:
        self.known = {**self.known, name: known}

    async def _start_again(self, name: str) -> asyncio.Future[None]:
        await self._worker.stop_connectors([name])
        known, before = self.known[name], self._worker.connectors[name].status
        return self._worker.start_connector(name, known.config, known.target, restarting(before))

    async def _started(self, name: str, starting: asyncio.Future[None]) -> None:
        try:
            await starting
        except Exception as error:
            raise ConnectError(f"Failed to start connector {name}: {error}") from error
        await self.generate_tasks(name)

    async def _finish_start(self, name: str, starting: asyncio.Future[None]) -> None:
        try:
            await self._started(name, starting)
        except Exception as error:
            log.debug("nobody waits for this start, status tells: %s", error, extra={"action": "start_connector"})

    async def _move(self, name: str, target: State) -> None:
        """Bring the instance to its target; nobody waits for it."""
        try:
            await self._worker.connectors[name].runner.move_to(target)
            if target is State.RUNNING:
                await self.generate_tasks(name)
        except asyncio.CancelledError:
            pass  # a newer target came
        except Exception as error:
            log.warning("connector did not come to its target state: %s", error,
                        extra={"action": "move_connector", "connector": name, "state": target.value})

    def _start_task(self, task: TaskId) -> None:
        known = self.known[task.connector]
        running = self._worker.tasks.get(task)
        self._worker.start_task(task, known.config, known.task_configs[task.number], known.target,
                                restarting(running.status) if running else None)

    async def _remove_tasks(self, name: str) -> None:
        tasks = self._worker.tasks_of(name)
        await self._worker.stop_tasks(tasks)
        self._worker.forget_tasks(tasks)
