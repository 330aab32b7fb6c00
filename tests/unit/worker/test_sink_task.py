"""What a sink task is given, when, and what is committed of it. (Kafka Connect: WorkerSinkTaskTest)"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.kafka.memory import MemoryBroker
from connectrt.sdk import SinkOffsets, SinkRecord
from connectrt.worker.messages import CaughtUp, Command, DestinationCounted, State, TopicUsed
from tests.unit.worker.harness import eventually, running
from tests.unit.worker.kept import P0, TOPICS, Kept, fill, two_partitions


@pytest.fixture
def broker() -> MemoryBroker:
    return two_partitions()


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


def test_only_what_pre_commit_calls_safe_is_committed(broker: MemoryBroker) -> None:
    class Task(Kept):
        def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
            return {partition: min(offset, 2) for partition, offset in offsets.items() if partition == P0}

    fill(broker, 20)
    with running(broker, Task, TOPICS):
        eventually(lambda: len(Task.records) == 20, "all records")
    assert broker.committed("connect-c") == {P0: 2}


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


def test_a_task_that_gets_no_partition_has_caught_up(broker: MemoryBroker) -> None:
    """More tasks than partitions: `start --drain` must end all the same."""
    class One(Kept): ...

    class Two(Kept): ...

    broker.create_topic("one", 1)
    with running(broker, One, {"topics": "one"}), running(broker, Two, {"topics": "one"}) as idle:
        idle.send(Command.CATCH_UP)
        idle.wait_for(CaughtUp)


def test_catch_up_reports_once_everything_there_is_committed(broker: MemoryBroker) -> None:
    class Task(Kept): ...

    fill(broker, 1234)
    with running(broker, Task, TOPICS) as task:
        task.send(Command.CATCH_UP)
        task.wait_for(CaughtUp)
        assert sum(broker.committed("connect-c").values()) == 1234
