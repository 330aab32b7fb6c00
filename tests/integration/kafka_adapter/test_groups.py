"""Rebalances and commits, against Apache Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError
from connectrt.kafka.client import Consumer
from tests.integration.kafka_adapter.clients import Clients, send, take, until
from tests.servers.kafka import Kafka
from tests.unit.kafka.listener import Listener

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]

COOPERATIVE = {"partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}
ASSIGNORS = [pytest.param({}, id="eager"), pytest.param(COOPERATIVE, id="cooperative"),
             pytest.param({"group.protocol": "consumer"}, id="KIP-848")]


@pytest.mark.parametrize("assignor", ASSIGNORS)
def test_two_consumers_share_the_partitions(
        kafka: Kafka, clients: Clients, topic: str, assignor: dict[str, str]) -> None:
    kafka.create_topic(topic, 4)
    one, two, config = Listener(), Listener(), {"group.id": topic, **assignor}
    first = clients.join([topic], one, config)
    until(first, lambda: len(first.assignment()) == 4)
    second = clients.join([topic], two, config)
    until(first, lambda: len(first.assignment()) == len(second.assignment()) == 2, second)
    assert not first.assignment() & second.assignment()
    revoked = [partitions for event, partitions in one.events if event == "revoked"]
    assert sum(map(len, revoked)) == (2 if assignor else 4)
    second.close()
    until(first, lambda: len(first.assignment()) == 4)
    assert two.events[-1][0] == "revoked"
    assert "lost" not in {event for event, _ in one.events + two.events}


@pytest.mark.parametrize("assignor", ASSIGNORS[:2])
def test_no_record_is_lost_while_members_come_and_go(
        kafka: Kafka, clients: Clients, topic: str, assignor: dict[str, str]) -> None:
    kafka.create_topic(topic, 4)
    config = {"group.id": topic, **assignor}
    seen: set[bytes] = set()

    def member() -> Consumer:
        owner: list[Consumer] = []
        done: dict[TopicPartition, int] = {}
        listener = Listener(lambda event: owner[0].commit(done) if event == "revoked" else done.clear())
        owner.append(clients.join([topic], listener, config))

        def work(count: int, timeout_s: float) -> None:
            for message in owner[0].consume(count, timeout_s):
                place = TopicPartition(message.topic(), message.partition())
                assert place in owner[0].assignment()
                seen.add(message.value() or b"")
                done[place] = message.offset() + 1

        workers.append(work)
        return owner[0]

    workers: list[Callable[[int, float], None]] = []
    producer = clients.producer()
    member()
    sent = 0
    for step in range(6):
        for _ in range(500):
            producer.send(topic, b"%d" % sent, b"%d" % sent, None, None, None)
            sent += 1
        if step == 2:
            second = member()
        if step == 4:
            workers.pop()
            second.close()
        for _ in range(15):
            for work in workers:
                work(50, 0.02)
    assert producer.flush(10) == 0
    while len(seen) < sent:
        workers[0](500, 0.5)


def test_what_a_listener_raises_comes_out_of_consume(kafka: Kafka, clients: Clients, topic: str) -> None:
    def fail(event: str) -> None:
        raise ConnectError(f"{event} failed")

    kafka.create_topic(topic, 1)
    send(clients, topic, [b"v"])
    consumer = clients.consumer([topic], Listener(fail))
    with pytest.raises(ConnectError, match="assigned failed"):
        until(consumer, lambda: False)
    assert take(consumer, 1)
    with pytest.raises(ConnectError, match="revoked failed"):
        consumer.close()


def test_a_consumer_that_was_away_too_long_loses_its_partitions_and_comes_back(
        kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    listener = Listener()
    consumer = clients.consumer([topic], listener, max_poll_interval_ms="6000", session_timeout_ms="6000")
    until(consumer, lambda: bool(consumer.assignment()))
    threading.Event().wait(7.5)  # the interval is the library's own clock
    until(consumer, lambda: [event for event, _ in listener.events] == ["assigned", "lost", "assigned"])
    send(clients, topic, [b"v"])
    assert take(consumer, 1)


def test_committed_offsets_are_where_the_next_member_starts(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 2)
    send(clients, topic, [b"0", b"1", b"2"], 0)
    first = clients.consumer([topic], group_id=topic)
    take(first, 3)
    told: list[str] = []
    first.commit_async({TopicPartition(topic, 0): 1}, lambda error: told.append(f"1 {error}"))
    first.commit_async({TopicPartition(topic, 0): 2}, lambda error: told.append(f"2 {error}"))
    assert told == []
    until(first, lambda: len(told) == 2)
    assert told == ["1 None", "2 None"]
    first.commit({TopicPartition(topic, 1): 0})
    first.close()
    second = clients.consumer([topic], group_id=topic)
    assert [message.value() for message in take(second, 1)] == [b"2"]


def test_a_commit_of_what_another_member_owns_is_refused(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    config = {"group.id": topic, "session.timeout.ms": "6000", "max.poll.interval.ms": "6000"}
    first = clients.join([topic], Listener(), config)
    until(first, lambda: bool(first.assignment()))
    threading.Event().wait(7.5)  # the first is put out of the group
    with pytest.raises(ConnectError):
        first.commit({TopicPartition(topic, 0): 0})
    told: list[Exception | None] = []
    first.commit_async({TopicPartition(topic, 0): 0}, told.append)
    until(first, lambda: bool(told))
    assert isinstance(told[0], ConnectError)
