"""Run the connectors of an open worker and show it: starting, running or draining, stopping, summary."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TypeVar

from connectrt.cli.exit_codes import ConnectorsFailed
from connectrt.cli.running import EXPORT_TIMEOUT_S, Running
from connectrt.cli.summary import Summary, totals
from connectrt.cli.views import View
from connectrt.herder.herder import ConnectorType
from connectrt.worker.messages import State
from connectrt.worker.states import first_line

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Until all tasks run, so that the time they took is told exactly.
_LOOK_EVERY_S = 0.02


class _Stopped(Exception):
    """A signal asked for the end of the run."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.interactive = number is signal.SIGINT


class Session:
    """One run. Main thread only; signals and finished futures come through `events`."""

    def __init__(self, running: Running, view: View, events: SimpleQueue[object], began: float) -> None:
        """`began`: time.monotonic() when the command was called."""
        self._running = running
        self._herder = running.herder
        self._view = view
        self._events = events
        self._began = began
        self._refresh_at = time.monotonic() + view.interval_s
        self._ran_at: float | None = None  # when all tasks ran for the first time

    def run(self, *, drain: bool) -> None:
        """Return when the worker has stopped and its summary was shown.

        Raises ConnectorsFailed if a connector was rejected, or something failed before it was drained.
        """
        failed: Mapping[str, str] = {}
        how = "stopped"
        try:
            failed = self._start_connectors()
            if not failed and drain:
                failures = self._wait(self._herder.drain(), "draining").result()
                failed = {_name(one.connector, one.task): first_line(one.trace) for one in failures}
                how = "drained"
            elif not failed:
                self._wait(Future[None](), "running")
        except _Stopped as stopped:
            log.info("stopping", extra={"action": "stop", "signal": str(stopped)})
            if stopped.interactive:
                self._catch_up()
        self._stop()
        self._view.finish(self._summary(how))
        if failed:
            raise ConnectorsFailed("\n".join(f"{name} failed: {why}" for name, why in failed.items()))

    def _start_connectors(self) -> Mapping[str, str]:
        """Return the connectors that were rejected, each with the reason."""
        asked = {
            connector.name: self._herder.put_connector_config(
                connector.name, connector.settings.props, State(connector.initial_state), allow_replace=False)
            for connector in self._running.connectors}
        errors = {name: self._wait(future, "starting").exception() for name, future in asked.items()}
        rejected = {name: str(error) for name, error in errors.items() if error is not None}
        if not rejected:
            self._herder.ready()
        return rejected

    def _catch_up(self) -> None:
        """After Ctrl-C: let the sinks write what the sources of this worker have sent, for as long as a stop may take.

        Who looks at both ends then finds the same number; a service that is told SIGTERM does not wait for it.
        """
        rows = self._herder.snapshot()
        sources = {row.connector for row in rows if row.type is ConnectorType.SOURCE}
        if not sources or all(row.connector in sources for row in rows):
            return
        for name in sources:
            self._herder.pause(name)
        if not self._wait(self._herder.drain(), "catching up", timeout_s=self._running.stop_timeout_s).done():
            log.warning("sinks have not caught up in time; they go on where they are at the next start",
                        extra={"action": "stop", "timeout_s": self._running.stop_timeout_s})

    def _stop(self) -> None:
        """Stop everything on a thread of its own, so that it can be watched; a signal now is the second one."""
        stopping = ThreadPoolExecutor(1, "stop")
        stopped = stopping.submit(self._herder.shutdown, self._running.stop_timeout_s)
        stopping.shutdown(wait=False)
        self._wait(stopped, "stopping", until_signal=False).result()
        self._running.tracing.shutdown(EXPORT_TIMEOUT_S)

    def _wait(self, future: Future[T], doing: str, *, until_signal: bool = True,
              timeout_s: float = math.inf) -> Future[T]:
        """Return the future when it is done or the time is over; meanwhile show the worker.

        Raises _Stopped when a signal came.
        """
        future.add_done_callback(self._events.put)
        until = time.monotonic() + timeout_s
        while not future.done() and (left_s := until - time.monotonic()) > 0:
            event = self._next_event(doing, left_s)
            if until_signal and isinstance(event, signal.Signals):
                raise _Stopped(event)
        return future

    def _next_event(self, doing: str, timeout_s: float) -> object:
        """Return what came, or None; redraw the view when it is due."""
        if not self._ran_at:
            self._tell_when_running()
        now = time.monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + self._view.interval_s
            self._view.refresh(doing)
        pause_s = min(timeout_s, self._refresh_at - now, math.inf if self._ran_at else _LOOK_EVERY_S)
        try:
            return self._events.get(timeout=pause_s)
        except Empty:
            return None

    def _tell_when_running(self) -> None:
        rows = self._herder.snapshot()
        if len({row.connector for row in rows}) == len(self._running.connectors) and all(
                row.task is not None and row.state is State.RUNNING for row in rows):
            self._ran_at = time.monotonic()
            log.info("all tasks are running", extra={
                "action": "run", "tasks": len(rows), "took_s": self._ran_at - self._began})

    def _summary(self, how: str) -> Summary:
        herder, tracing = self._herder, self._running.tracing
        rows = herder.snapshot()
        failures: dict[str, str] = {}
        for row in rows:
            if row.state is State.FAILED:
                status = herder.status(row.connector)
                item = status.connector if row.task is None else status.tasks[row.task]
                failures[_name(row.connector, row.task)] = item.trace or ""
        whole = totals(rows, herder.metrics(), herder.destination_counts())
        now = time.monotonic()
        return Summary(how, now - self._began, now - (self._ran_at or self._began), whole, tracing.spans_exported(),
                       tracing.spans_dropped(), failures)


def _name(connector: str, task: int | None) -> str:
    return connector if task is None else f"{connector}-{task}"
