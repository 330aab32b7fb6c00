"""What a sink task does when something fails: its put, a record, the broker. (Kafka Connect: WorkerSinkTaskTest)"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.kafka.memory import MemoryBroker
from connectrt.sdk import Config, RetriableError, SinkOffsets, SinkRecord
from connectrt.worker.messages import CaughtUp, Command, MetricsTaken, State
from tests.unit.worker.harness import eventually, running
from tests.unit.worker.kept import P0, TOPICS, Kept, fill, two_partitions


@pytest.fixture
def broker() -> MemoryBroker:
    return two_partitions()


def test_retriable_errors_put_the_same_records_again_until_they_are_taken(broker: MemoryBroker) -> None:
    seen: list[list[int]] = []

    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            if not records:
                return
            seen.append([each.offset for each in records])
            if len(seen) < 4:
                self.context.timeout(0.001)
                raise RetriableError("the database is away")
            super().put(records)

    fill(broker, 2)
    with running(broker, Task, {**TOPICS, "consumer.override.max.poll.records": "2"}) as task:
        eventually(lambda: len(Task.records) == 2, "the records")
        fill(broker, 2, first=2)
        eventually(lambda: len(Task.records) == 4, "records after the retry")
    assert seen[0] == seen[1] == seen[2] == seen[3] == [0, 0]
    assert task.states == [State.RUNNING, State.UNASSIGNED]
    assert broker.committed("connect-c") == {P0: 2, TopicPartition("orders", 1): 2}


def test_an_error_of_put_fails_the_task_and_its_batch_is_not_committed(broker: MemoryBroker) -> None:
    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            if any(each.offset == 5 for each in records):
                raise ValueError("no such column")
            super().put(records)

    broker.create_topic("one", 1)
    for number in range(10):
        broker.append("one", b"%d" % number)
    with running(broker, Task, {"topics": "one", "consumer.override.max.poll.records": "5"}) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "Exiting WorkerSinkTask due to unrecoverable exception. c-0, put of 5 records up to one-0@..9" in trace
    assert "no such column" in trace
    assert task.states == [State.RUNNING, State.FAILED]
    assert broker.committed("connect-c") == {TopicPartition("one", 0): 5}
    assert Task.calls[-1] == "stop"


def test_a_bad_record_fails_the_task_with_its_place_and_the_cure(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 4)
    broker.append("orders", b"{not json", partition=0)
    with running(broker, Task, TOPICS) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "Tolerance exceeded in error handler: c-0, VALUE_CONVERTER of orders-0@2" in trace
    assert "errors.tolerance=all" in trace
    assert broker.committed("connect-c").get(P0, 0) <= 2


def test_with_errors_tolerated_good_records_pass_and_bad_ones_go_to_the_dead_letter_queue(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 20)
    broker.append("orders", b"{not json", b"key", [("traceparent", b"\xff"), ("n", None)], partition=1, timestamp_ms=77)
    fill(broker, 20, first=20)
    config = {**TOPICS, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead",
              "errors.deadletterqueue.context.headers.enable": "true"}
    with running(broker, Task, config) as task:
        eventually(lambda: len(Task.records) == 40, "the good records")
        task.send(Command.CATCH_UP)
        task.wait_for(CaughtUp)
    (dead,) = broker.records("dead")
    assert (dead.key(), dead.value(), dead.timestamp()[1]) == (b"key", b"{not json", 77)
    headers = dead.headers() or []
    assert headers[:2] == [("traceparent", b"\xff"), ("n", None)]
    context = dict(headers[2:])
    assert context["__connect.errors.topic"] == b"orders"
    assert context["__connect.errors.partition"] == b"1"
    assert context["__connect.errors.offset"] == b"10"
    assert context["__connect.errors.connector.name"] == b"c"
    assert context["__connect.errors.task.id"] == b"0"
    assert context["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert context["__connect.errors.exception.class.name"] == b"connectrt.errors.DataError"
    assert sum(broker.committed("connect-c").values()) == 41
    metrics = task.wait_for(MetricsTaken, lambda each: each.values["total_records_skipped"] == 1).values
    assert metrics["total_record_errors"] == 1
    assert metrics["deadletterqueue_produce_requests"] == 1


def test_no_offset_is_committed_over_a_dead_letter_that_was_not_written(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    broker.append("orders", b"{not json", partition=0)
    broker.fail_next_delivery(ValueError("too large"))
    config = {**TOPICS, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    with running(broker, Task, config) as task:
        task.send(Command.CATCH_UP)
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "cannot write to dead letter queue dead: too large" in trace
    assert broker.committed("connect-c") == {}


def test_a_record_the_task_reports_goes_out_with_its_original_bytes(broker: MemoryBroker) -> None:
    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            for each in records:
                reporter = self.context.errant_record_reporter
                assert reporter is not None
                reporter.report(each.with_value("changed"), ValueError("no"))
            super().put(records)

    broker.append("orders", b' {"id": 1}', partition=0)
    config = {**TOPICS, "errors.tolerance": "all", "errors.deadletterqueue.topic.name": "dead"}
    with running(broker, Task, config) as task:
        task.send(Command.CATCH_UP)
        task.wait_for(CaughtUp)
    assert [each.value() for each in broker.records("dead")] == [b' {"id": 1}']


def test_without_anywhere_to_report_to_there_is_no_reporter(broker: MemoryBroker) -> None:
    found: list[object] = []

    class Task(Kept):
        def start(self, config: Config) -> None:
            found.append(self.context.errant_record_reporter)

    with running(broker, Task, TOPICS) as task:
        task.wait_for_state(State.RUNNING)
    assert found == [None]


def test_when_pre_commit_raises_the_uncommitted_records_are_delivered_again(broker: MemoryBroker) -> None:
    class Task(Kept):
        failed = False

        def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
            if not Task.failed and self.records:
                Task.failed = True
                raise ValueError("disk full")
            return offsets

        def put(self, records: Sequence[SinkRecord]) -> None:
            super().put(records)
            if records and not Task.failed:
                self.context.request_commit()

    fill(broker, 6)
    with running(broker, Task, TOPICS) as task:
        eventually(lambda: len(Task.records) == 12, "all records twice")
    assert task.states == [State.RUNNING, State.UNASSIGNED]
    assert sum(broker.committed("connect-c").values()) == 6


def test_a_retriable_error_with_a_rewind_delivers_anew_instead_of_putting_the_batch_again(broker: MemoryBroker) -> None:
    """A sink that streams may have to write again what earlier puts took."""
    puts: list[list[int]] = []

    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            if not records:
                return
            puts.append([each.offset for each in records])
            if len(puts) == 3:
                self.context.offset({P0: 1})
                self.context.timeout(0.001)
                raise RetriableError("connection lost")
            super().put(records)

    for number in range(9):
        broker.append("orders", b"%d" % number, partition=0)
    with running(broker, Task, {**TOPICS, "consumer.override.max.poll.records": "3"}) as task:
        eventually(lambda: len(Task.records) == 14, "all records, most of them twice")
        task.send(Command.CATCH_UP)
        task.wait_for(CaughtUp)
    assert puts == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [1, 2, 3], [4, 5, 6], [7, 8]]
    assert broker.committed("connect-c") == {P0: 9}


def test_a_broker_that_goes_away_is_waited_for(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 2)
    with running(broker, Task, TOPICS) as task:
        eventually(lambda: len(Task.records) == 2, "records")
        broker.go_away()
        broker.come_back()
        fill(broker, 2, first=2)
        eventually(lambda: len(Task.records) == 4, "records after the outage")
        assert task.states == [State.RUNNING]


def test_a_broker_that_was_never_there_fails_the_task_with_the_cure(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    broker.go_away()
    with running(broker, Task, TOPICS, {"task.connect.timeout.ms": "1"}) as task:
        trace = task.wait_for_state(State.FAILED).trace
        broker.come_back()
    assert trace is not None
    assert "no broker answered for 0.001 s" in trace
    assert "bootstrap.servers" in trace


def test_a_refused_commit_is_tried_again_and_nothing_is_lost(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 4)
    broker.refuse_commits(RetriableError("coordinator is loading"))
    with running(broker, Task, TOPICS, {"offset.flush.interval.ms": "20"}) as task:
        eventually(lambda: "pre_commit" in Task.calls, "a commit")
        task.wait_for(MetricsTaken, lambda each: each.values.get("offset_commit_failure_percentage", 0) > 0)
        broker.refuse_commits(None)
        eventually(lambda: sum(broker.committed("connect-c").values()) == 4, "the offsets")


def test_a_wrong_config_fails_the_task_with_all_faults(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    with running(broker, Task, {"topics": "orders", "errors.tolerance": "some", "errors.retry.timeout": "x"}) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "errors.tolerance" in trace
    assert "errors.retry.timeout" in trace
    assert Task.calls == []
