"""Answer: how soon is a worker ready, and how much memory does it hold when it has nothing to do?

Servers are up. From starting the process until REST says that the connector and its one task are RUNNING; then the
resident memory after some idle seconds. Usage: `python -m tests.bench.resources --runs 5`.
"""

from __future__ import annotations

import argparse
import statistics
import time
import uuid
from contextlib import ExitStack
from typing import NamedTuple

from tests.bench.measure import MIB
from tests.bench.orders import PARTITIONS
from tests.bench.stage import Stage, described, stage

TABLE = "resources"


class Idle(NamedTuple):
    ready_s: float
    rss_mib: float
    threads: int
    cpu_percent: float  #: of one core, while idle


def run(on: Stage, idle_s: float) -> Idle:
    topic = f"resources-{uuid.uuid4().hex[:8]}"
    on.kafka.create_topic(topic, PARTITIONS)
    on.fresh_table(TABLE)
    config = on.config(on.sink(topic, TABLE) | {"consumer.override.group.id": topic}, {})
    started = time.perf_counter()
    with on.worker(config, {}) as process:
        ready_s = time.perf_counter() - started
        process.cpu_percent()
        time.sleep(idle_s)
        return Idle(ready_s, process.memory_info().rss / MIB, process.num_threads(), process.cpu_percent())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--idle", type=float, default=10, help="seconds")
    given = parser.parse_args()
    with ExitStack() as running:
        on = running.enter_context(stage())
        print(f"{given.runs} runs. {described()}\n")
        results = [run(on, given.idle) for _ in range(given.runs)]
    print("| | median | min | max |\n|---|---|---|---|")
    names = "start to RUNNING, s", "RSS idle, MiB", "threads", "CPU idle, % of a core"
    for name, values in zip(names, zip(*results, strict=True), strict=True):
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |")


if __name__ == "__main__":
    main()
