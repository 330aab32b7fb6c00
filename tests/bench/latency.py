"""Answer: how long from produce until the row is visible, at a steady rate?

Orders carry the time they were produced, PostgreSQL keeps the time of each commit; both come from this machine's clock.
The sink runs with the settings of the throughput runs. Usage: `python -m tests.bench.latency --rate 1000 --seconds 20`.
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import msgspec
from confluent_kafka import Producer

from tests.bench.orders import PARTITIONS, orders
from tests.bench.run import MODES
from tests.bench.stage import Stage, described, stage, tracing_backend

TABLE: Final = "latency"


def produce(bootstrap: str, topic: str, rate: int, count: int, start: int) -> None:
    """Produce `rate` orders a second, one by one; created_at is the moment of the call in µs since the epoch."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
    started = time.perf_counter()
    for number, (key, value, headers) in enumerate(orders(count, start)):
        time.sleep(max(0.0, started + number / rate - time.perf_counter()))
        order = msgspec.json.decode(value) | {"created_at": time.time_ns() // 1000}
        producer.produce(topic, msgspec.json.encode(order), key, partition=number % PARTITIONS, headers=headers)
        producer.poll(0)
    assert producer.flush(10) == 0


def latencies_ms(on: Stage, start: int) -> Sequence[float]:
    """Commit time less produce time of every row from id `start` on, sorted."""
    query = (
        "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 - created_at / 1000.0 "
        f"FROM {TABLE} WHERE id >= %s ORDER BY 1"
    )
    return [float(row[0]) for row in on.connection.execute(query.encode(), [start])]


def run(on: Stage, mode: str, rate: int, seconds: int, env: dict[str, str]) -> Sequence[float]:
    topic = f"latency-{uuid.uuid4().hex[:8]}"
    on.kafka.create_topic(topic, PARTITIONS)
    on.fresh_table(TABLE)
    config = on.config(on.sink(topic, TABLE) | {"consumer.override.group.id": topic}, {"tracing.mode": mode})
    with on.worker(config, env):
        # The first orders wait until the group has formed; they are no part of the measurement.
        produce(on.kafka.bootstrap, topic, rate, count=rate, start=0)
        on.wait_rows(TABLE, rate)
        produce(on.kafka.bootstrap, topic, rate, count=rate * seconds, start=rate)
        on.wait_rows(TABLE, rate * (seconds + 1))
    return latencies_ms(on, start=rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with ExitStack() as running:
        on = running.enter_context(stage())
        print(f"{given.rate} orders a second for {given.seconds} s. {described()}\n")
        print("| | run | p50 ms | p90 ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
        for number in range(1, given.runs + 1):
            for mode in MODES:
                with tracing_backend() as endpoint:
                    env = {} if mode == "off" else {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
                    found = run(on, mode, given.rate, given.seconds, env)
                shown = " | ".join(f"{found[min(int(len(found) * share), len(found) - 1)]:.1f}"
                                   for share in (0.5, 0.9, 0.99, 1.0))
                print(f"| `{mode}` | {number} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
