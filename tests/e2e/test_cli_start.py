"""`connectrt start` as a user runs it: drained, stopped, forced, refused, on a terminal and without one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.e2e.pipeline import UPSERT, count, new_topic, newest, orders, produce, rows, sink
from tests.servers.kafka import Kafka
from tests.servers.plugin import StartWorker
from tests.servers.ports import free_ports
from tests.servers.worker import COMMAND

pytestmark = pytest.mark.timeout(180)

LOG_LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING|ERROR) ")


def generated(bootstrap: str, database: str, topic: str, records: int, **source: str) -> dict[str, object]:
    """A source that makes records up, a topic, a sink, a table."""
    return {
        "worker": {"bootstrap.servers": bootstrap, "offset.flush.interval.ms": "200"},
        "connectors": {
            "made": {"connector.class": "DatagenConnector", "topic": topic, "quickstart": "orders",
                     "iterations": str(records), "trace.roots": "true", "topic.creation.default.partitions": "4",
                     "topic.creation.default.replication.factor": "1",
                     **{key.replace("_", "."): value for key, value in source.items()}},
            "pg": {"connector.class": "SqlSinkConnector", "topics": topic, "connection.url": database,
                   "auto.create": "true"}}}


def test_a_drained_run_ends_with_every_record_in_the_table(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka)
    worker = connectrt_process(generated(kafka.bootstrap, database, topic, 5_000), "--drain")
    assert worker.wait(40) == 0
    assert count(database, topic) == 5_000
    assert f"at_destination.{topic}=5000" in worker.stderr


def test_a_second_drained_run_makes_nothing_twice(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    """What cron does: the source's offsets are in a file beside the config."""
    topic = new_topic(kafka)
    config = generated(kafka.bootstrap, database, topic, 1_000)
    assert connectrt_process(config, "--drain").wait(100) == 0
    assert connectrt_process(config, "--drain").wait(100) == 0
    assert count(database, topic) == 1_000


def test_dev_starts_what_is_missing_and_leaves_nothing_behind(connectrt_process: StartWorker) -> None:
    broker, database = free_ports(2)
    worker = connectrt_process(generated(
        f"localhost:{broker}", f"postgresql://someone:secret@localhost:{database}/shop", "orders", 2_000),
        "--dev", "--drain")
    assert worker.wait(50) == 0
    assert "at_destination.orders=2000" in worker.stderr
    assert f"broker on localhost:{broker}" in worker.stderr
    assert f"PostgreSQL on localhost:{database}" in worker.stderr
    assert "secret" not in worker.stderr + worker.stdout


def test_without_a_terminal_there_are_log_lines_only(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    worker = connectrt_process(generated(kafka.bootstrap, database, new_topic(kafka), 100), "--drain")
    assert worker.wait(40) == 0
    assert worker.stdout == ""
    assert all(LOG_LINE.match(line) for line in worker.stderr.splitlines())
    assert "all tasks are running tasks=2" in worker.stderr


def test_sigterm_stops_with_everything_taken_committed_and_nothing_lost_or_twice(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic, records = new_topic(kafka), orders(60_000, seed=1)
    produce(kafka.bootstrap, topic, records)
    config = sink(kafka, database, topic)
    worker = connectrt_process(config)
    worker.wait_for_state("pg")
    worker.wait_for_line("table created")
    assert worker.stop() == 0
    assert connectrt_process(config, "--drain").wait(100) == 0
    assert rows(database, topic) == newest(records)
    assert count(database, topic) == len(records)


@pytest.mark.parametrize(("first", "second", "code"), [
    (signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGINT, signal.SIGINT, 130), (signal.SIGINT, signal.SIGTERM, 143)])
def test_a_second_signal_ends_at_once_though_a_put_is_stuck(
        first: signal.Signals, second: signal.Signals, code: int, kafka: Kafka, database: str,
        connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, orders(10, seed=2))
    config = sink(kafka, database, topic, **UPSERT)
    assert connectrt_process(config, "--drain").wait(100) == 0
    with psycopg.connect(database) as held:
        held.execute(f'LOCK TABLE "{topic}"')
        worker = connectrt_process(config, "--set", "task.shutdown.graceful.timeout.ms=60000")
        worker.wait_for_state("pg")
        produce(kafka.bootstrap, topic, orders(10, seed=3))
        held.execute("SELECT pg_sleep(1)")
        worker.send_signal(first)
        worker.wait_for_line("stopping")
        worker.send_signal(second)
        assert worker.wait(5) == code


def test_a_task_that_fails_fails_the_drained_run_and_is_named(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [b"<order/>"])
    worker = connectrt_process(sink(kafka, database, topic), "--drain")
    assert worker.wait(40) == 3
    assert "connectrt: pg-0 failed: " in worker.stderr
    assert f"{topic}-0@0" in worker.stderr


@pytest.mark.parametrize(("change", "said"), [
    ({"connector.class": "SqlSinkConector"}, "did you mean SqlSinkConnector"),
    ({"tasks.max": "several"}, "Not a number of type INT"),
])
def test_a_config_that_is_wrong_starts_nothing_and_says_where(
        change: Mapping[str, str], said: str, connectrt_process: StartWorker) -> None:
    connector = {"connector.class": "SqlSinkConnector", "topics": "t", "connection.url": "postgresql://localhost/x"}
    worker = connectrt_process({"connectors": {"pg": {**connector, **change}}})
    assert worker.wait(20) == 1
    assert "config.json:1: pg: " in worker.stderr
    assert said in worker.stderr
    assert "Traceback" not in worker.stderr


def test_a_port_of_rest_that_is_taken_is_told_before_anything_runs(
        connectrt_process: StartWorker) -> None:
    config = {"name": "made", "connector.class": "DatagenConnector", "topic": "t", "fields": "a:now"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        worker = connectrt_process(config, env={"CONNECT_LISTENERS": url})
        assert worker.wait(20) == 2
    assert f"connectrt: REST cannot listen on {url}" in worker.stderr


@contextmanager
def on_a_terminal(columns: int, folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the command on a terminal of this width; yields the process and the terminal's other end."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "CONNECT_LISTENERS": "http://127.0.0.1:0"}
    process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, env=env,
                               stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, text: str) -> str:
    """Return what was written until `text` came, or the end, without colours and movements."""
    seen = b""
    while text.encode() not in seen:
        try:
            seen += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    return re.sub(r"\r+(?!\n)", "\n", plain).replace("\r", "")


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_a_table_lives_a_trace_is_drawn_and_ctrl_c_sums_up(
        columns: int, kafka: Kafka, database: str, tmp_path: Path) -> None:
    topic = new_topic(kafka)
    file = tmp_path / "run.json"
    file.write_text(json.dumps(generated(kafka.bootstrap, database, topic, -1, rate="500")))
    with on_a_terminal(columns, tmp_path, "start", str(file)) as (process, terminal):
        live = read_until(terminal, "commit ")
        assert "RECORDS OUT" in live
        assert "one record's way" in live
        tree = live[live.index("one record's way"):]
        assert "create " in tree  # a send may still wait for its acknowledgement when the tree is drawn
        assert re.search(r"↪ process ", tree)
        assert "COPY " in tree
        process.send_signal(signal.SIGINT)
        end = read_until(terminal, "never written")
        assert process.wait(20) == 0
    assert "stopped after" in end
    written = count(database, topic)
    assert re.search(rf"made +{written:,} +{written:,} ", end), "every record that was made is in the table"
    assert re.search(rf"pg +{written:,} +{written:,} .* {topic} {written:,}", end)
    assert max(len(line) for line in (live + end).splitlines()) <= columns
