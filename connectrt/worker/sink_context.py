"""Offer a sink task its context: rewinds, waits, pauses, and a place for records it cannot write.

Invariant: what the task asks for is only noted here; the loop carries it out between two puts.
"""

from __future__ import annotations

from collections.abc import Callable

from connectrt.data.record import RawHeaders, SinkRecord
from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError
from connectrt.sdk.task import ErrantRecordReporter, SinkOffsets
from connectrt.sdk.tracing import TaskTracing
from connectrt.worker.control import TaskControl
from connectrt.worker.stages import Converters
from connectrt.worker.tolerance import Failure, Tolerance


class SinkContext:
    """Java: `WorkerSinkTaskContext`. Task thread only, but for `stopping` and `wait`."""

    def __init__(self, control: TaskControl, tracing: TaskTracing, assignment: Callable[[], frozenset[TopicPartition]],
                 reporter: ErrantRecordReporter | None) -> None:
        self.connector, self.task = control.task
        self.tracing = tracing
        self.rewinds: dict[TopicPartition, int] = {}
        self.retry_delay_s: float | None = None
        self.paused: set[TopicPartition] = set()
        self.pause_changed = False
        self.commit_requested = False
        self._control = control
        self._assignment = assignment
        self._reporter = reporter

    @property
    def stopping(self) -> bool:
        return self._control.stopping

    def wait(self, delay_s: float) -> bool:
        return self._control.sleep(delay_s)

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        return self._assignment()

    @property
    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        return self._reporter

    def offset(self, offsets: SinkOffsets) -> None:
        self.rewinds.update(offsets)

    def timeout(self, delay_s: float) -> None:
        self.retry_delay_s = delay_s

    def pause(self, *partitions: TopicPartition) -> None:
        self._must_own(partitions)
        self.paused.update(partitions)
        self.pause_changed = True

    def resume(self, *partitions: TopicPartition) -> None:
        self._must_own(partitions)
        self.paused.difference_update(partitions)
        self.pause_changed = True

    def request_commit(self) -> None:
        self.commit_requested = True

    def _must_own(self, partitions: tuple[TopicPartition, ...]) -> None:
        foreign = [str(each) for each in partitions if each not in self._assignment()]
        if foreign:
            raise ConnectError(f"{self._control.task}: cannot pause or resume {', '.join(foreign)}: "
                               "not assigned to this task; see context.assignment")


class ErrantRecords:
    """Java: `WorkerErrantRecordReporter`. A record the task was given goes out with the bytes it came with."""

    def __init__(self, tolerance: Tolerance, converters: Converters) -> None:
        self._tolerance = tolerance
        self._converters = converters

    def report(self, record: SinkRecord, error: Exception) -> None:
        message = record.consumed if record.consumed is not None else _Rebuilt(record, self._converters)
        sink_task = "org.apache.kafka.connect.sink.SinkTask"
        self._tolerance.fail(Failure("TASK_PUT", sink_task, error, record.place, message))


class _Rebuilt:
    """A record a sink task made itself, as a message."""

    def __init__(self, record: SinkRecord, converters: Converters) -> None:
        self._record = record
        self._converters = converters

    def topic(self) -> str:
        return self._record.topic

    def partition(self) -> int:
        return self._record.partition or 0

    def offset(self) -> int:
        return self._record.offset

    def timestamp(self) -> tuple[int, int]:
        return int(self._record.timestamp_type), self._record.timestamp_ms or 0

    def key(self) -> bytes | None:
        return self._converters.key.from_connect_data(self._record.topic, self._record.key_schema, self._record.key)

    def value(self) -> bytes | None:
        record = self._record
        return self._converters.value.from_connect_data(record.topic, record.value_schema, record.value)

    def headers(self) -> RawHeaders:
        convert, record = self._converters.header.from_connect_header, self._record
        return [(name, convert(record.topic, name, schema, value)) for name, value, schema in record.headers]
