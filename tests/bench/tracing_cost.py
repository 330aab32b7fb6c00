"""How much CPU does tracing cost per record? Sink side, batch+links against off, export over OTLP/HTTP included.

Every record has a sampled context of its own and two more headers. Records are Kafka client messages built in memory,
so what the client spends on parsing headers off the wire, when tracing is the first to ask for them, is in no column
(it is measured by itself on the last line, with the client's mock broker). The collector is another process and its CPU
is not counted. For scale: the same 128 links as ordinary ones of the SDK. Limits are for a core that does
`total += number` in 25 ns and are scaled to the one at hand. Run: python -m tests.bench.tracing_cost
"""

from __future__ import annotations

import gc
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, Producer
from confluent_kafka import Message as KafkaMessage
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from connectrt.tracing.batch_links import read_w3c
from connectrt.tracing.context import ids
from connectrt.tracing.provider import Tracing, off
from connectrt.tracing.selection import select
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer

RECORDS = 200_000
RUNS = 5
SEED = 4
QUIET_LOOP_NS = 25
COLLECTOR = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Case(NamedTuple):
    name: str
    batch: int
    links_max: int
    limit_us: float | None = None


CASES = [
    Case("128 links", 5000, 128, 0.5),
    Case("128 links", 500, 128, 1.5),
    Case("128 links", 50, 128),
    Case("a link for every record", 5000, 5000),
    Case("a link for every record", 500, 5000),
]


def headers(rng: random.Random) -> list[tuple[str, str | bytes | None]]:
    return [("traceparent", b"00-%032x-%016x-03" % (rng.getrandbits(128), rng.getrandbits(64))),
            ("baggage", b"tenant=a"), ("source", b"bench")]


def batches(seed: int, size: int) -> Iterator[Any]:
    """Make records of one topic with four partitions and 150 bytes of value, a batch at a time, as a consumer does."""
    rng = random.Random(seed)
    value = bytes(150)
    for first in range(0, RECORDS, size):
        yield [KafkaMessage(topic="orders", partition=offset % 4, offset=1_000_000 + offset, value=value,
                            headers=headers(rng)) for offset in range(first, first + size)]


def put_all(tracer: SinkTracer, seed: int, size: int) -> float:
    """Return the CPU time of this thread's tracing calls, in seconds; making the records is not in it."""
    spent = 0.0
    for records in batches(seed, size):
        start = time.thread_time()
        put = tracer.start_put(records, time.time_ns())
        with put.active():
            pass
        put.end()
        spent += time.thread_time() - start
    return spent


class Cost(NamedTuple):
    on_thread_us: float  #: per record, less what `off` costs
    exporting_us: float  #: per record, on all other threads
    lost: int


def cost(case: Case, seed: int) -> Cost:
    without = put_all(off().sink, seed, case.batch)
    tracing = Tracing.from_environment(os.environ)
    settings = TracingSettings(links_max=case.links_max)
    tracer = tracing.sink("orders", 0, settings, group="connect-orders", bootstrap="localhost:9092")
    gc.collect()
    here, everywhere = time.thread_time(), time.process_time()
    on_thread = put_all(tracer, seed, case.batch) - without
    tracing.shutdown(60)
    exporting = time.process_time() - everywhere - (time.thread_time() - here)
    return Cost(on_thread / RECORDS * 1e6, exporting / RECORDS * 1e6, tracing.spans_dropped())


def cost_of_ordinary_links_us(size: int, seed: int) -> float:
    """The same 128 links, made and encoded by the SDK."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("bench")
    spent = 0.0
    here, everywhere = time.thread_time(), time.process_time()
    for records in batches(seed, size):
        start = time.thread_time()
        selection = select(read_w3c(records), 128)
        links = []
        for raw, index in zip(selection.traceparents, selection.first, strict=True):
            trace_id, span_id, flags = ids(raw)
            links.append(Link(SpanContext(trace_id, span_id, True, TraceFlags(flags)), {
                "messaging.destination.partition.id": str(records[index].partition()),
                "messaging.kafka.offset": records[index].offset()}))
        tracer.start_span("process orders", kind=SpanKind.CONSUMER, links=links).end()
        spent += time.thread_time() - start
    provider.shutdown()
    return (spent + time.process_time() - everywhere - (time.thread_time() - here)) / RECORDS * 1e6


def cost_of_parsing_headers_us() -> float:
    """What the client library takes for the first `headers()` of a record with these three."""
    count, rng = 20_000, random.Random(SEED)
    producer = Producer({"test.mock.num.brokers": "1", "bootstrap.servers": "mock:1", "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    consumer = Consumer({"bootstrap.servers": f"{broker.host}:{broker.port}", "group.id": "bench",
                         "auto.offset.reset": "earliest"})
    for _ in range(count):
        producer.produce("orders", bytes(150), headers=headers(rng))
        producer.poll(0)
    producer.flush(30)
    consumer.subscribe(["orders"])
    read, spent = 0, 0.0
    while read < count:
        records = consumer.consume(500, 1.0)
        start = time.thread_time()
        for record in records:
            record.headers()
        spent += time.thread_time() - start
        read += len(records)
    consumer.close()
    return spent / count * 1e6


def loop_ns() -> float:
    best = float("inf")
    for _ in range(20):
        total, start = 0, time.thread_time_ns()
        for number in range(100_000):
            total += number
        best = min(best, (time.thread_time_ns() - start) / 100_000)
    return best


def main() -> int:
    slower = loop_ns() / QUIET_LOOP_NS
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {slower:.1f} x as slow "
          f"as a quiet core; {RECORDS} records, {RUNS} runs; CPU us per record added: min / median / max")
    collector = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    missed = False
    try:
        assert collector.stdout is not None
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector.stdout.readline().strip()}"
        for case in CASES:
            runs = [cost(case, SEED + run) for run in range(RUNS)]
            added = [run.on_thread_us + run.exporting_us for run in runs]
            limit = "" if case.limit_us is None else f"; limit {case.limit_us} x {slower:.1f}"
            print(f"batches of {case.batch:4}, {case.name:23} {min(added):.2f} / {statistics.median(added):.2f} / "
                  f"{max(added):.2f}, of it exporting {statistics.median(run.exporting_us for run in runs):.2f}; "
                  f"spans lost: {sum(run.lost for run in runs)}{limit}", flush=True)
            missed |= case.limit_us is not None and statistics.median(added) > case.limit_us * slower
        for size in (5000, 500):
            print(f"batches of {size:4}, 128 links by the SDK    {cost_of_ordinary_links_us(size, SEED):.2f}")
    finally:
        collector.terminate()
        collector.wait()
    print(f"first headers() of a record off the wire {cost_of_parsing_headers_us():.2f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
