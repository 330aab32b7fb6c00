"""Run a source task: poll -> transform -> convert -> inject context -> produce -> ack -> commit source offsets.

Invariant: a source offset is committed only once its record and every earlier one of the same source partition is
acknowledged by the brokers, dropped by a transform, or was reported under errors.tolerance=all.

Acks: a callback per record costs more than producing it, so there is one only for tasks that override `commit_record`.
For all others the producer reports failures only, and what was sent is known to be acknowledged when it has nothing
outstanding; once a second at most the loop waits for that moment.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from queue import SimpleQueue

from connectrt.data.record import SourceRecord
from connectrt.data.topic import RecordMetadata
from connectrt.errors import ConnectError, RetriableError, TaskCancelledError
from connectrt.sdk.task import EndOfSource
from connectrt.tracing.source import Injected, SendSpan
from connectrt.worker.control import TaskControl
from connectrt.worker.messages import CaughtUp, Command, Emit, State
from connectrt.worker.source_setup import SourceParts, build_source
from connectrt.worker.stages import Outgoing, source_place
from connectrt.worker.submitted import Submitted, SubmittedRecords
from connectrt.worker.task import Surroundings, TaskSpec, task_metrics
from connectrt.worker.tolerance import Failure, retry_delay_s

log = logging.getLogger(__name__)

SETTLE_EVERY_S = 1.0  #: how long sent records may stay unsettled, spans open, before the loop waits for their acks
IDLE_PAUSE_S = 0.01  #: after a poll that returned nothing at once: a source that does not block must not burn a core
CONNECT_RETRY_S = 1.0
SEND_RETRY_S = 0.1  #: Java's pause before the rest of a batch is sent again


class Sending:
    """A polled batch on its way into the producer; `next` is the first record not yet handed over."""

    __slots__ = ("injected", "next", "records")

    def __init__(self, records: Sequence[Outgoing], injected: Injected) -> None:
        self.records = records
        self.injected = injected
        self.next = 0


class SourceTaskLoop:
    """Java: `WorkerSourceTask`. Everything, delivery callbacks included, happens on the task's thread."""

    def __init__(self, spec: TaskSpec, around: Surroundings, commands: SimpleQueue[Command], emit: Emit) -> None:
        self._spec = spec
        self._around = around
        self._clock = around.clock
        self._control = TaskControl(spec.id, commands, emit, around.clock, task_metrics(spec, around),
                                    paused=spec.initial_state is State.PAUSED)
        self._parts: SourceParts | None = None
        self._submitted = SubmittedRecords()
        self._sending: Sending | None = None
        self._spans: list[SendSpan] = []
        self._unsettled_since: float | None = None
        self._unsettled = 0
        self._send_error: Exception | None = None
        self._failed_sends = 0
        self._poll_attempt = 0
        self._commit_due = 0.0
        self._ended = False

    @property
    def current_call(self) -> tuple[str, float] | None:
        return self._control.current_call

    def run(self) -> None:
        self._control.run(self._open, self._turn, self._close)

    def wake(self) -> None:
        self._control.wake()
        if self._parts is not None:
            self._parts.task.wake()

    # -- start and stop ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._control.paused:
            self._control.tell_state(State.PAUSED)
            while self._control.paused and not self._control.wait(60.0):
                pass
        if self._control.stopping:
            return
        self._parts = parts = build_source(self._spec, self._around, self._control, self._delivery_failed)
        self._reach_brokers(parts)
        parts.task.initialize(parts.context)
        self._control.call("start", parts.task.start, parts.task_config)
        self._commit_due = self._clock() + parts.commit_interval_s
        self._control.tell_state(State.RUNNING)

    def _reach_brokers(self, parts: SourceParts) -> None:
        """Ask the brokers who they are; what is sent to a wrong address would only wait, and the task look healthy."""
        began = self._clock()
        while True:
            try:
                parts.admin.cluster_id()
                return
            except RetriableError as error:
                if self._clock() - began >= parts.connect_timeout_s:
                    raise ConnectError(
                        f"{self._spec.id}: no broker answered for {parts.connect_timeout_s:g} s: {error}. Set "
                        "bootstrap.servers to brokers that this machine can reach, then restart the task") from error
                log.warning("waiting for the brokers: %s", error,
                            extra={"action": "connect", "task": str(self._spec.id)})
            if self._control.sleep(CONNECT_RETRY_S):
                raise TaskCancelledError(f"{self._spec.id}: stopped while waiting for the brokers")

    def _close(self) -> None:
        if (parts := self._parts) is None:
            return
        try:
            if not self._control.cancelled and self._send_error is None:
                self._commit(parts.commit_timeout_s)
        finally:
            try:
                self._control.call("stop", parts.task.stop)
            finally:
                parts.close(0.0 if self._control.cancelled else parts.commit_timeout_s)
                self._end_spans(ConnectError("not acknowledged when the task ended") if self._unsettled else None)

    # -- one turn of the loop -------------------------------------------------------------------------------------

    def _turn(self) -> None:
        parts = self._open_parts
        parts.producer.poll()
        self._raise_send_error()
        self._settle()
        if self._clock() >= self._commit_due:
            self._commit(parts.commit_timeout_s)
        if self._control.paused and self._sending is None:
            self._control.tell_state(State.PAUSED)
            self._control.wait(SETTLE_EVERY_S)
        elif self._sending is not None:
            self._control.tell_state(State.RUNNING)
            self._send(self._sending)
        elif self._ended:
            self._control.wait(SETTLE_EVERY_S)
        else:
            self._control.tell_state(State.RUNNING)
            self._poll()
        self._control.tell_metrics()

    def _poll(self) -> None:
        parts, control = self._open_parts, self._control
        began_ns, began = time.time_ns(), time.perf_counter()
        records: Sequence[SourceRecord] | None = None
        failed: Exception | None = None
        try:
            with parts.tracer.polling() if parts.task.traces_poll else nullcontext():
                records = control.call("poll", parts.task.poll)
            self._poll_attempt = 0
        except EndOfSource:
            self._end_of_source()
            return
        except Exception as error:
            failed = error
        took_s = time.perf_counter() - began
        parts.tracer.polled(len(records or ()), began_ns, failed)
        if failed is not None:
            self._poll_failed(failed)
        elif records:
            control.metrics.polled(len(records), took_s)
            self._prepare(records)
        elif took_s < IDLE_PAUSE_S:
            control.wait(IDLE_PAUSE_S)

    def _poll_failed(self, error: Exception) -> None:
        if not isinstance(error, RetriableError):
            raise ConnectError(f"{self._spec.id}: poll failed: {error}") from error
        delay_s = retry_delay_s(self._poll_attempt, self._open_parts.longest_retry_delay_s)
        self._poll_attempt += 1
        log.warning("poll is tried again in %.1f s: %s", delay_s, error,
                    extra={"action": "retry_poll", "task": str(self._spec.id)})
        self._control.sleep(delay_s)

    def _end_of_source(self) -> None:
        """The source has nothing more, ever: commit what it gave and wait for a stop."""
        if not self._commit(self._open_parts.commit_timeout_s):
            return  # polled again; the source says once more that it has ended
        self._ended = True
        self._control.tell_metrics(at_once=True)
        self._control.tell(CaughtUp(self._spec.id))

    def _prepare(self, records: Sequence[SourceRecord]) -> None:
        parts = self._open_parts
        kept = parts.transforms.apply(records, parts.tolerance, source_place, lambda record: record, self._dropped)
        if not kept:
            return
        outgoing = parts.conversion.convert(kept, self._dropped)
        if outgoing:
            injected = parts.tracer.inject([out.record for out in outgoing], [out.headers for out in outgoing])
            self._sending = Sending(outgoing, injected)
            self._send(self._sending)

    def _dropped(self, record: SourceRecord) -> None:
        if self._open_parts.acks_each:
            self._commit_record(record, None)

    # -- produce --------------------------------------------------------------------------------------------------

    def _send(self, sending: Sending) -> None:
        """Hand the batch over from its first unsent record; a retriable refusal keeps the rest for the next turn."""
        parts = self._open_parts
        first, began_ns = sending.next, time.time_ns()
        headers = sending.injected.headers
        try:
            while sending.next < len(sending.records):
                index = sending.next
                out = sending.records[index]
                record = out.record
                self._ready(record.topic)
                acked = self._ack(record) if parts.acks_each else None
                parts.producer.send(record.topic, out.value, out.key, headers[index], record.partition,
                                    record.timestamp_ms, acked)
                sending.next += 1
        except RetriableError as error:
            log.warning("sending is tried again: %s", error, extra={"action": "produce", "task": str(self._spec.id)})
        sent = sending.next - first
        if sent:
            self._sent(sending, first, began_ns)
        if sending.next == len(sending.records):
            self._sending = None
        else:
            self._control.sleep(SEND_RETRY_S)

    def _ready(self, topic: str) -> None:
        self._open_parts.topic_creation.ensure(topic)
        self._control.tell_topic(topic)

    def _sent(self, sending: Sending, first: int, began_ns: int) -> None:
        """Book records [first, next): one open span per topic, one submitted offset per run of a source partition."""
        sent = sending.records[first:sending.next]
        if self._unsettled_since is None:
            self._unsettled_since = self._clock()
        self._unsettled += len(sent)
        by_topic: dict[str, list[int]] = {}
        for index, out in enumerate(sent, first):
            by_topic.setdefault(out.record.topic, []).append(index)
        for topic, indexes in by_topic.items():
            self._spans.append(self._open_parts.tracer.start_send(topic, sending.injected, indexes, began_ns))
        if not self._open_parts.acks_each:
            last: SourceRecord | None = None
            for out in sent:
                if last is not None and out.record.source_partition is not last.source_partition:
                    self._submit(last)
                last = out.record
            if last is not None:
                self._submit(last)

    def _submit(self, record: SourceRecord) -> Submitted | None:
        if record.source_partition is None or record.source_offset is None:
            return None
        return self._submitted.submit(record.source_partition, record.source_offset)

    def _ack(self, record: SourceRecord) -> Callable[[Exception | None, int, int], None]:
        """The delivery callback of one record, for tasks that want to hear of each."""
        submitted = self._submit(record)

        def acked(error: Exception | None, partition: int, offset: int) -> None:
            if submitted is not None:
                submitted.acked = True
            if error is not None:
                self._delivery_failed(error, record.topic, record)
            else:
                self._commit_record(record, RecordMetadata(record.topic, partition, offset, record.timestamp_ms))

        return acked

    def _delivery_failed(self, error: Exception, topic: str, record: SourceRecord | None = None) -> None:
        """The producer gave a record up: skip it if errors.tolerance allows, else fail before offsets move."""
        self._failed_sends += 1
        place = topic if record is None else source_place(record)
        try:
            self._open_parts.tolerance.fail(Failure("KAFKA_PRODUCE", "connectrt.kafka.Producer", error, place, record))
        except ConnectError as exceeded:
            self._send_error = self._send_error or exceeded
        else:
            if record is not None:
                self._commit_record(record, None)

    def _commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
        try:
            self._open_parts.task.commit_record(record, metadata)
        except Exception as error:
            log.error("commit_record failed", exc_info=error, extra={"action": "commit_record"})

    # -- acks and offsets -----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Close the books of what was sent, if all of it is acknowledged; wait for that if it has been long."""
        if self._unsettled_since is None:
            return
        parts = self._open_parts
        if parts.producer.outstanding() and self._clock() - self._unsettled_since >= SETTLE_EVERY_S:
            parts.producer.flush(SETTLE_EVERY_S)
        if not parts.producer.outstanding():
            self._settled()

    def _settled(self) -> None:
        self._open_parts.producer.poll()  # failures of the last records, if any, are told here
        self._raise_send_error()
        if not self._open_parts.acks_each:
            self._submitted.ack_all()
        self._control.metrics.written(self._unsettled - self._failed_sends)
        self._unsettled = self._failed_sends = 0
        self._unsettled_since = None
        self._end_spans(None)

    def _end_spans(self, error: Exception | None) -> None:
        spans, self._spans = self._spans, []
        for span in spans:
            span.end(error=error)

    def _raise_send_error(self) -> None:
        if self._send_error is not None:
            self._end_spans(self._send_error)
            raise self._send_error

    def _commit(self, timeout_s: float) -> bool:
        """Write the offsets of all that is acknowledged; False if not all was, or they could not be written."""
        parts, began = self._open_parts, self._clock()
        self._commit_due = began + parts.commit_interval_s
        in_time = self._unsettled_since is None or parts.producer.flush(timeout_s) == 0
        if in_time and self._unsettled_since is not None:
            self._settled()
        offsets = self._submitted.committable()
        try:
            if offsets:
                parts.offsets.write(self._spec.id.connector, offsets)
            self._control.call("commit", self._commit_task)
        except (ConnectError, OSError) as error:
            self._submitted.restore(offsets)
            in_time = False
            log.error("source offsets not written, tried again at the next interval: %s", error,
                      extra={"action": "commit_offsets", "task": str(self._spec.id)})
        self._control.metrics.committed(self._clock() - began, in_time)
        return in_time

    def _commit_task(self) -> None:
        try:
            self._open_parts.task.commit()
        except Exception as error:
            log.error("commit failed", exc_info=error, extra={"action": "commit", "task": str(self._spec.id)})

    @property
    def _open_parts(self) -> SourceParts:
        assert self._parts is not None
        return self._parts
