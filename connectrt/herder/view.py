"""Turn what a worker hosts into what REST and people are shown.

Invariant: pure reading; everything here may be called on any thread.
"""

from __future__ import annotations

from connectrt.herder.herder import ConnectorStatus, ConnectorType, Failure, ItemStatus, PluginCall, TaskRow
from connectrt.worker.hosted import HostedConnector, HostedTask
from connectrt.worker.messages import State, TaskId
from connectrt.worker.states import Status, first_line
from connectrt.worker.worker import Worker


class View:
    """One worker's items, as of `now` (time.monotonic())."""

    def __init__(self, worker: Worker, worker_id: str, now: float) -> None:
        self._connectors = worker.connectors
        self._tasks = worker.tasks
        self._stuck_timeout_s = worker.stuck_timeout_s
        self._worker_id = worker_id
        self._now = now

    def connector_status(self, name: str) -> ConnectorStatus | None:
        """None: it has not reported yet, or there is none."""
        hosted = self._connectors.get(name)
        if hosted is None or hosted.status is None:
            return None
        tasks = {task.number: self._task(hosted, self._tasks[task]) for task in self._tasks_of(name)}
        return ConnectorStatus(
            name=name,
            connector=self._item(hosted.status, hosted.version, hosted.runner.call),
            tasks={number: status for number, status in tasks.items() if status is not None},
            type=ConnectorType(hosted.kind))

    def rows(self) -> tuple[TaskRow, ...]:
        """One row per task; one for each connector that has failed, or has no tasks."""
        rows: list[TaskRow] = []
        for name, hosted in sorted(self._connectors.items()):
            tasks = self._tasks_of(name)
            if not tasks or (hosted.status is not None and hosted.status.state is State.FAILED):
                rows.append(self._connector_row(hosted))
            rows += (self._task_row(hosted, self._tasks[task]) for task in tasks)
        return tuple(rows)

    def failures(self) -> tuple[Failure, ...]:
        items: list[tuple[str, int | None, Status | None]] = [
            *((name, None, hosted.status) for name, hosted in self._connectors.items()),
            *((task.connector, task.number, hosted.status) for task, hosted in self._tasks.items())]
        return tuple(Failure(connector, number, status.trace or "") for connector, number, status in items
                     if status is not None and status.state is State.FAILED)

    def _tasks_of(self, name: str) -> list[TaskId]:
        return sorted(task for task in self._tasks if task.connector == name)

    def _call(self, call: tuple[str, float] | None) -> PluginCall | None:
        if call is None:
            return None
        name, since = call
        return PluginCall(name, self._now - since, self._now - since >= self._stuck_timeout_s)

    def _item(self, status: Status, version: str | None, call: tuple[str, float] | None) -> ItemStatus:
        return ItemStatus(status.state, self._worker_id, version, status.trace, self._call(call))

    def _task(self, hosted: HostedConnector, task: HostedTask) -> ItemStatus | None:
        if task.status is None:
            return None
        task_class = hosted.connector_class.task_class if hosted.connector_class else None
        version = (task_class.version if task_class else None) or hosted.version
        return self._item(task.status, version, task.runner.call)

    def _connector_row(self, hosted: HostedConnector) -> TaskRow:
        status = hosted.status
        return TaskRow(hosted.name, None, ConnectorType(hosted.kind), status.state if status else State.UNASSIGNED,
                       self._call(hosted.runner.call), 0, 0, 0.0, None, _error(status))

    def _task_row(self, hosted: HostedConnector, task: HostedTask) -> TaskRow:
        status, values, kind = task.status, task.values, ConnectorType(hosted.kind)
        taken, given = (("source_record_poll_total", "source_record_write_total") if kind is ConnectorType.SOURCE else
                        ("sink_record_read_total", "sink_record_send_total"))
        lag = values.get("task_lag_records")
        return TaskRow(
            connector=hosted.name, task=task.task.number, type=kind, state=status.state if status else State.UNASSIGNED,
            call=self._call(task.runner.call),
            records_in=int(values.get(taken, 0)), records_out=int(values.get(given, 0)),
            records_per_s=task.history.recent_rate(given, self._now), lag=None if lag is None else int(lag),
            error=_error(status))


def _error(status: Status | None) -> str | None:
    return first_line(status.trace) if status is not None and status.trace else None
