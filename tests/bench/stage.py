"""Hold what all measurements stand on: Apache Kafka, PostgreSQL and a tracing backend, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from tests.bench.orders import DDL, HALF
from tests.servers.kafka import Kafka
from tests.servers.ports import free_ports
from tests.servers.postgres import PostgresServer

ROOT: Final = Path(__file__).parents[2]
NULL_SINK: Final = ROOT / "tests" / "bench" / "null_sink"
POSTGRES: Final = {"max_wal_size": "8GB", "shared_buffers": "512MB", "track_commit_timestamp": "on"}
CONNECTRT: Final = (sys.executable, "-m", "connectrt.cli")


@dataclass
class Stage:
    """The servers of one measurement and a folder for its files."""

    kafka: Kafka
    postgres: PostgresServer
    url: str
    connection: psycopg.Connection  #: for watching; in autocommit
    folder: Path
    rest: str  #: where every worker listens, one at a time

    def fresh_table(self, name: str, half_of: int = 0) -> None:
        """Create an empty table, or one that holds every second order of `half_of` already; write a checkpoint."""
        self.connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
        self.connection.execute(DDL.format(table=name).encode())
        if half_of:
            self.connection.execute(HALF.format(table=name, count=half_of).encode())
            self.connection.execute(f"VACUUM ANALYZE {name}".encode())
        self.connection.execute("CHECKPOINT")

    def table_file(self, name: str) -> Path:
        """Where the table's rows are: to watch it grow without asking the server."""
        return self.postgres.folder / "data" / str(self._one("SELECT pg_relation_filepath(%s::regclass)", name))

    def rows(self, name: str) -> int:
        """Rows that were written by a run: those of `HALF` have another customer."""
        return int(self._one(f"SELECT count(*) FROM {name} WHERE customer <> 'before'"))

    def commits(self) -> int:
        """Transactions committed in the database since it was created."""
        self.connection.execute("SELECT pg_stat_clear_snapshot()")
        return int(self._one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))

    @contextlib.contextmanager
    def worker(self, config: Path, env: Mapping[str, str]) -> Iterator[psutil.Process]:
        """`connectrt start` from the moment all tasks of `bench` are RUNNING."""
        log = self.folder / "worker.log"
        with log.open("w") as out:
            command = [*CONNECTRT, "start", str(config)]
            process = subprocess.Popen(command, cwd=self.folder, env=environment(env), stdout=out, stderr=out)
        with process:
            try:
                self._wait_running(process, log)
                yield psutil.Process(process.pid)
            finally:
                process.terminate()

    def _wait_running(self, process: subprocess.Popen[bytes], log: Path) -> None:
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                with urllib.request.urlopen(f"{self.rest}/connectors/bench/status", timeout=5) as answer:
                    tasks = json.load(answer)["tasks"]
                if tasks and all(task["state"] == "RUNNING" for task in tasks):
                    return
            assert process.poll() is None, log.read_text()[-4000:]
            time.sleep(0.005)

    def wait_rows(self, name: str, count: int) -> None:
        """Return once the table has this many rows; gives up after 30 s."""
        deadline = time.monotonic() + 30
        while self.rows(name) < count:
            assert time.monotonic() < deadline, f"{self.rows(name)} of {count} rows arrived"
            time.sleep(0.05)

    def _one(self, query: str, *values: object) -> Any:
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row
        return row[0]

    def config(self, connector: Mapping[str, object], worker: Mapping[str, object]) -> Path:
        """Write a config of one connector, `bench`, and return its path."""
        file = self.folder / "bench.json"
        own = {
            "bootstrap.servers": self.kafka.bootstrap,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "listeners": self.rest,
        }
        file.write_text(json.dumps({"worker": {**own, **worker}, "connectors": {"bench": dict(connector)}}, indent=2))
        return file

    def sink(self, topic: str, table: str, **changes: str) -> dict[str, object]:
        """The SQL sink as every measurement runs it; `changes` with underscores for dots."""
        return {
            "connector.class": "JdbcSinkConnector", "tasks.max": "1", "topics": topic, "connection.url": self.url,
            "table.name.format": table, "batch.size": "5000", "insert.mode": "insert", "pk.mode": "none",
            "consumer.override.auto.offset.reset": "earliest",
            **{key.replace("_", "."): value for key, value in changes.items()},
        }


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Variables of a process under measurement: it finds the benchmarks and the sink that does nothing."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{NULL_SINK}", **extra}


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """Start the servers; they are gone afterwards."""
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="connectrt-bench-")))
        kafka = running.enter_context(contextlib.closing(Kafka(heap_mb=512)))
        postgres = running.enter_context(contextlib.closing(PostgresServer(POSTGRES)))
        kafka.start()
        postgres.start()
        url = postgres.create_database("bench")
        connection = running.enter_context(psycopg.connect(url, autocommit=True))
        yield Stage(kafka, postgres, url, connection, folder, f"http://127.0.0.1:{free_ports(1)[0]}")


@contextlib.contextmanager
def tracing_backend() -> Iterator[str]:
    """An OTLP receiver in a process of its own; yields its address, where GET tells what came."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.otlp", str(port)], cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


def counts(endpoint: str) -> dict[str, int]:
    """Return how many spans and links a tracing backend got."""
    with urllib.request.urlopen(endpoint, timeout=120) as answer:
        return dict(json.load(answer))


def described() -> str:
    """The machine and the commit, for the head of a report."""
    commit = subprocess.check_output(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True).strip()
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    machine = f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"
    return f"{machine}, {platform.system()}, CPython {platform.python_version()}, commit {commit}"
