"""Define what a task is: the code that reads or writes records, and what the runtime offers it.

Threads: everything of a task is called on the task's own thread, one call at a time. Only `SourceTask.wake` may come
from another. A task may block; while it does, status shows which call it is in and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Protocol

from connectrt.config.definition import Config, ConfigDef
from connectrt.data.record import SinkRecord, SourceRecord
from connectrt.data.topic import RecordMetadata, TopicPartition
from connectrt.sdk.tracing import TaskTracing

#: Where to go on: per topic-partition the offset of the next record to deliver.
SinkOffsets = Mapping[TopicPartition, int]
SourcePartition = Mapping[str, object]
SourceOffset = Mapping[str, object]


class TaskContext(Protocol):
    """What the runtime offers every task."""

    connector: str
    task: int
    tracing: TaskTracing

    @property
    def stopping(self) -> bool:
        """True once the task was asked to stop. Thread-safe."""

    def wait(self, delay_s: float) -> bool:
        """Sleep at most `delay_s`; True at once when the task is asked to stop. Use it in place of time.sleep."""


class Task(ABC):
    """Base of SourceTask and SinkTask."""

    #: None = the connector's own definition.
    CONFIG: ClassVar[ConfigDef | None] = None
    version: ClassVar[str | None] = None

    def start(self, config: Config) -> None:
        """Open connections; `config` is parsed. Raising marks the task FAILED."""

    def stop(self) -> None:
        """Release everything; always called last, also after start or a later call has raised."""


class ErrantRecordReporter(Protocol):
    """Report single records a sink could not write. Java: `ErrantRecordReporter` (KIP-610)."""

    def report(self, record: SinkRecord, error: Exception) -> None:
        """Send the record to the dead letter queue and the log, or raise if errors.tolerance is none.

        The offsets of the record's partition are not committed before the dead letter queue has acknowledged it.
        """


class SinkTaskContext(TaskContext, Protocol):
    """What the runtime offers a sink task. Java: `SinkTaskContext`."""

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this task owns now."""

    @property
    def errant_record_reporter(self) -> ErrantRecordReporter | None:
        """None unless errors.deadletterqueue.topic.name, errors.log.enable or errors.tolerance=all is set."""

    def offset(self, offsets: SinkOffsets) -> None:
        """Rewind: deliver again from these offsets, before the next put.

        With a RetriableError: of the batch just refused, what is rewound is not put again but delivered anew.
        """

    def timeout(self, delay_s: float) -> None:
        """After a RetriableError: put the same records again after this delay, once."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Deliver nothing from these assigned partitions until `resume`."""

    def resume(self, *partitions: TopicPartition) -> None: ...

    def request_commit(self) -> None:
        """Commit offsets before the next put."""


class SinkTask(Task):
    """Writes records. Order of calls: start, open, put ... pre_commit ..., close, stop. Java: `SinkTask`."""

    context: SinkTaskContext

    def initialize(self, context: SinkTaskContext) -> None:
        self.context = context

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are now ours; called before their first record."""

    @abstractmethod
    def put(self, records: Sequence[SinkRecord]) -> None:
        """Write the records, or take them to be written by the next flush.

        Up to max.poll.records at a time, in order per partition; empty when there is nothing new, so that buffered rows
        can be written. RetriableError: the same records are put again. Any other error: the task is FAILED.
        """

    def flush(self, offsets: SinkOffsets) -> None:
        """Write everything taken so far; afterwards `offsets` are safe to commit."""

    def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
        """Return which of `offsets` (next to deliver) are safe; what is not returned is not committed.

        Raising rewinds the task to the last committed offsets.
        """
        self.flush(offsets)
        return offsets

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """These partitions are no longer ours; drop what is buffered of them. pre_commit was called before."""

    def destination_counts(self) -> Mapping[str, int]:
        """Count what stands in each target this task wrote to (rows by table, say), at the end of a run.

        `connectrt start` prints it beside the records sent, so that a summary is never only our own opinion.
        """
        return {}


class OffsetReader(Protocol):
    """Committed source offsets of one connector. Java: `OffsetStorageReader`."""

    def offset(self, partition: SourcePartition) -> SourceOffset | None:
        """Return the last committed offset of one source partition, or None."""

    def offsets(self, partitions: Iterable[SourcePartition]) -> Sequence[SourceOffset | None]:
        """Return the offsets of several source partitions, in the order given."""


class SourceTaskContext(TaskContext, Protocol):
    """What the runtime offers a source task. Java: `SourceTaskContext`."""

    @property
    def offset_reader(self) -> OffsetReader: ...


class SourceTask(Task):
    """Reads records. Order of calls: start, poll ... commit ..., stop. Java: `SourceTask`."""

    context: SourceTaskContext
    #: True: the poll span is opened before poll() and is current inside it, so the task's own queries are its children.
    traces_poll: ClassVar[bool] = False

    def initialize(self, context: SourceTaskContext) -> None:
        self.context = context

    @abstractmethod
    def poll(self) -> Sequence[SourceRecord] | None:
        """Return the next records; block at most about a second when there are none, then return None or nothing.

        RetriableError: polled again after a pause. Any other error: the task is FAILED.
        To say that nothing will ever come (a file read to its end): raise `EndOfSource`.
        """

    def commit(self) -> None:
        """Offsets of everything acknowledged so far were committed. Errors are logged only."""

    def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        """One record was acknowledged; metadata None: it was dropped by a transform or a tolerated error.

        Overriding this costs a callback per record (1.5 us); leave it alone if `commit` is enough.
        """

    def wake(self) -> None:
        """The task is to stop: make a blocked poll return. Called from the worker's thread."""


class EndOfSource(Exception):
    """Raised by poll: all records were returned and none will follow. `start --drain` ends when all sources have."""
