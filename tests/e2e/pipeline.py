"""A topic, a table and a sink between them, for tests that run the installed command against real servers."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import psycopg
from confluent_kafka import Consumer, Producer

from tests.servers.kafka import Kafka

Headers = list[tuple[str, bytes | None]]


class Order(NamedTuple):
    """One record of the tests: a later one with the same id replaces it under upsert."""

    id: int
    version: int
    note: str

    def to_json(self) -> bytes:
        return msgspec.json.encode(self._asdict())


def new_topic(kafka: Kafka, partitions: int = 4) -> str:
    topic = f"orders_{uuid.uuid4().hex[:8]}"
    kafka.create_topic(topic, partitions)
    return topic


def orders(count: int, seed: int, ids: int | None = None) -> list[Order]:
    """Make `count` orders; with `ids`, that many different ids, each changed several times."""
    rng = random.Random(seed)
    return [Order(rng.randrange(ids) if ids else number, number, f"note {rng.getrandbits(64):x}")
            for number in range(count)]


def produce(bootstrap: str, topic: str, records: Iterable[Order | bytes | None],
            headers: Headers | None = None) -> None:
    """Write records; an order's key is its id, so that its changes stay in order."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "message.max.bytes": 16_000_000,
                         "partitioner": "murmur2_random"})
    for record in records:
        order = record if isinstance(record, Order) else None
        value = order.to_json() if order else record
        while True:
            try:
                producer.produce(topic, value, None if order is None else str(order.id), headers=headers or [])
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(30) == 0


def values(bootstrap: str, topic: str, expected: set[bytes | None]) -> set[bytes | None]:
    """Read the different values of a topic, until all `expected` have come or ten seconds are over."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: set[bytes | None] = set()
    deadline = time.monotonic() + 10
    while not found >= expected and time.monotonic() < deadline:
        found |= {message.value() for message in consumer.consume(100, 0.5) if not message.error()}
    consumer.close()
    return found


def sink(kafka: Kafka, database: str, topic: str, **connector: str) -> dict[str, object]:
    """The config of a worker with one SQL sink `pg`; underscores in keyword names stand for dots."""
    return {
        "worker": {"bootstrap.servers": kafka.bootstrap, "offset.flush.interval.ms": "500"},
        "connectors": {"pg": {
            "connector.class": "SqlSinkConnector", "topics": topic, "connection.url": database, "auto.create": "true",
            # A restarted task takes over its old membership at once instead of after session.timeout.ms.
            "consumer.override.group.instance.id": f"{topic}-0", "consumer.override.session.timeout.ms": "6000",
            **{key.replace("_", "."): value for key, value in connector.items()},
        }},
    }


UPSERT: Mapping[str, str] = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}


def rows(database: str, topic: str) -> dict[int, tuple[int, str]]:
    """id -> (version, note); empty while the table does not exist."""
    with psycopg.connect(database) as connection:
        try:
            found = connection.execute(f'SELECT id, version, note FROM "{topic}"').fetchall()
        except psycopg.errors.UndefinedTable:
            return {}
    return {identity: (version, note) for identity, version, note in found}


def count(database: str, topic: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(f'SELECT count(*) FROM "{topic}"').fetchone()
    assert row is not None
    return int(row[0])


def newest(records: Iterable[Order]) -> dict[int, tuple[int, str]]:
    """What the table must hold in the end: per id its last change."""
    return {order.id: (order.version, order.note) for order in records}
