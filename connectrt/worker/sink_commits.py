"""Commit a sink task's offsets: ask the task what is safe, then tell the broker.

Invariant: one asynchronous commit at a time; an answer that a later commit has overtaken changes nothing; before any
commit every dead letter is acknowledged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError
from connectrt.tracing.sink import CommitSpan
from connectrt.worker.control import TaskControl
from connectrt.worker.dead_letter_queue import DeadLettersLostError
from connectrt.worker.sink_offsets import Offsets, SinkProgress
from connectrt.worker.sink_setup import SinkParts

log = logging.getLogger(__name__)


class OffsetCommits:
    """Task thread only."""

    def __init__(self, parts: SinkParts, progress: SinkProgress, control: TaskControl,
                 clock: Callable[[], float]) -> None:
        self._parts = parts
        self._progress = progress
        self._control = control
        self._clock = clock
        self._extra = {"action": "commit_offsets", "task": str(control.task)}
        self._due = clock() + parts.commit_interval_s
        self._number = 0
        self._since: float | None = None  #: when the commit under way began

    def due_in_s(self) -> float:
        """Seconds until offset.flush.interval.ms is over; 0 = now."""
        return max(0.0, self._due - self._clock())

    def commit(self) -> None:
        """Ask the task what is safe and commit that without waiting for the broker; nothing if one is under way."""
        parts, now = self._parts, self._clock()
        if self._since is not None:
            if now - self._since < parts.commit_timeout_s:
                return
            log.warning("offset commit took longer than offset.flush.timeout.ms; tried again", extra=self._extra)
            self._control.metrics.committed(now - self._since, False)
        parts.context.commit_requested = False
        self._since = None
        self._due = now + parts.commit_interval_s
        try:
            moved = self._safe_offsets(None)
        except DeadLettersLostError:
            raise
        except Exception as error:
            log.error("pre_commit failed, records since the last commit are delivered again: %s", error,
                      exc_info=error, extra=self._extra)
            self._control.metrics.committed(self._clock() - now, False)
            for partition, offset in self._progress.rewind_to_committed().items():
                parts.consumer.seek(partition, offset)
            return
        if moved:
            self._number += 1
            number, self._since = self._number, now
            span = self._start_span(moved)
            parts.consumer.commit_async(moved, lambda error: self._answered(number, moved, now, span, error))

    def commit_and_close(self, partitions: Sequence[TopicPartition]) -> None:
        """pre_commit, close, then commit and wait: the order of a rebalance and of a stop."""
        moved: Offsets = {}
        try:
            moved = self._safe_offsets(partitions)
        except DeadLettersLostError:
            raise
        except Exception as error:
            log.error("pre_commit failed while closing %d partitions; their records since the last commit are "
                      "delivered again: %s", len(partitions), error, exc_info=error, extra=self._extra)
        finally:
            self._control.call("close", self._parts.task.close, partitions)
        if not moved:
            return
        self._number += 1  # overtakes an asynchronous commit that is still under way
        began, span = self._clock(), self._start_span(moved)
        failed: Exception | None = None
        try:
            self._parts.consumer.commit(moved)
        except ConnectError as error:
            failed = error
        self._answered(self._number, moved, began, span, failed)

    def _safe_offsets(self, partitions: Sequence[TopicPartition] | None) -> dict[TopicPartition, int]:
        offered = self._progress.delivered(partitions)
        if not offered:
            return {}
        safe = self._control.call("pre_commit", self._parts.task.pre_commit, dict(offered))
        self._parts.flush_dead_letters()
        return self._progress.to_commit(offered, safe)

    def _start_span(self, offsets: Offsets) -> CommitSpan:
        topics = {partition.topic for partition in offsets}
        return self._parts.tracer.start_commit(topics, len(offsets), time.time_ns())

    def _answered(self, number: int, offsets: Offsets, began: float, span: CommitSpan, error: Exception | None) -> None:
        span.end(error=error)
        if number != self._number:
            self._control.metrics.commit_skipped()
            return
        self._since = None
        self._control.metrics.committed(self._clock() - began, error is None)
        if error is None:
            self._progress.commit(offsets)
        else:
            log.warning("offset commit failed, tried again at the next interval: %s", error, extra=self._extra)
