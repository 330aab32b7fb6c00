"""Decide what becomes of a record that failed: tried again, reported and skipped, or the end of the task.

Invariant: a record leaves a failed stage in one of three ways only: converted after all; reported, while
errors.tolerance allows it; or by an error that stops the task before the record's offset is committed. (KIP-298)
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from connectrt.errors import ConnectError, RetriableError, TaskCancelledError
from connectrt.metrics.task import TaskMetrics

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_RETRY_S = 0.3


@dataclass(frozen=True, slots=True)
class Failure:
    """One record that failed for good in one stage."""

    stage: str  #: Connect's stage name: KEY_CONVERTER, VALUE_CONVERTER, HEADER_CONVERTER, TRANSFORMATION, TASK_PUT …
    class_name: str  #: the plugin that was executing
    error: Exception
    place: str  #: `orders-3@1042`, or the source partition and offset
    record: object  #: the consumed message, or the SourceRecord; never logged in full


class Reporter(Protocol):
    """Takes failures somewhere a person can find them."""

    def report(self, failure: Failure) -> None: ...


class ToleranceExceededError(ConnectError):
    """A record failed and errors.tolerance is none; the cause is the original error."""


def retry_delay_s(attempt: int, longest_s: float) -> float:
    """Backoff before retry `attempt` (0, 1, …): 0.3 s doubled, then a random part of the longest delay."""
    delay_s: float = FIRST_RETRY_S * 2 ** min(attempt, 30)
    return delay_s if delay_s <= longest_s else random.uniform(0, longest_s)


class Tolerance:
    """Applies one task's errors.* keys. Task thread only. Java: `RetryWithToleranceOperator`."""

    def __init__(self, task: str, config: Mapping[str, object], reporters: list[Reporter], metrics: TaskMetrics,
                 clock: Callable[[], float], wait: Callable[[float], bool]) -> None:
        self._task = task
        self._tolerates = config["errors.tolerance"] == "all"
        self._retry_timeout_s = int(str(config["errors.retry.timeout"])) / 1000
        self._longest_delay_s = int(str(config["errors.retry.delay.max.ms"])) / 1000
        self._reporters = reporters
        self._metrics = metrics
        self._clock = clock
        self._wait = wait

    @property
    def reports(self) -> bool:
        """True if a single failed record can go anywhere: without that a sink's task has to fail instead."""
        return bool(self._reporters) or self._tolerates

    def execute(self, stage: str, class_name: str, place: str, record: object,
                operation: Callable[[], T]) -> tuple[bool, T | None]:
        """Run one stage for one record: (True, result), or (False, None) if it failed and was reported.

        RetriableError is retried with backoff until errors.retry.timeout; a request to stop ends the wait.
        Raises ToleranceExceededError as `fail` does.
        """
        began = self._clock()
        attempt = 0
        while True:
            try:
                return True, operation()
            except RetriableError as error:
                self._metrics.failed("failure")
                delay_s = retry_delay_s(attempt, self._longest_delay_s)
                left_s = self._retry_timeout_s - (self._clock() - began)
                if self._retry_timeout_s >= 0 and left_s <= 0:
                    self.fail(Failure(stage, class_name, error, place, record))
                    return False, None
                self._metrics.failed("retry")
                if self._wait(delay_s if self._retry_timeout_s < 0 else min(delay_s, left_s)):
                    raise TaskCancelledError(f"{self._task}: stopped while retrying {stage} of {place}") from error
                attempt += 1
            except Exception as error:
                self._metrics.failed("failure")
                self.fail(Failure(stage, class_name, error, place, record))
                return False, None

    def fail(self, failure: Failure) -> None:
        """Report the failure; then raise ToleranceExceededError if errors.tolerance is none."""
        self._metrics.failed("error")
        for reporter in self._reporters:
            reporter.report(failure)
        if not self._tolerates:
            raise ToleranceExceededError(
                f"Tolerance exceeded in error handler: {self._task}, {failure.stage} of {failure.place} with "
                f"{failure.class_name}: {failure.error}. Correct the record's producer or the config; "
                "errors.tolerance=all skips such records, with errors.deadletterqueue.topic.name it keeps them"
            ) from failure.error
        self._metrics.failed("skipped")


class LogReporter:
    """Write one ERROR line per failure, the record's content left out. Java: `LogReporter`.

    `errors.log.include.messages` adds where the record was, never what it held.
    """

    def __init__(self, task: str, include_messages: bool, metrics: TaskMetrics) -> None:
        self._task = task
        self._include = include_messages
        self._metrics = metrics

    def report(self, failure: Failure) -> None:
        where = f", where consumed record is {failure.place}" if self._include else ""
        log.error("Error encountered in task %s. Executing stage '%s' with class '%s'%s.", self._task, failure.stage,
                  failure.class_name, where, exc_info=failure.error, extra={"action": "report_record"})
        self._metrics.failed("logged")
