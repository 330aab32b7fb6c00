"""How much CPU does the SQL sink's `put` cost per record, beyond psycopg's `copy.write_row`? One thread, no Kafka.

Both write the same decoded orders to the same kind of table, 500 at a time, committed every 5,000; only this process's
CPU is counted, the server's is not. Run: python -m tests.bench.sql_sink_put [postgresql://...]
"""

from __future__ import annotations

import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from operator import itemgetter
from typing import Final

import msgspec
import psycopg
from connectrt_sql.config import CONFIG
from connectrt_sql.sink import SqlSinkTask

from connectrt.data.record import SinkRecord
from connectrt.data.schema import Schema, Type
from connectrt.tracing.off import OffTaskTracing
from tests.bench.orders import COLUMNS, DDL, HALF, TYPES, orders
from tests.servers.postgres import PostgresServer

RECORDS: Final = 100_000
RUNS: Final = 5
PUT: Final = 500
COMMIT: Final = 5000
_TYPES: Final = {"int8": Type.INT64, "int4": Type.INT32, "text": Type.STRING, "float8": Type.FLOAT64}
SCHEMA: Final = Schema.struct({name: Schema(_TYPES[type_]) for name, type_ in zip(COLUMNS, TYPES, strict=True)})


class Context:
    """What the sink needs of the runtime."""

    connector, task = "bench", 0
    tracing = OffTaskTracing()
    errant_record_reporter = None

    def wait(self, delay_s: float) -> bool:
        raise AssertionError("nothing goes wrong here")


def write_row(url: str, values: Sequence[dict[str, object]]) -> float:
    """The raw loop of the benchmarks: itemgetter and write_row into an open COPY. Returns CPU seconds."""
    get, sql = itemgetter(*COLUMNS), f"COPY bench ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)".encode()
    with psycopg.connect(url) as connection:
        began = time.process_time()
        for start in range(0, len(values), COMMIT):
            with connection.cursor().copy(sql) as copy:
                copy.set_types(TYPES)
                write = copy.write_row
                for value in values[start:start + COMMIT]:
                    write(get(value))
            connection.commit()
        return time.process_time() - began


def put(url: str, values: Sequence[dict[str, object]], schema: Schema | None = None,
        config: Mapping[str, str] | None = None) -> float:
    """The same through the sink. Returns CPU seconds, without those for making the records."""
    records = [SinkRecord("bench", 0, None, None, schema, value, 0, offset,
                          original_topic="bench", original_partition=0)
               for offset, value in enumerate(values)]
    task = SqlSinkTask()
    task.initialize(Context())  # type: ignore[arg-type]  # pause and the like are never called
    task.start(CONFIG.parse({"connection.url": url, "batch.size": str(COMMIT), **(config or {})}))
    began = time.process_time()
    for start in range(0, len(records), PUT):
        task.put(records[start:start + PUT])
    task.put([])
    spent_s = time.process_time() - began
    task.stop()
    return spent_s


UPSERT: Final = {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id"}
Case = Callable[[str, Sequence[dict[str, object]]], float]
CASES: Final[dict[str, Case]] = {
    "bare write_row": write_row,
    "put, maps without schema": put,
    "put, structs": lambda url, values: put(url, values, SCHEMA),
    "put, upsert, half of the keys are there": lambda url, values: put(url, values, config=UPSERT),
}


def run(url: str, name: str, values: Sequence[dict[str, object]]) -> float:
    """CPU of this process in us per record."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b"DROP TABLE IF EXISTS bench")
        connection.execute(DDL.format(table="bench").encode())
        if "upsert" in name:
            connection.execute(HALF.format(table="bench", count=RECORDS).encode())
        gc.collect()
        spent_s = CASES[name](url, values)
        counted = connection.execute(b"SELECT count(*) FROM bench").fetchone()
        assert counted == (RECORDS,), counted
    return spent_s / RECORDS * 1e6


def main() -> None:
    values = [msgspec.json.decode(value) for _, value, _ in orders(RECORDS)]
    with ExitStack() as stack:
        if len(sys.argv) > 1:
            url = sys.argv[1]
        else:
            server = stack.enter_context(closing(PostgresServer()))
            server.start()
            url = server.url
        results: dict[str, list[float]] = {name: [] for name in CASES}
        for _ in range(RUNS):
            for name, found in results.items():
                found.append(run(url, name, values))
    base = statistics.median(results["bare write_row"])
    print(f"us of CPU per record, {RECORDS} orders, {PUT} per put, commit every {COMMIT}, {RUNS} runs, "
          f"CPython {platform.python_version()}, psycopg {psycopg.__version__}")
    for name, found in results.items():
        median = statistics.median(found)
        print(f"  {name:42}{median:6.2f}  ({min(found):.2f}-{max(found):.2f})  beyond: {median - base:+.2f}  "
              f"ratio {median / base:.2f}")


if __name__ == "__main__":
    main()
