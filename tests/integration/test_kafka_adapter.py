"""The clients of `connectrt.kafka.adapter` against Apache Kafka: what no broker in memory can prove."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import confluent_kafka
import pytest

from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError, RetriableError
from connectrt.kafka import outage
from connectrt.kafka.adapter import ConfluentClients
from connectrt.kafka.client import Consumer, Message, Producer
from tests.servers.kafka import Kafka
from tests.unit.kafka.listener import Listener
from tests.unit.kafka.test_partitioner import JAVA

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]

COOPERATIVE = {"partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}
ASSIGNORS = [pytest.param({}, id="eager"), pytest.param(COOPERATIVE, id="cooperative"),
             pytest.param({"group.protocol": "consumer"}, id="KIP-848")]


@pytest.fixture
def topic() -> str:
    return f"adapter-{uuid.uuid4().hex[:8]}"


class Clients:
    """Makes clients of one broker and closes them at the end of the test."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._kafka = ConfluentClients()
        self._open: list[Consumer] = []

    def consumer(self, topics: Sequence[str] | str, listener: Listener | None = None, **config: str) -> Consumer:
        """`config` has underscores for dots; each consumer is in a group of its own unless group_id says otherwise."""
        named = {"group.id": uuid.uuid4().hex, **{key.replace("_", "."): value for key, value in config.items()}}
        return self.join(topics, listener or Listener(), named)

    def join(self, topics: Sequence[str] | str, listener: Listener, config: Mapping[str, str]) -> Consumer:
        consumer = self._kafka.consumer({"bootstrap.servers": self.bootstrap, **config})
        self._open.append(consumer)
        consumer.subscribe(topics, listener)
        return consumer

    def producer(self, on_error: Callable[[Exception, str], None] | None = None, *, report_each: bool = False,
                 **config: str) -> Producer:
        def unexpected(error: Exception, topic: str) -> None:
            raise error

        return self._kafka.producer(
            {"bootstrap.servers": self.bootstrap, **{key.replace("_", "."): value for key, value in config.items()}},
            on_error or unexpected, report_each=report_each)

    def close(self) -> None:
        for consumer in self._open:
            consumer.close()


@pytest.fixture
def clients(kafka: Kafka) -> Iterator[Clients]:
    clients = Clients(kafka.bootstrap)
    yield clients
    clients.close()


def send(clients: Clients, topic: str, values: Sequence[bytes], partition: int | None = None) -> None:
    producer = clients.producer()
    for value in values:
        producer.send(topic, value, None, None, partition, None)
    assert producer.flush(10) == 0
    producer.close(1)


