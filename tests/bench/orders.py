"""Make the records all measurements use: seeded JSON orders that carry a trace, in a topic of four partitions.

Run as a script it fills a topic of a running broker.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from typing import Final

import msgspec
from confluent_kafka import Producer

SEED: Final = 20260101
PARTITIONS: Final = 4
COLUMNS: Final = ("id", "customer", "product", "quantity", "price", "created_at")
TYPES: Final = ("int8", "text", "text", "int4", "float8", "int8")
DDL: Final = (
    "CREATE TABLE {table} (id bigint PRIMARY KEY, customer text, product text, quantity int, "
    "price double precision, created_at bigint)"
)
Headers = list[tuple[str, str | bytes | None]]
#: Every second order of a topic with {count} orders, with other values.
HALF: Final = (
    "INSERT INTO {table} SELECT id, 'before', 'before', 0, 0, 0 FROM generate_series(0, {count} - 1, 2) AS id"
)


class Order(msgspec.Struct):
    """One order, about 150 bytes as JSON."""

    id: int
    customer: str
    product: str
    quantity: int
    price: float
    created_at: int


def orders(count: int, start: int = 0) -> Iterator[tuple[bytes, bytes, Headers]]:
    """Yield key, value and headers of `count` orders; every record belongs to a sampled trace of its own."""
    draw = random.Random(SEED + start)
    random_, randbytes = draw.random, draw.randbytes
    for number in range(start, start + count):
        value = (
            f'{{"id":{number},"customer":"customer-{int(random_() * 100_000):06}@example.com",'
            f'"product":"single origin coffee {int(random_() * 1000):04}","quantity":{1 + int(random_() * 9)},'
            f'"price":{int(random_() * 10_000) / 100},"created_at":{1_767_225_600_000 + number}}}'
        )
        ids = randbytes(24).hex()
        headers: Headers = [
            ("traceparent", f"00-{ids[:32]}-{ids[32:]}-01"), ("baggage", "tenant=blue,region=north"), ("source", "web"),
        ]
        yield str(number).encode(), value.encode(), headers


def preload(bootstrap: str, topic: str, count: int) -> None:
    """Fill an existing topic of four partitions evenly."""
    producer = Producer({
        "bootstrap.servers": bootstrap, "linger.ms": 20, "batch.size": 1_000_000,
        "queue.buffering.max.messages": 200_000,
    })
    for number, (key, value, headers) in enumerate(orders(count)):
        while True:
            try:
                producer.produce(topic, value, key, partition=number % PARTITIONS, headers=headers)
                break
            except BufferError:
                producer.poll(0.05)
    left = producer.flush(60)
    assert not left, f"{left} of {count} orders were not acknowledged"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", default="localhost:9092")
    parser.add_argument("--topic", default="orders")
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    started = time.perf_counter()
    preload(given.bootstrap, given.topic, given.count)
    print(f"{given.count} orders in {time.perf_counter() - started:.1f} s")
