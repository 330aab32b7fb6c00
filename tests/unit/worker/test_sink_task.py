"""Sink tasks against the broker in memory. (Kafka Connect: WorkerSinkTaskTest)"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.kafka.memory import MemoryBroker
from connectrt.sdk import Config, ConfigDef, RetriableError, SinkOffsets, SinkRecord, SinkTask
from connectrt.worker.messages import CaughtUp, Command, DestinationCounted, MetricsTaken, State, TopicUsed
from tests.unit.worker.harness import eventually, running

P0 = TopicPartition("orders", 0)
TOPICS = {"topics": "orders"}


class Kept(SinkTask):
    """Keeps what it is given; a subclass per test, so that nothing is shared."""

    CONFIG = ConfigDef()
    calls: list[str]
    records: list[SinkRecord]

    def __init_subclass__(cls) -> None:
        cls.calls, cls.records = [], []

    def start(self, config: Config) -> None:
        self.calls.append("start")

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("open")

    def put(self, records: Sequence[SinkRecord]) -> None:
        if records:
            self.calls.append("put")
            self.records.extend(records)

    def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
        self.calls.append("pre_commit")
        return offsets

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("close")

    def stop(self) -> None:
        self.calls.append("stop")

    def destination_counts(self) -> Mapping[str, int]:
        return {"kept": len(self.records)}


@pytest.fixture
def broker() -> MemoryBroker:
    made = MemoryBroker(partitions=None)
    made.create_topic("orders", 2)
    return made


def fill(broker: MemoryBroker, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        broker.append("orders", b'{"id": %d}' % number, b"k%d" % number, [("traceparent", b"x")], partition=number % 2)


def test_calls_come_in_the_order_of_kafka_connect(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 1)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 1, "a record")
    assert Task.calls == ["start", "open", "put", "pre_commit", "close", "stop"]


def test_records_arrive_converted_in_order_and_offsets_are_committed_at_stop(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 1000)
    with running(broker, Task, TOPICS) as task:
        eventually(lambda: len(Task.records) == 1000, "all records")
        assert broker.committed("connect-c") == {}
    for partition in (0, 1):
        mine = [each for each in Task.records if each.partition == partition]
        assert [each.offset for each in mine] == list(range(500))
        assert [each.value for each in mine] == [{"id": number} for number in range(partition, 1000, 2)]
    first = Task.records[0]
    assert (first.topic, first.key, first.value_schema) == ("orders", f"k{first.partition}", None)
    assert first.headers.last("traceparent") is not None
    assert broker.committed("connect-c") == {P0: 500, TopicPartition("orders", 1): 500}
    assert task.states == [State.RUNNING, State.UNASSIGNED]
    assert task.wait_for(DestinationCounted).counts == {"kept": 1000}
    assert task.wait_for(TopicUsed).topic == "orders"


def test_a_poll_hands_on_at_most_max_poll_records(broker: MemoryBroker) -> None:
    sizes: list[int] = []

    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            super().put(records)
            sizes.append(len(records))

    fill(broker, 100)
    with running(broker, Task, {**TOPICS, "consumer.override.max.poll.records": "7"}):
        eventually(lambda: len(Task.records) == 100, "all records")
    assert max(sizes) == 7


def test_an_empty_put_follows_as_soon_as_input_runs_dry(broker: MemoryBroker) -> None:
    """What a sink still holds is written at once, not at the next commit an hour later."""
    dry = threading.Event()

    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            super().put(records)
            if self.records and not records:
                dry.set()

    fill(broker, 3)
    with running(broker, Task, TOPICS):
        assert dry.wait(0.5)


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


def test_only_what_pre_commit_calls_safe_is_committed(broker: MemoryBroker) -> None:
    class Task(Kept):
        def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
            return {partition: min(offset, 2) for partition, offset in offsets.items() if partition == P0}

    fill(broker, 20)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 20, "all records")
    assert broker.committed("connect-c") == {P0: 2}


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


def test_a_rewind_delivers_from_that_offset_again(broker: MemoryBroker) -> None:
    class Task(Kept):
        def put(self, records: Sequence[SinkRecord]) -> None:
            super().put(records)
            if len(self.records) == 10:
                self.context.offset({P0: 3})

    broker.create_topic("one")
    for number in range(10):
        broker.append("orders", b"%d" % number, partition=0)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 17, "the rewound records")
    assert [each.offset for each in Task.records] == [*range(10), *range(3, 10)]


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


def test_pause_stops_delivery_commits_and_keeps_the_partitions(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 4)
    with running(broker, Task, TOPICS) as task:
        eventually(lambda: len(Task.records) == 4, "records")
        task.send(Command.PAUSE)
        task.wait_for_state(State.PAUSED)
        eventually(lambda: sum(broker.committed("connect-c").values()) == 4, "commit on pause")
        fill(broker, 4, first=4)
        task.send(Command.RESUME)
        eventually(lambda: len(Task.records) == 8, "records after resume")
        assert "close" not in Task.calls
    assert task.states == [State.RUNNING, State.PAUSED, State.RUNNING, State.UNASSIGNED]


def test_a_task_can_pause_a_partition_of_its_own(broker: MemoryBroker) -> None:
    class Task(Kept):
        def open(self, partitions: Sequence[TopicPartition]) -> None:
            self.context.pause(P0)

    fill(broker, 10)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 5, "the other partition's records")
    assert {each.partition for each in Task.records} == {1}


def test_two_tasks_share_the_partitions_and_each_record_is_put_once(broker: MemoryBroker) -> None:
    class One(Kept): ...

    class Two(Kept): ...

    fill(broker, 50)
    with running(broker, One, TOPICS):
        eventually(lambda: len(One.records) == 50, "first half")
        with running(broker, Two, TOPICS):
            eventually(lambda: "close" in One.calls and "open" in Two.calls, "a rebalance")
            fill(broker, 50, first=50)
            eventually(lambda: len(One.records) + len(Two.records) == 100, "second half")
    assert len(Two.records) == 25
    places = [(each.partition, each.offset) for each in (*One.records, *Two.records)]
    assert len(set(places)) == 100
    assert sum(broker.committed("connect-c").values()) == 100


def test_lost_partitions_are_closed_without_a_commit(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 4)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 4, "records")
        broker.expire("connect-c")
        eventually(lambda: Task.calls.count("open") == 2, "the partitions again")
        assert broker.committed("connect-c") == {}
        eventually(lambda: len(Task.records) == 8, "the records again")


def test_catch_up_reports_once_everything_there_is_committed(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 1234)
    with running(broker, Task, TOPICS) as task:
        task.send(Command.CATCH_UP)
        task.wait_for(CaughtUp)
        assert sum(broker.committed("connect-c").values()) == 1234


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
