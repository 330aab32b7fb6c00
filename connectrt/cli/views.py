"""Say what a view of a running worker does, and show one in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from connectrt.cli.summary import Summary
from connectrt.herder.herder import TaskRow

log = logging.getLogger(__name__)

Rows = Callable[[], Sequence[TaskRow]]


class View(AbstractContextManager["View"], Protocol):
    """What people see while a worker runs. Main thread only."""

    interval_s: float  #: how often `refresh` is to be called

    def refresh(self, doing: str) -> None:
        """Show the worker as it is now; `doing` is "running", "draining" or "stopping"."""

    def finish(self, summary: Summary) -> None:
        """Show how the run went; nothing is shown after it."""


class LogView:
    """A line per connector every ten seconds, and at the end."""

    interval_s = 10.0

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __enter__(self) -> LogView:
        return self

    def __exit__(self, *_: object) -> None: ...

    def refresh(self, doing: str) -> None:
        by_name: dict[str, list[TaskRow]] = {}
        for row in self._rows():
            by_name.setdefault(row.connector, []).append(row)
        for name, its in by_name.items():
            lags = [row.lag for row in its if row.lag is not None]
            log.info(doing, extra={
                "action": "progress", "connector": name, "states": ",".join(sorted({str(row.state) for row in its})),
                "records_in": sum(row.records_in for row in its), "records_out": sum(row.records_out for row in its),
                "records_per_s": sum(row.records_per_s for row in its), **({"lag": sum(lags)} if lags else {})})

    def finish(self, summary: Summary) -> None:
        for total in summary.totals:
            log.info("total", extra={
                "action": "total", "connector": total.name, "records_in": total.records_in,
                "records_out": total.records_out, "errors": total.errors, "failed_tasks": total.failed,
                **{f"at_destination.{target}": number for target, number in total.at_destination.items()}})
        log.info(summary.how, extra={
            "action": "end", "took_s": summary.seconds, "spans_exported": summary.spans_exported,
            "spans_dropped": summary.spans_dropped})
