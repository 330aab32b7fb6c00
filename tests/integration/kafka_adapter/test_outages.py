"""A broker that is not there, and one that dies and comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.errors import RetriableError
from connectrt.kafka import outage
from tests.integration.kafka_adapter.clients import Clients, until
from tests.servers.kafka import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


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
