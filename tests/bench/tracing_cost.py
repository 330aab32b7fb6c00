"""How much CPU does tracing cost per record? Sink side, batch+links against off, export over OTLP/HTTP included.

Every record has a sampled context of its own and two more headers; records are real Kafka client messages, built in
memory, so what the client spends on parsing headers off the wire (0.4 us) is in neither column. The receiver is another
process and its CPU is not counted. Run: python tests/bench/tracing_cost.py
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
from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import Message

from connectrt.tracing.provider import Tracing, off
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer

RECORDS = 200_000
RUNS = 5
SEED = 4
RECEIVER = """
import http.server, sys
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
    settings: TracingSettings
    limit_us: float | None


CASES = [
    Case("128 links", 5000, TracingSettings(links_max=128), 0.5),
    Case("128 links", 500, TracingSettings(links_max=128), 1.5),
    Case("a link for every record", 5000, TracingSettings(), None),
    Case("a link for every record", 500, TracingSettings(), None),
    Case("128 links", 50, TracingSettings(links_max=128), None),
]


def messages(seed: int) -> list[Message]:
    """Build records of one topic with four partitions; 150 bytes of value."""
    rng = random.Random(seed)
    value = bytes(150)
    return [Message(topic="orders", partition=offset % 4, offset=1_000_000 + offset, value=value, headers=[
        ("traceparent", b"00-%032x-%016x-03" % (rng.getrandbits(128), rng.getrandbits(64))),
        ("baggage", b"tenant=a"), ("source", b"bench")]) for offset in range(RECORDS)]


def put_all(tracer: SinkTracer, records: Sequence[Message], batch: int) -> None:
    for at in range(0, len(records), batch):
        put = tracer.start_put(records[at:at + batch], time.time_ns())
        with put.active():
            pass
        put.end()


def cpu_us_per_record(case: Case, records: Sequence[Message]) -> tuple[float, float, int]:
    """Return us per record without and with tracing, and how many spans were lost."""
    gc.collect()
    start = time.process_time()
    put_all(off().sink, records, case.batch)
    without = time.process_time() - start
    tracing = Tracing.from_environment(os.environ)
    tracer = tracing.sink("orders", 0, case.settings, group="connect-orders", bootstrap="localhost:9092")
    gc.collect()
    start = time.process_time()
    put_all(tracer, records, case.batch)
    tracing.shutdown(60)
    with_tracing = time.process_time() - start
    return without / RECORDS * 1e6, with_tracing / RECORDS * 1e6, tracing.spans_dropped()


def main() -> int:
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{RECORDS} records, {RUNS} runs, CPU us per record: min / median / max")
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    missed = False
    try:
        assert receiver.stdout is not None
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{receiver.stdout.readline().strip()}"
        for case in CASES:
            added, lost = [], 0
            for run in range(RUNS):
                without, with_tracing, dropped = cpu_us_per_record(case, messages(SEED + run))
                added.append(with_tracing - without)
                lost += dropped
            limit = "" if case.limit_us is None else f"  limit {case.limit_us}"
            print(f"batches of {case.batch:4}, {case.name:24} +{min(added):.2f} / +{statistics.median(added):.2f} / "
                  f"+{max(added):.2f}{limit}  spans lost: {lost}", flush=True)
            missed |= case.limit_us is not None and statistics.median(added) > case.limit_us
    finally:
        receiver.terminate()
        receiver.wait()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
