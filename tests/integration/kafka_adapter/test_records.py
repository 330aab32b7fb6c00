"""Records, places and topics, against Apache Kafka."""

from __future__ import annotations

import threading
import time

import confluent_kafka
import pytest

from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError, RetriableError
from connectrt.kafka.adapter import ConfluentClients
from connectrt.kafka.client import Consumer
from tests.integration.kafka_adapter.clients import Clients, send, take, until
from tests.servers.kafka import Kafka
from tests.unit.kafka.listener import Listener
from tests.unit.kafka.test_partitioner import JAVA

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]


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
