"""The servers other tests rely on do what those tests take for granted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from connectrt.dev.postgres import literal
from tests.servers.kafka import Kafka
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.otlp import OtlpReceiver
from tests.servers.postgres import PostgresServer
from tests.servers.worker import Worker


def produce(bootstrap: str, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for number in range(count):
        producer.produce(topic, str(number).encode(), headers=[("n", str(number).encode())])
    assert producer.flush(10) == 0


def consume(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    settings = {"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
    consumer = Consumer({**settings, "log_level": 0})
    consumer.subscribe([topic])
    values: list[bytes | None] = []
    while len(values) < count:
        values += [message.value() for message in consumer.consume(count, 0.1)]
    consumer.close()
    return values


def test_kafka_gives_back_what_was_produced(kafka: Kafka) -> None:
    kafka.create_topic("given-back")
    produce(kafka.bootstrap, "given-back", 3)
    assert consume(kafka.bootstrap, "given-back", 3) == [b"0", b"1", b"2"]


@pytest.mark.timeout(60)
def test_a_killed_broker_comes_back_on_its_port_with_its_records(own_kafka: Kafka) -> None:
    own_kafka.create_topic("kept")
    produce(own_kafka.bootstrap, "kept", 3)
    own_kafka.kill()
    own_kafka.start()
    assert consume(own_kafka.bootstrap, "kept", 3) == [b"0", b"1", b"2"]


def test_each_test_gets_an_empty_database_of_its_own(database: str, postgres: PostgresServer) -> None:
    name = database.rsplit("/", 1)[1]
    assert postgres.sql("SELECT count(*) FROM pg_stat_user_tables", database=name) == "0\n"


def test_a_killed_postgresql_comes_back_on_its_port_with_what_was_committed(own_postgres: PostgresServer) -> None:
    own_postgres.sql("CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
    own_postgres.kill()
    own_postgres.start()
    assert own_postgres.sql("SELECT id FROM kept") == "7\n"


def test_a_role_with_a_password_must_give_it(own_postgres: PostgresServer) -> None:
    own_postgres.ensure_role("guarded", "it's secret")
    hosts = "-h", "localhost", "-p", str(own_postgres.port), "-U", "guarded", "-d", "postgres"
    psql = [str(own_postgres.programs / "psql"), "-X", "-w", *hosts, "-c", f"SELECT {literal('in')}"]
    env = {**os.environ, "PGPASSWORD": "wrong"}
    assert b"password authentication failed" in subprocess.run(psql, env=env, capture_output=True).stderr
    env["PGPASSWORD"] = "it's secret"
    done = subprocess.run(psql, env=env, capture_output=True)
    assert b"in" in done.stdout, done.stderr


def test_spans_sent_over_otlp_are_kept(otlp: OtlpReceiver) -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(name="poll orders", kind=5, trace_id=bytes(16))
    span.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
    span.attributes.add(key="n").value.int_value = 3
    post = urllib.request.Request(f"{otlp.endpoint}/v1/traces", request.SerializeToString(), method="POST")
    urllib.request.urlopen(post, timeout=5).close()
    received = otlp.wait_for(lambda spans: len(spans) == 1)[0]
    assert (received.name, received.kind, received.attributes) == ("poll orders", "CONSUMER", {"n": 3})
    assert received.links[0].span_id == "02" * 8


def test_a_missing_server_skips_a_test_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="install Maven"):
        skip_or_fail(ServerMissing("install Maven"))


def test_a_missing_server_fails_a_test_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install Maven"):
        skip_or_fail(ServerMissing("install Maven"))


def test_the_command_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    with contextlib.closing(Worker(tmp_path, "--help")) as command:
        assert command.wait() == 0
        assert command.stdout.startswith("Usage: connectrt")


OWNER = """
import sys, time
from tests.servers.postgres import PostgresServer
server = PostgresServer()
server.start()
print(server.pid, server.folder, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_server_and_folder_end_with_a_test_run_that_was_interrupted(number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )
    with owner:
        assert owner.stdout
        pid, folder = owner.stdout.readline().split()
        owner.send_signal(number)
    deadline = time.monotonic() + 8
    while Path(folder).exists() or Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
