"""`--dev` starts real servers, and the broker does what the runtime needs of Kafka."""

from __future__ import annotations

import contextlib
import socket
import time

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectrt.dev import DevServers
from connectrt.dev.ports import listens
from connectrt.errors import ConnectError
from connectrt.kafka.adapter import ConfluentClients
from tests.servers.ports import free_ports

HEADERS: list[tuple[str, str | bytes | None]] = [
    ("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"), ("raw", bytes(range(256))), ("none", None),
]


def test_both_servers_are_up_within_three_seconds_and_gone_afterwards() -> None:
    broker, database = free_ports(2)
    sink = {"topics": "orders", "connection.url": f"postgresql://me:secret@localhost:{database}/shop"}
    started = time.monotonic()
    with DevServers.start({"bootstrap.servers": f"localhost:{broker}"}, [sink], ConfluentClients()) as servers:
        assert time.monotonic() - started < 3
        assert list(servers.started) == [
            f"Kafka-compatible broker on localhost:{broker}", f"PostgreSQL on localhost:{database}",
        ]
        assert listens(broker)
        assert listens(database)
    assert not listens(broker)
    assert not listens(database)


def test_topics_of_connectors_are_made_with_four_partitions() -> None:
    worker = {"bootstrap.servers": f"localhost:{free_ports(1)[0]}"}
    with (
        DevServers.start(worker, [{"topics": "orders"}, {"kafka.topic": "orders"}], ConfluentClients()),
        contextlib.closing(ConfluentClients().admin(worker)) as admin,
    ):
        assert admin.describe_topics(["orders"])["orders"].partitions == 4


def test_a_server_that_is_there_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = {"bootstrap.servers": f"localhost:{taken.getsockname()[1]}"}
        with DevServers.start(worker, [], ConfluentClients()) as servers:
            assert servers.started == []


def test_a_server_that_cannot_start_is_quoted_and_the_others_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, though nobody listens
        database = free_ports(1)[0]
        worker = {"bootstrap.servers": f"localhost:{taken.getsockname()[1]}"}
        sink = {"connection.url": f"postgresql://me@localhost:{database}/shop"}
        with pytest.raises(ConnectError, match=r"development broker on port .* ended"):
            DevServers.start(worker, [sink], ConfluentClients())
    assert not listens(database)


def test_the_broker_keeps_headers_and_committed_offsets() -> None:
    bootstrap = f"127.0.0.1:{free_ports(1)[0]}"
    worker = {"bootstrap.servers": bootstrap, "log_level": 0}
    group = {**worker, "group.id": "readers", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    with DevServers.start({"bootstrap.servers": bootstrap}, [{"topics": "orders"}], ConfluentClients()):
        producer = Producer({**worker, "enable.idempotence": True, "partitioner": "murmur2_random"})
        producer.produce("orders", b"1", partition=2, headers=HEADERS)
        assert producer.flush(5) == 0
        consumer = Consumer(group)
        consumer.subscribe(["orders"])
        message = consumer.poll(5)
        assert message is not None
        assert message.headers() == HEADERS
        consumer.commit(message=message, asynchronous=False)
        assert consumer.committed([TopicPartition("orders", 2)], timeout=5)[0].offset == 1
        consumer.close()
