"""Send records that failed to the dead letter queue, with the bytes and headers they came with.

Invariant: no offset is committed over a record whose dead letter is not acknowledged; a dead letter that cannot be
written fails the task instead. (KIP-298; Java commits without waiting for some of them)
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from connectrt.data.message import Message
from connectrt.data.record import RawHeaders
from connectrt.errors import ConnectError
from connectrt.kafka.client import Admin, Producer
from connectrt.metrics.task import TaskMetrics
from connectrt.worker.messages import TaskId
from connectrt.worker.tolerance import Failure

PREFIX = "__connect.errors."


class DeadLettersLostError(ConnectError):
    """A dead letter was not acknowledged: the task must stop before the offset of its record is committed."""


class DeadLetterQueue:
    """One sink task's dead letter queue. Task thread only. Java: `DeadLetterQueueReporter`."""

    def __init__(self, task: TaskId, topic: str, with_context: bool, producer: Producer, metrics: TaskMetrics) -> None:
        self._task = task
        self._topic = topic
        self._with_context = with_context
        self._producer = producer
        self._metrics = metrics
        self._unflushed = 0
        self._error: Exception | None = None

    @staticmethod
    def create_topic(admin: Admin, topic: str, replication_factor: int) -> None:
        """Create the topic with one partition if it is missing."""
        if topic not in admin.describe_topics([topic]):
            admin.create_topic(topic, 1, replication_factor, {})

    def report(self, failure: Failure) -> None:
        message: Message = failure.record  # type: ignore[assignment]
        headers = list(message.headers() or ())
        if self._with_context:
            headers += self._context(failure, message)
        self._metrics.failed("dlq_request")
        self._unflushed += 1
        self._producer.send(self._topic, message.value(), message.key(), headers, None, message.timestamp()[1])

    def failed(self, error: Exception, topic: str) -> None:
        """The producer's `on_error`."""
        self._metrics.failed("dlq_failure")
        self._error = error

    def flush(self, timeout_s: float) -> None:
        """Wait until every dead letter is acknowledged. Raises DeadLettersLostError if not all are after timeout_s."""
        if not self._unflushed:
            return
        late = self._producer.flush(timeout_s)
        if self._error is not None or late:
            why = self._error or f"{late} of {self._unflushed} dead letters not acknowledged within {timeout_s:g} s"
            raise DeadLettersLostError(
                f"{self._task}: cannot write to dead letter queue {self._topic}: {why}. No offset was committed; check "
                "that the topic exists and may be written, then restart the task")
        self._unflushed = 0

    def close(self, timeout_s: float) -> None:
        self._producer.close(timeout_s)

    def _context(self, failure: Failure, message: Message) -> RawHeaders:
        error = failure.error
        text: Mapping[str, str] = {
            "topic": message.topic(),
            "partition": str(message.partition()),
            "offset": str(message.offset()),
            "connector.name": self._task.connector,
            "task.id": str(self._task.number),
            "stage": failure.stage,
            "class.name": failure.class_name,
            "exception.class.name": f"{type(error).__module__}.{type(error).__qualname__}",
            "exception.message": str(error),
            "exception.stacktrace": "".join(traceback.format_exception(error)),
        }
        return [(PREFIX + name, value.encode()) for name, value in text.items()]
