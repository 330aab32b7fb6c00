"""Run a sink task: consume -> convert -> transform -> put -> pre_commit -> commit offsets.

Invariant: offsets are committed only for records that `put` accepted and the task then called safe; a batch that fails
is put again, or the task stops before its offsets are committed.

A poll takes what has arrived, at most max.poll.records, and never waits for more: batches grow under load by
themselves. When nothing is there the task is told at once with an empty put, so that it writes what it still holds,
and only then the consumer waits. A lone record is thus on its way to the destination in milliseconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from queue import SimpleQueue

from connectrt.data.message import Message
from connectrt.data.record import SinkRecord
from connectrt.data.topic import TopicPartition
from connectrt.errors import BrokersAwayError, ConnectError, RetriableError
from connectrt.kafka.client import Consumer
from connectrt.tracing.sink import PutSpan
from connectrt.worker.control import TaskControl
from connectrt.worker.messages import CaughtUp, Command, DestinationCounted, Emit, State
from connectrt.worker.sink_commits import OffsetCommits
from connectrt.worker.sink_context import SinkContext
from connectrt.worker.sink_offsets import Offsets, SinkProgress
from connectrt.worker.sink_setup import SinkParts, build_sink
from connectrt.worker.stages import Polled
from connectrt.worker.task import Surroundings, TaskSpec, task_metrics
from connectrt.worker.tolerance import retry_delay_s

log = logging.getLogger(__name__)

#: Longest wait inside one consume: how stale a gauge or a late command may get, not how late a record is.
LONGEST_WAIT_S = 1.0


class Batch:
    """What one poll returned, on its way to `put` and, after a RetriableError, there again."""

    __slots__ = ("attempt", "offsets", "records", "span")

    def __init__(self, offsets: Offsets, span: PutSpan) -> None:
        self.offsets = offsets
        self.span = span
        self.records: Sequence[SinkRecord] = ()
        self.attempt = 0

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """These records are no longer ours to put, or will be delivered again."""
        self.records = [each for each in self.records
                        if (each.original_topic, each.original_partition) not in partitions]
        self.offsets = {each: offset for each, offset in self.offsets.items() if each not in partitions}

    @property
    def place(self) -> str:
        return ", ".join(f"{partition}@..{offset - 1}" for partition, offset in self.offsets.items())


class SinkTaskLoop:
    """Java: `WorkerSinkTask`. Everything, the consumer's callbacks included, happens on the task's thread."""

    def __init__(self, spec: TaskSpec, around: Surroundings, commands: SimpleQueue[Command], emit: Emit) -> None:
        self._spec = spec
        self._around = around
        self._clock = around.clock
        self._control = TaskControl(spec.id, commands, emit, around.clock, task_metrics(spec, around),
                                    paused=spec.initial_state is State.PAUSED)
        self._progress = SinkProgress()
        self._parts: SinkParts | None = None
        self._held: Batch | None = None  #: to be put again after a RetriableError
        self._retry_at = 0.0
        self._paused = False
        self._commits: OffsetCommits | None = None
        self._caught_up_at: Offsets | None = None
        self._joined_once = False
        self._away_since: float | None = None  #: of a task that was never assigned anything
        self._closing = False

    @property
    def current_call(self) -> tuple[str, float] | None:
        return self._control.current_call

    def run(self) -> None:
        self._control.run(self._open, self._turn, self._close)

    def wake(self) -> None:
        self._control.wake()
        if self._parts is not None:
            self._parts.consumer.wake()

    # -- start and stop ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._parts = parts = build_sink(self._spec, self._around, self._control, lambda: self._progress.partitions)
        self._commits = OffsetCommits(parts, self._progress, self._control, self._clock)
        parts.consumer.subscribe(parts.topics, self)
        parts.task.initialize(parts.context)
        self._control.call("start", parts.task.start, parts.task_config)
        self._control.tell_state(State.PAUSED if self._control.paused else State.RUNNING)

    def _close(self) -> None:
        if (parts := self._parts) is None:
            return
        control = self._control
        self._closing = True
        if self._held is not None:
            self._held.span.end(outcome="cancelled")
        try:
            owned = sorted(self._progress.partitions)
            if owned and not control.cancelled:
                self._open_commits.commit_and_close(owned)
                if self._spec.count_destination and (counts := control.call("count", parts.task.destination_counts)):
                    control.tell(DestinationCounted(self._spec.id, counts))
        finally:
            try:
                control.call("stop", parts.task.stop)
            finally:
                parts.close()

    # -- one turn of the loop -------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._pause_or_resume()
        if self._context.commit_requested or self._open_commits.due_in_s() == 0:
            self._open_commits.commit()
        self._rewind(self._take_rewinds())
        if self._held is not None:
            self._put_again(self._held)
        elif messages := self._consume(0.0):
            self._deliver(messages)
        else:
            self._put([])
            if messages := self._consume(min(LONGEST_WAIT_S, self._open_commits.due_in_s())):
                self._deliver(messages)
        if self._control.catching_up:
            self._catch_up()
        if self._control.metrics_due():
            self._measure()
            self._control.tell_metrics()

    def _consume(self, timeout_s: float) -> Sequence[Message]:
        try:
            messages = self._consumer.consume(self._open_parts.max_poll_records, timeout_s)
        except RetriableError as error:
            self._wait_for_broker(error)
            return ()
        self._joined_once = self._joined_once or self._consumer.joined
        return messages

    def _wait_for_broker(self, error: RetriableError) -> None:
        """A task that was at work waits as long as it takes; one that never reached its brokers fails after a while."""
        away = isinstance(error, BrokersAwayError)
        self._away_since = (self._away_since or self._clock()) if away else None
        timeout_s = self._open_parts.connect_timeout_s
        if self._away_since is not None and not self._joined_once and self._clock() - self._away_since >= timeout_s:
            raise ConnectError(f"{self._spec.id}: no broker answered for {timeout_s:g} s: {error}. Set "
                               "bootstrap.servers to brokers that this machine can reach, then restart the task"
                               ) from error
        log.warning("waiting for the brokers: %s", error, extra={"action": "consume", "task": str(self._spec.id)})
        self._control.wait(1.0)

    def _deliver(self, messages: Sequence[Message]) -> None:
        parts, control = self._open_parts, self._control
        control.metrics.read(len(messages))
        span = parts.tracer.start_put(messages, time.time_ns())
        polled = Polled(messages)
        batch = Batch(polled.next_offsets(), span)
        for partition in batch.offsets:
            control.tell_topic(partition.topic)
        try:
            with batch.span.active():
                converted = parts.conversion.convert(polled)
                batch.records = parts.transforms.apply(
                    converted, parts.tolerance, lambda record: record.place, lambda record: record.consumed)
        except Exception as error:
            batch.span.end(error)
            raise
        batch.span.counted(
            filtered=len(converted) - len(batch.records), failed=len(messages) - len(converted),
            redelivered=self._progress.redelivered(TopicPartition(polled.topics[0], polled.partitions[0]),
                                                   polled.offsets[0]))
        self._put_batch(batch)

    def _put_batch(self, batch: Batch) -> None:
        began_ns = time.time_ns()
        try:
            with batch.span.active():
                self._put(batch.records)
        except RetriableError as error:
            batch.attempt += 1
            batch.span.retried(error, began_ns, time.time_ns(), batch.attempt)
            self._hold(batch, error)
        except Exception as error:
            batch.span.end(error)
            raise ConnectError(
                f"Exiting WorkerSinkTask due to unrecoverable exception. {self._spec.id}, put of "
                f"{len(batch.records)} records up to {batch.place}: {error}") from error
        else:
            batch.span.end()
            self._progress.deliver(batch.offsets)
            if self._held is batch:
                self._held = None
                self._set_paused_partitions()

    def _put(self, records: Sequence[SinkRecord]) -> None:
        parts = self._open_parts
        began = time.perf_counter()
        try:
            self._control.call("put", parts.task.put, records)
        except RetriableError as error:
            if records:
                raise
            # Nothing new was refused: what the task still holds it will write with the next put.
            log.warning("empty put: %s", error, extra={"action": "put", "task": str(self._spec.id)})
            self._control.wait(self._take_retry_delay(0))
        else:
            if records:
                self._control.metrics.put(len(records), time.perf_counter() - began)

    # -- a batch that has to be put again -------------------------------------------------------------------------

    def _hold(self, batch: Batch, error: RetriableError) -> None:
        delay_s = self._take_retry_delay(batch.attempt - 1)
        log.warning("put is tried again in %.1f s (attempt %d): %s", delay_s, batch.attempt, error,
                    extra={"action": "retry_put", "task": str(self._spec.id)})
        batch.forget(self._context.rewinds.keys())  # what the task has rewound comes again from there
        self._held = batch
        self._retry_at = self._clock() + delay_s
        self._consumer.pause(self._progress.partitions)

    def _take_retry_delay(self, attempt: int) -> float:
        asked_s, self._context.retry_delay_s = self._context.retry_delay_s, None
        return retry_delay_s(attempt, self._open_parts.longest_retry_delay_s) if asked_s is None else asked_s

    def _put_again(self, batch: Batch) -> None:
        left_s = self._retry_at - self._clock()
        if left_s > 0:
            # Everything is paused: this only keeps us in the group. What comes nevertheless is fetched again later.
            for message in reversed(self._consume(min(left_s, LONGEST_WAIT_S))):
                self._consumer.seek(TopicPartition(message.topic(), message.partition()), message.offset())
            return
        self._put_batch(batch)

    # -- what the task asked for ----------------------------------------------------------------------------------

    def _pause_or_resume(self) -> None:
        wanted = self._control.paused
        if wanted is not self._paused or self._context.pause_changed:
            changed, self._paused = wanted is not self._paused, wanted
            self._context.pause_changed = False
            self._set_paused_partitions()
            if changed and wanted:
                self._open_commits.commit()
        self._control.tell_state(State.PAUSED if wanted else State.RUNNING)

    def _set_paused_partitions(self) -> None:
        owned = self._progress.partitions
        self._context.paused &= owned
        paused = owned if self._paused or self._held is not None else frozenset(self._context.paused)
        self._consumer.pause(paused)
        self._consumer.resume(owned - paused)

    def _take_rewinds(self) -> Offsets:
        rewinds, self._context.rewinds = self._context.rewinds, {}
        return rewinds

    def _rewind(self, offsets: Offsets) -> None:
        for partition, offset in (self._progress.rewind(offsets) if offsets else {}).items():
            self._consumer.seek(partition, offset)

    def _catch_up(self) -> None:
        """Report once when everything that was in our partitions at CATCH_UP is committed."""
        if not self._consumer.joined or self._held is not None:
            return
        if self._caught_up_at is None:
            self._caught_up_at = {each: self._consumer.end_offset(each) for each in self._progress.partitions}
        # The consumer's own position also passes what is no record, such as the marker of a transaction.
        if any(self._consumer.position(each) < end for each, end in self._caught_up_at.items()
               if each in self._progress.partitions):
            return
        if not self._progress.all_committed():
            self._open_commits.commit()
            return
        self._control.catching_up = False
        self._caught_up_at = None
        self._control.tell(CaughtUp(self._spec.id))

    def _measure(self) -> None:
        delivered = self._progress.delivered()
        ends = {each: self._consumer.end_offset(each, cached=True) for each in delivered}
        self._control.metrics.partitions(len(delivered))
        self._control.metrics.lag(sum(
            max(0, ends[each] - offset) for each, offset in delivered.items() if ends[each] >= 0))

    # -- the consumer's callbacks (RebalanceListener) -------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        if self._closing:
            return
        self._progress.assign({each: self._consumer.position(each) for each in partitions})
        self._control.call("open", self._open_parts.task.open, partitions)
        self._set_paused_partitions()  # records may come with this very consume
        self._control.metrics.partitions(len(self._progress.partitions))

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        if self._closing or not partitions:
            return
        self._open_commits.commit_and_close(partitions)
        self._release(partitions)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        if self._closing or not partitions:
            return
        self._control.call("close", self._open_parts.task.close, partitions)
        self._release(partitions)

    def _release(self, partitions: Sequence[TopicPartition]) -> None:
        self._progress.release(partitions)
        for partition in partitions:
            self._context.rewinds.pop(partition, None)
        if (held := self._held) is not None:
            held.forget(frozenset(partitions))
            if not held.offsets:
                held.span.end(outcome="discarded")
                self._held = None

    # -- parts that exist while the task is open ------------------------------------------------------------------

    @property
    def _open_parts(self) -> SinkParts:
        assert self._parts is not None
        return self._parts

    @property
    def _open_commits(self) -> OffsetCommits:
        assert self._commits is not None
        return self._commits

    @property
    def _context(self) -> SinkContext:
        return self._open_parts.context

    @property
    def _consumer(self) -> Consumer:
        return self._open_parts.consumer
