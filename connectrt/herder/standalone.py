"""Herd the connectors of a single worker; what they are is kept in memory. Java: `StandaloneHerder`.

Invariant: what is known of connectors changes on the herder's thread only, and plugin code never runs there; reads take
what was published last, on any thread, without a lock.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Final

from connectrt.config.definition import Config
from connectrt.errors import NotFoundError
from connectrt.herder.changes import Changes
from connectrt.herder.herder import (
    ConnectorInfo,
    ConnectorStatus,
    ConnectorType,
    Failure,
    Health,
    ItemStatus,
    PutResult,
    TaskInfo,
    TaskRow,
)
from connectrt.herder.thread import HerderThread
from connectrt.herder.validation import check_connector
from connectrt.herder.view import View
from connectrt.sdk.connector import SourceConnector
from connectrt.worker.client_config import client_config
from connectrt.worker.hosted import HostedTask
from connectrt.worker.messages import Command, State, TaskId
from connectrt.worker.task import Surroundings, build_task
from connectrt.worker.variables import make_resolver
from connectrt.worker.worker import BuildTask, Worker

log = logging.getLogger(__name__)

CLUSTER_ID_TIMEOUT_S: Final = 1.0


class StandaloneHerder:
    """Answers `Herder`, where every method is described."""

    def __init__(self, config: Config, around: Surroundings, *, worker_id: str, count_destinations: bool = False,
                 build: BuildTask = build_task) -> None:
        """`config` is the worker's; `count_destinations`: sinks count at their targets when they stop."""
        self._config = config
        self._around = around
        self._worker_id = worker_id
        self._thread = HerderThread()
        self._worker = Worker(config, around, resolve=make_resolver(config.originals, around.plugins),
                              wants_tasks=self._reconfigure, build=build, count_destinations=count_destinations)
        self._changes = Changes(self._worker, self._thread)
        self._stopping = threading.Lock()
        self._ready = False
        self._cluster_id: str | None = None
        self._asking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._thread.start()
        self._thread.request(self._begin).result()

    def ready(self) -> None:
        self._ready = True

    def shutdown(self, timeout_s: float) -> None:
        with self._stopping:
            if self._thread.alive:
                self._thread.request(self._end, timeout_s).result()
                self._thread.stop()

    async def _begin(self) -> None:
        self._worker.start()

    async def _end(self, timeout_s: float) -> None:
        await self._thread.cancel_others()
        await asyncio.gather(
            self._worker.stop_connectors(list(self._worker.connectors), timeout_s),
            self._worker.stop_tasks(list(self._worker.tasks), timeout_s))
        self._worker.stop()

    # -- reads ------------------------------------------------------------------------------------------------------

    def connectors(self) -> tuple[str, ...]:
        return tuple(self._changes.known)

    def connector_info(self, name: str) -> ConnectorInfo:
        known, hosted = self._changes.get(name), self._worker.connectors.get(name)
        tasks = tuple(TaskId(name, number) for number in range(len(known.task_configs)))
        return ConnectorInfo(name, known.config, tasks, ConnectorType(hosted.kind if hosted else "unknown"))

    def connector_config(self, name: str) -> Mapping[str, str]:
        return self._changes.get(name).config

    def task_configs(self, name: str) -> tuple[TaskInfo, ...]:
        configs = self._changes.get(name).task_configs
        return tuple(TaskInfo(TaskId(name, number), config) for number, config in enumerate(configs))

    def status(self, name: str) -> ConnectorStatus:
        status = self._view().connector_status(name)
        if status is None:
            raise NotFoundError(f"No status found for connector {name}")
        return status

    def task_status(self, task: TaskId) -> ItemStatus:
        connector = self._view().connector_status(task.connector)
        if connector is None or task.number not in connector.tasks:
            raise NotFoundError(f"No status found for task {task}")
        return connector.tasks[task.number]

    def metrics(self) -> Mapping[TaskId, Mapping[str, float]]:
        now = time.monotonic()
        return {task: hosted.metrics(now) for task, hosted in self._worker.tasks.items()}

    def worker_metrics(self) -> Mapping[str, float]:
        tracing = self._around.tracing
        spans = {} if tracing is None else {
            "spans_exported_total": tracing.spans_exported(), "spans_dropped_total": tracing.spans_dropped()}
        return {**self._worker.metrics(), **spans}

    def snapshot(self) -> tuple[TaskRow, ...]:
        return self._view().rows()

    def destination_counts(self) -> Mapping[str, Mapping[str, int]]:
        return self._worker.destination_counts

    def _view(self) -> View:
        return View(self._worker, self._worker_id, time.monotonic())

    # -- requests -----------------------------------------------------------------------------------------------------

    def health(self) -> Future[Health]:
        return self._thread.request(self._health)

    def kafka_cluster_id(self) -> Future[str | None]:
        return self._thread.request(self._find_cluster_id)

    def put_connector_config(self, name: str, config: Mapping[str, str | None], initial_state: State | None = None,
                             allow_replace: bool = True) -> Future[PutResult]:
        return self._thread.request(self._put, name, {**config, "name": name}, initial_state, allow_replace)

    def pause(self, name: str) -> Future[None]:
        return self._thread.request(self._set_target, name, State.PAUSED, Command.PAUSE)

    def resume(self, name: str) -> Future[None]:
        return self._thread.request(self._set_target, name, State.RUNNING, Command.RESUME)

    def stop(self, name: str) -> Future[None]:
        return self._thread.request(self._changes.stop, name)

    def restart(self, name: str, include_tasks: bool = False, only_failed: bool = False) -> Future[ConnectorStatus]:
        return self._thread.request(self._restart, name, include_tasks, only_failed)

    def restart_task(self, task: TaskId) -> Future[None]:
        return self._thread.request(self._changes.restart_task, task)

    def delete(self, name: str) -> Future[None]:
        return self._thread.request(self._changes.delete, name)

    def drain(self) -> Future[tuple[Failure, ...]]:
        return self._thread.request(self._drain)

    # -- on the herder's thread ---------------------------------------------------------------------------------------

    async def _health(self) -> Health:
        if self._ready:
            return Health(True, "Worker has completed startup and is ready to handle requests.")
        return Health(False, "Worker is still starting up.")

    async def _find_cluster_id(self) -> str | None:
        if self._cluster_id is None:
            self._asking = self._asking or asyncio.ensure_future(self._ask_cluster_id())
            await asyncio.wait({self._asking}, timeout=CLUSTER_ID_TIMEOUT_S)
        return self._cluster_id

    async def _ask_cluster_id(self) -> None:
        def ask() -> str:
            admin = self._around.clients.admin(
                client_config("admin", {"client.id": f"connectrt-{self._worker_id}"}, self._config, {}))
            try:
                return admin.cluster_id()
            finally:
                admin.close()

        try:
            self._cluster_id = await self._thread.aside("cluster-id", ask)
        except Exception as error:
            log.debug("no broker has told the cluster's id: %s", error, extra={"action": "cluster_id"})
        finally:
            self._asking = None  # one at a time, however often it is asked while no broker answers

    async def _put(self, name: str, given: Mapping[str, str | None], initial_state: State | None,
                   allow_replace: bool) -> PutResult:
        await self._thread.aside(f"validate-{name}",
                                 partial(check_connector, given, self._around.plugins, self._config))
        config = {key: text for key, text in given.items() if text is not None}
        created = await self._changes.put(name, config, initial_state, allow_replace)
        return PutResult(created, self.connector_info(name))

    async def _set_target(self, name: str, target: State, command: Command) -> None:
        self._changes.set_target(name, target, command)

    async def _restart(self, name: str, include_tasks: bool, only_failed: bool) -> ConnectorStatus:
        if not include_tasks and not only_failed:
            await self._changes.restart_connector(name)
            return self.status(name)
        plan = self._changes.plan_restart(name, include_tasks, only_failed)
        planned = self.status(name)
        await self._changes.restart_selected(name, plan)
        return planned

    def _reconfigure(self, name: str) -> None:
        async def generate() -> None:
            try:
                await self._changes.generate_tasks(name)
            except Exception as error:
                log.error("the connector asked for new task configs and gave none; its tasks go on as they are: %s",
                          error, exc_info=error, extra={"action": "generate_tasks", "connector": name})

        self._thread.spawn(generate())

    async def _drain(self) -> tuple[Failure, ...]:
        asked: set[HostedTask] = set()

        def done(sources: bool) -> bool:
            hosted = [task for task in self._worker.tasks.values() if self._is_source(task) is sources]
            if not sources:
                for task in hosted:
                    if task not in asked:
                        task.runner.send(Command.CATCH_UP)
                asked.update(hosted)
            return all(task.caught_up or task.over for task in hosted)

        await self._worker.until(partial(done, True))
        await self._worker.until(partial(done, False))
        return self._view().failures()

    def _is_source(self, task: HostedTask) -> bool:
        connector = self._worker.connectors[task.task.connector].connector_class
        return connector is not None and issubclass(connector, SourceConnector)
