"""Source tasks against the broker in memory. (Kafka Connect: AbstractWorkerSourceTaskTest, SubmittedRecordsTest)"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectrt.kafka.memory import MemoryBroker
from connectrt.sdk import (
    Config,
    ConfigDef,
    ConnectError,
    EndOfSource,
    Headers,
    RecordMetadata,
    RetriableError,
    SourceRecord,
    SourceTask,
    TraceCarrier,
)
from connectrt.storage.memory import MemoryOffsetStore
from connectrt.worker.messages import CaughtUp, Command, MetricsTaken, State, TopicUsed
from tests.unit.worker.harness import eventually, running

PARTITION = {"file": "a"}


def record(number: int, topic: str = "orders", **changes: object) -> SourceRecord:
    made = SourceRecord(topic=topic, key=f"k{number}", value={"id": number}, source_partition=PARTITION,
                        source_offset={"line": number + 1})
    return made._with(**changes) if changes else made


class Counting(SourceTask):
    """Returns ten batches of ten numbers, from its committed offset on, and ends."""

    CONFIG = ConfigDef()
    last = 100
    polls = 0

    def start(self, config: Config) -> None:
        committed = self.context.offset_reader.offset(PARTITION)
        self.next = 0 if committed is None else int(str(committed["line"]))

    def poll(self) -> Sequence[SourceRecord] | None:
        type(self).polls += 1
        if self.next >= self.last:
            raise EndOfSource
        first, self.next = self.next, min(self.last, self.next + 10)
        return [record(number) for number in range(first, self.next)]


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(partitions=1)


def numbers(broker: MemoryBroker, topic: str = "orders") -> list[bytes | None]:
    return [message.value() for message in broker.records(topic)]


def test_every_record_arrives_once_and_in_order_and_the_last_offset_is_committed(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()
    with running(broker, Counting, offsets=store) as task:
        task.wait_for(CaughtUp)
    assert numbers(broker) == [b'{"id":%d}' % number for number in range(100)]
    assert [message.key() for message in broker.records("orders")][:2] == [b"k0", b"k1"]
    assert store.read("c", [PARTITION]) == [{"line": 100}]
    assert task.states == [State.RUNNING, State.UNASSIGNED]
    assert task.wait_for(TopicUsed).topic == "orders"
    assert task.wait_for(MetricsTaken, lambda each: each.values["source_record_write_total"] == 100)


def test_a_source_resumes_after_the_last_committed_record(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()
    store.write("c", [(PARTITION, {"line": 97})])
    with running(broker, Counting, offsets=store) as task:
        task.wait_for(CaughtUp)
    assert numbers(broker) == [b'{"id":97}', b'{"id":98}', b'{"id":99}']


def test_offsets_are_not_committed_while_records_are_not_acknowledged(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()

    class Away(Counting):
        def poll(self) -> Sequence[SourceRecord] | None:
            if self.next == 50:
                broker.go_away()
            return super().poll()

    with running(broker, Away, worker={"offset.flush.timeout.ms": "20", "offset.flush.interval.ms": "1"},
                 offsets=store) as task:
        task.wait_for(MetricsTaken, lambda each: each.values.get("offset_commit_failure_percentage", 0) > 0)
        committed = store.read("c", [PARTITION])[0] or {"line": 0}
        assert int(str(committed["line"])) <= 50
        broker.come_back()
        task.wait_for(CaughtUp)
    assert store.read("c", [PARTITION]) == [{"line": 100}]
    assert len(numbers(broker)) == 100


def test_a_failed_delivery_fails_the_task_before_its_offset_moves(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()
    broker.fail_next_delivery(ConnectError("record too large"))
    with running(broker, Counting, offsets=store) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "KAFKA_PRODUCE of orders" in trace
    assert "record too large" in trace
    assert store.read("c", [PARTITION]) == [None]


def test_a_tolerated_failed_delivery_is_skipped(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()
    broker.fail_next_delivery(ConnectError("record too large"))
    with running(broker, Counting, {"errors.tolerance": "all"}, offsets=store) as task:
        task.wait_for(CaughtUp)
    assert len(numbers(broker)) == 99
    assert store.read("c", [PARTITION]) == [{"line": 100}]


def test_commit_record_is_called_for_each_record_with_its_place(broker: MemoryBroker) -> None:
    told: list[tuple[int, RecordMetadata | None]] = []

    class Told(Counting):
        last = 20

        def commit_record(self, record: SourceRecord, metadata: RecordMetadata | None) -> None:
            told.append((record.value["id"], metadata))  # type: ignore[index]

    store = MemoryOffsetStore()
    with running(broker, Told, offsets=store) as task:
        task.wait_for(CaughtUp)
    assert [number for number, _ in told] == list(range(20))
    assert [metadata.offset for _, metadata in told if metadata] == list(range(20))
    assert store.read("c", [PARTITION]) == [{"line": 20}]


def test_a_record_that_cannot_be_converted_is_named_and_fails_the_task(broker: MemoryBroker) -> None:
    class Bad(Counting):
        def poll(self) -> Sequence[SourceRecord] | None:
            return [record(1), record(2, value=object())]

    with running(broker, Bad) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "VALUE_CONVERTER of {'file': 'a'}@{'line': 3}" in trace
    assert numbers(broker) == []


def test_retriable_errors_of_poll_are_tried_again(broker: MemoryBroker) -> None:
    class Flaky(Counting):
        def poll(self) -> Sequence[SourceRecord] | None:
            if self.polls == 1:
                type(self).polls += 1
                raise RetriableError("the server is busy")
            return super().poll()

    with running(broker, Flaky, {"errors.retry.delay.max.ms": "1"}) as task:
        task.wait_for(CaughtUp)
    assert len(numbers(broker)) == 100


def test_an_error_of_poll_fails_the_task_and_what_was_sent_is_committed(broker: MemoryBroker) -> None:
    store = MemoryOffsetStore()

    class Broken(Counting):
        def poll(self) -> Sequence[SourceRecord] | None:
            if self.next == 30:
                raise ValueError("bad page")
            return super().poll()

    with running(broker, Broken, offsets=store) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "c-0: poll failed: bad page" in trace
    assert store.read("c", [PARTITION]) == [{"line": 30}]


def test_a_broker_that_was_never_there_fails_the_task_with_the_cure(broker: MemoryBroker) -> None:
    class Unpolled(Counting):
        polls = 0

    broker.go_away()
    with running(broker, Unpolled, worker={"task.connect.timeout.ms": "1"}) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "no broker answered for 0.001 s" in trace
    assert "bootstrap.servers" in trace
    assert Unpolled.polls == 0


def test_headers_are_converted_and_several_topics_keep_their_order(broker: MemoryBroker) -> None:
    class Mixed(Counting):
        last = 20

        def poll(self) -> Sequence[SourceRecord] | None:
            batch = super().poll() or []
            return [each.with_topic("ab"[number % 2]).with_headers(Headers().add("n", number))
                    for number, each in enumerate(batch)]

    with running(broker, Mixed) as task:
        task.wait_for(CaughtUp)
    assert numbers(broker, "a") == [b'{"id":%d}' % number for number in range(0, 20, 2)]
    assert [message.headers() for message in broker.records("b")][:2] == [[("n", b"1")], [("n", b"3")]]


def test_pause_stops_polling_until_resume(broker: MemoryBroker) -> None:
    class Endless(Counting):
        last = 10**9

        def poll(self) -> Sequence[SourceRecord] | None:
            self.context.wait(0.001)
            return super().poll()

    with running(broker, Endless) as task:
        eventually(lambda: Endless.polls > 3, "polls")
        task.send(Command.PAUSE)
        task.wait_for_state(State.PAUSED)
        polls = Endless.polls
        task.send(Command.RESUME)
        eventually(lambda: Endless.polls > polls + 3, "polls after resume")
    assert task.states == [State.RUNNING, State.PAUSED, State.RUNNING, State.UNASSIGNED]


def test_topics_are_created_by_the_first_group_that_matches() -> None:
    broker = MemoryBroker(partitions=None)

    class Two(Counting):
        last = 10

        def poll(self) -> Sequence[SourceRecord] | None:
            batch = super().poll() or []
            return [*batch, *(each.with_topic("metrics.cpu") for each in batch)]

    config = {"topic.creation.groups": "wide", "topic.creation.wide.include": r"metrics\..*",
              "topic.creation.wide.partitions": "5", "topic.creation.default.partitions": "2",
              "topic.creation.default.replication.factor": "1"}
    with running(broker, Two, config) as task:
        task.wait_for(CaughtUp)
    assert broker.topics() == {"orders": 2, "metrics.cpu": 5}


def test_wrong_topic_creation_keys_are_all_named() -> None:
    with running(MemoryBroker(), Counting, {"topic.creation.default.partitions": "none"}) as task:
        trace = task.wait_for_state(State.FAILED).trace
    assert trace is not None
    assert "topic.creation.default.partitions" in trace
    assert "topic.creation.default.replication.factor" in trace


def test_without_tracing_a_brought_context_is_left_alone(broker: MemoryBroker) -> None:
    class Carrying(Counting):
        last = 1

        def poll(self) -> Sequence[SourceRecord] | None:
            return [each.with_trace(TraceCarrier(b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01"))
                    for each in super().poll() or ()]

    with running(broker, Carrying) as task:
        task.wait_for(CaughtUp)
    assert broker.records("orders")[0].headers() in (None, [])