def take(consumer: Consumer, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += consumer.consume(100, 1)
    return messages


def until(consumer: Consumer, reached: Callable[[], bool], *others: Consumer) -> None:
    """Let the consumers work until something has happened; the test's time limit ends it if it does not."""
    while not reached():
        for each in (consumer, *others):
            each.consume(100, 0.05)


# -- records ------------------------------------------------------------------------------------------------------


def test_a_record_is_consumed_as_it_was_produced(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 2)
    headers = [("a", b"1"), ("a", None), ("ü", b"\x00\xff"), ("", b"")]
    producer = clients.producer()
    producer.send(topic, b"v", b"k", headers, 1, 1234)
    producer.send(topic, None, None, (("only", b"x"),), 1, None)
    assert producer.flush(10) == 0
    first, second = take(clients.consumer([topic]), 2)
    assert (first.topic(), first.partition(), first.offset()) == (topic, 1, 0)
    assert (first.key(), first.value(), first.headers(), first.timestamp()) == (b"k", b"v", headers, (1, 1234))
    assert (second.key(), second.value(), second.headers()) == (None, None, [("only", b"x")])
    assert second.timestamp()[1] > 1_600_000_000_000


def test_a_key_lands_where_java_puts_it(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 7)
    producer = clients.producer()
    for key, *_ in JAVA:
        producer.send(topic, b"", bytes.fromhex(key), None, None, None)
    assert producer.flush(10) == 0
    messages = take(clients.consumer([topic]), len(JAVA))
    found = {(message.key() or b"").hex(): message.partition() for message in messages}
    assert found == {key: of_7 for key, _, of_7, _ in JAVA}


def test_each_ack_tells_the_place_if_asked_for(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 2)
    told: list[tuple[Exception | None, int, int]] = []
    producer = clients.producer(report_each=True)
    for _ in range(3):
        producer.send(topic, b"v", None, None, 1, None, lambda *report: told.append(report))
    assert producer.outstanding() == 3
    assert producer.flush(10) == 0
    assert told == [(None, 1, 0), (None, 1, 1), (None, 1, 2)]
    with pytest.raises(ValueError, match="report_each"):
        clients.producer().send(topic, b"v", None, None, 1, None, lambda *report: None)


def test_a_record_that_cannot_be_delivered_is_told_with_the_cure(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    told: list[str] = []
    producer = clients.producer(lambda error, name: told.append(f"{name} {error}"))
    producer.send(topic, b"x" * 2_000_000, None, None, 0, None)
    producer.send(topic, b"fine", None, None, 0, None)
    assert producer.outstanding() >= 1
    assert producer.flush(10) == 0
    assert producer.outstanding() == 0
    assert len(told) == 1
    assert told[0].startswith(f"{topic} a record for topic {topic} is larger than allowed: raise producer.override.max")
    each = clients.producer(report_each=True)
    each.send(topic, b"x" * 2_000_000, None, None, 0, None, lambda error, *place: told.append(str(place)))
    each.poll()
    assert told[1] == "(-1, -1)"


def test_a_batch_does_not_wait_to_be_full(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    consumer = clients.consumer([topic])
    until(consumer, lambda: bool(consumer.assignment()))
    timer = threading.Timer(0.3, send, [clients, topic, [b"a", b"b"]])
    began = time.monotonic()
    timer.start()
    assert take(consumer, 2)
    assert time.monotonic() - began < 5
    timer.join()


def test_wake_ends_a_blocked_consume(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    consumer = clients.consumer([topic])
    until(consumer, lambda: bool(consumer.assignment()))
    timer = threading.Timer(0.1, consumer.wake)
    timer.start()
    assert not consumer.consume(1, 50)
    timer.join()
    consumer.wake()
    assert not consumer.consume(1, 50)


# -- places -------------------------------------------------------------------------------------------------------


def test_a_position_is_known_before_the_first_record_and_after_a_seek(
        kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 2)
    send(clients, topic, [b"0", b"1", b"2"], 0)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    first: list[Consumer] = []
    seen: list[int] = []
    listener = Listener(lambda event: seen.extend(first[0].position(each) for each in (zero, one)))
    first.append(clients.consumer([topic], listener, group_id="a-" + topic, auto_offset_reset="latest"))
    until(first[0], lambda: bool(seen))
    assert seen[:2] == [3, 0]
    first[0].seek(zero, 1)
    assert first[0].position(zero) == 1
    assert [message.value() for message in take(first[0], 2)] == [b"1", b"2"]
    assert first[0].position(zero) == 3
    assert (first[0].end_offset(zero), first[0].end_offset(one)) == (3, 0)
    assert first[0].end_offset(zero, cached=True) == 3


def test_paused_partitions_deliver_nothing_until_resumed(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 2)
    consumer = clients.consumer([topic])
    until(consumer, lambda: bool(consumer.assignment()))
    consumer.pause([TopicPartition(topic, 0)])
    send(clients, topic, [b"paused"], 0)
    send(clients, topic, [b"open"], 1)
    assert [message.value() for message in take(consumer, 1)] == [b"open"]
    assert not consumer.consume(10, 0.5)
    consumer.resume([TopicPartition(topic, 0)])
    assert [message.value() for message in take(consumer, 1)] == [b"paused"]


def test_a_position_passes_the_markers_of_transactions(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    settings = {"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0}
    producer = confluent_kafka.Producer(settings)
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"kept")
    producer.commit_transaction(20)
    consumer = clients.consumer([topic], isolation_level="read_committed")
    [message] = take(consumer, 1)
    assert message.value() == b"kept"
    place = TopicPartition(topic, 0)
    assert consumer.end_offset(place) == 2
    until(consumer, lambda: consumer.position(place) == 2)


def test_without_a_committed_offset_and_a_policy_consuming_fails(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    consumer = clients.consumer([topic], auto_offset_reset="none")
    with pytest.raises(ConnectError, match=f"{topic}-0: no offset is committed and auto.offset.reset=none"):
        until(consumer, lambda: False)
    assert not consumer.assignment()


def test_an_offset_out_of_range_without_a_policy_is_told(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(topic, 1)
    consumer = clients.consumer([topic], group_id=topic)
    until(consumer, lambda: bool(consumer.assignment()))
    consumer.commit({TopicPartition(topic, 0): 99})
    consumer.close()
    with pytest.raises(ConnectError, match=r"auto\.offset\.reset"):
        until(clients.consumer([topic], group_id=topic, auto_offset_reset="none"), lambda: False)


# -- topics -------------------------------------------------------------------------------------------------------


def test_an_unknown_topic_is_named_and_consumed_once_it_is_there(kafka: Kafka, clients: Clients, topic: str) -> None:
    consumer = clients.consumer([topic], topic_metadata_refresh_interval_ms="1000")
    with pytest.raises(RetriableError, match=f"topic {topic} does not exist: create it"):
        until(consumer, lambda: False)
    kafka.create_topic(topic)
    send(clients, topic, [b"v"])
    assert take(consumer, 1)


def test_a_pattern_matches_names_in_full_and_finds_new_topics(kafka: Kafka, clients: Clients, topic: str) -> None:
    kafka.create_topic(f"{topic}-1")
    kafka.create_topic(f"old-{topic}-1")
    consumer = clients.consumer(rf"{topic}-\d+", metadata_max_age_ms="500")
    until(consumer, lambda: bool(consumer.assignment()))
    kafka.create_topic(f"{topic}-22")
    until(consumer, lambda: len(consumer.assignment()) == 2)
    assert {each.topic for each in consumer.assignment()} == {f"{topic}-1", f"{topic}-22"}


def test_admin_describes_and_creates_topics(clients: Clients, topic: str) -> None:
    admin = ConfluentClients().admin({"bootstrap.servers": clients.bootstrap})
    assert len(admin.cluster_id()) == 22
    assert admin.create_topic(topic, 3, 1, {"cleanup.policy": "compact"}) is True
    assert admin.create_topic(topic, 3, 1, {}) is False
    assert admin.create_topic(f"{topic}-default", -1, -1, {}) is True
    assert admin.describe_topics([topic, "absent"]) == {topic: (topic, 3, 1)}
    assert admin.describe_topics([]) == {}
    with pytest.raises(ConnectError, match="set the replication factor to at most the number of brokers"):
        admin.create_topic(f"{topic}-5", 1, 5, {})
    admin.close()


# -- groups -------------------------------------------------------------------------------------------------------


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


# -- commits ------------------------------------------------------------------------------------------------------


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


# -- a broker that goes away --------------------------------------------------------------------------------------


def test_an_unreachable_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 0.5)
    clients = Clients("127.0.0.1:1")
    consumer = clients.consumer(["t"])
    with pytest.raises(RetriableError, match=r"127\.0\.0\.1:1 cannot be reached since . s: .*refused.*bootstrap"):
        until(consumer, lambda: False)
    with pytest.raises(RetriableError, match=r"broker 127\.0\.0\.1:1 cannot be reached"):
        consumer.commit({TopicPartition("t", 0): 1})
    clients.close()


def test_sending_to_an_unreachable_broker_waits_then_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 0.5)
    monkeypatch.setattr("connectrt.kafka.adapter.producer.SEND_TIMEOUT_S", 1.0)
    producer = Clients("127.0.0.1:1").producer(buffer_memory="10240")

    def send_without_end() -> None:
        while True:
            producer.send("t", b"x" * 1000, None, None, None, None)

    with pytest.raises(RetriableError, match=r"broker 127\.0\.0\.1:1 cannot be reached"):
        send_without_end()
    left = producer.outstanding()
    assert producer.flush(0.1) == left > 0
    producer.close(0)


def test_a_broker_that_dies_and_comes_back_costs_nothing(
        own_kafka: Kafka, monkeypatch: pytest.MonkeyPatch, topic: str) -> None:
    monkeypatch.setattr(outage, "PATIENCE_S", 1.0)
    own_kafka.create_topic(topic, 2)
    clients = Clients(own_kafka.bootstrap)
    consumer, producer = clients.consumer([topic]), clients.producer()
    wanted = {b"%d" % number for number in range(200)}
    seen: list[bytes] = []
    raised: list[Exception] = []

    def consume(done: Callable[[], bool]) -> None:
        while not done():
            try:
                seen.extend(message.value() or b"" for message in consumer.consume(10, 0.1))
            except RetriableError as error:
                raised.append(error)

    for value in sorted(wanted)[:100]:
        producer.send(topic, value, value, None, None, None)
    consume(lambda: len(seen) >= 50)
    own_kafka.kill()
    for value in sorted(wanted)[100:]:
        producer.send(topic, value, value, None, None, None)
    consume(lambda: bool(raised))
    assert str(raised[0]).startswith(f"broker {own_kafka.bootstrap} cannot be reached since")
    own_kafka.start()
    consume(lambda: wanted <= set(seen))
    assert producer.flush(10) == 0
    consumer.commit({each: consumer.position(each) for each in consumer.assignment()})
    assert len(seen) == len(wanted)
    clients.close()
