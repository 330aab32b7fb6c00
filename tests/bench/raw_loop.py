"""Be the yardstick: the best loop a good programmer writes by hand for one table, without runtime and tracing.

One thread: consume 500 at a time, decode, write rows into a COPY that is committed every 5,000 rows, commit offsets.
`upsert` copies into a temporary table and merges it; `read` only reads the headers. Prints one JSON object: when the
first batch came and the last one was done, on the clock of time.monotonic, and how many records there were.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import psycopg
from confluent_kafka import Consumer, Message

from tests.bench.orders import COLUMNS, TYPES, Order

POLL_RECORDS = 500
COMMIT_ROWS = 5_000


class Counted:
    """Consumes `count` records in batches and keeps the time of the first and the last one."""

    def __init__(self, consumer: Consumer, count: int) -> None:
        self._consumer = consumer
        self.count = count
        self.first_s = self.last_s = 0.0

    def __iter__(self) -> Iterator[Sequence[Message]]:
        left = self.count
        while left > 0:
            batch = self._consumer.consume(POLL_RECORDS, 0.1)
            if not batch:
                continue
            self.first_s = self.first_s or time.monotonic()
            left -= len(batch)
            yield batch
        self.last_s = time.monotonic()


def read(batches: Counted, consumer: Consumer, url: str, table: str) -> None:
    """Consume and look at every record's headers."""
    seen = 0
    for batch in batches:
        for message in batch:
            seen += len(message.headers() or ())
    assert seen == 3 * batches.count


def insert(batches: Counted, consumer: Consumer, url: str, table: str) -> None:
    with psycopg.connect(url) as connection:
        copy_all(batches, consumer, connection, table, after=lambda: None)


def upsert(batches: Counted, consumer: Consumer, url: str, table: str) -> None:
    names = ", ".join(COLUMNS)
    merge = (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM staged ON CONFLICT (id) DO UPDATE SET "
        + ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS[1:])
    ).encode()
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE TEMP TABLE staged (LIKE {table}) ON COMMIT DELETE ROWS".encode())
        connection.commit()
        copy_all(batches, consumer, connection, "staged", after=lambda: connection.execute(merge, prepare=True))


def copy_all(
    batches: Counted, consumer: Consumer, connection: psycopg.Connection, table: str, after: Callable[[], object]
) -> None:
    decode = msgspec.json.Decoder(Order).decode
    row = msgspec.structs.astuple
    statement = f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)".encode()
    cursor = connection.cursor()
    source = iter(batches)
    more = True
    while more:
        rows = 0
        with cursor.copy(statement) as copy:
            copy.set_types(TYPES)
            write_row = copy.write_row
            while rows < COMMIT_ROWS:
                batch = next(source, None)
                if batch is None:
                    more = False
                    break
                for message in batch:
                    write_row(row(decode(message.value() or b"")))
                rows += len(batch)
        after()
        connection.commit()
        if rows:
            consumer.commit(asynchronous=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["insert", "upsert", "read"])
    for name in ("bootstrap", "topic", "group", "url", "table"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, required=True)
    given = parser.parse_args()
    consumer = Consumer({
        "bootstrap.servers": given.bootstrap, "group.id": given.group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "fetch.queue.backoff.ms": 10,
    })
    consumer.subscribe([given.topic])
    batches = Counted(consumer, given.count)
    {"insert": insert, "upsert": upsert, "read": read}[given.way](batches, consumer, given.url, given.table)
    consumer.close()
    print(json.dumps({"records": batches.count, "first_s": batches.first_s, "last_s": batches.last_s}))


if __name__ == "__main__":
    main()
