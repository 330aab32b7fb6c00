"""Kafka clients for tests, and the few things every test does with them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from connectrt.data.message import Message
from connectrt.kafka.adapter import ConfluentClients
from connectrt.kafka.client import Consumer, Producer
from tests.unit.kafka.listener import Listener


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
