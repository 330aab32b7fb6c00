"""What comes from outside is never trusted, and what is wrong is said with its place and its cure."""

from __future__ import annotations

import random

import psycopg
import pytest

from tests.e2e.pipeline import Headers, Order, count, new_topic, newest, orders, produce, rows, sink, values
from tests.servers.kafka import Kafka
from tests.servers.plugin import StartWorker
from tests.servers.worker import Worker

pytestmark = pytest.mark.timeout(60)


def failure(worker: Worker) -> str:
    """Wait for the task to fail and return what status says about it."""
    worker.wait_for_state("pg", "FAILED")
    trace: str = worker.get("/connectors/pg/status")["tasks"][0]["trace"]
    return trace.splitlines()[0]


def test_bytes_that_are_not_json_are_named_with_their_place_and_the_cure(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [Order(1, 1, "fine"), b"<order/>"])
    said = failure(connectrt_process(sink(kafka, database, topic)))
    assert f"{topic}-0@1" in said
    assert "value.converter" in said
    assert "errors.tolerance=all" in said


def test_plain_json_under_schemas_enable_names_the_line_to_change(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [Order(1, 1, "plain")])
    said = failure(connectrt_process(sink(
        kafka, database, topic, value_converter="JsonConverter", value_converter_schemas_enable="true")))
    assert f"{topic}-0@0" in said
    assert "schemas.enable=false" in said


def test_an_envelope_without_schemas_enable_names_the_two_lines_to_change(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [b'{"schema":{"type":"int32","optional":false},"payload":1}'])
    said = failure(connectrt_process(sink(kafka, database, topic)))
    assert f"{topic}-0@0" in said
    assert "value.converter.schemas.enable" in said
    assert "true" in said


def hostile_headers() -> list[Headers]:
    rng = random.Random(1)
    return [
        [("traceparent", b"\xff\xfe")],
        [("traceparent", None)],
        [("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")],
        [("traceparent", rng.randbytes(65_536))],
        [("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")] * 50,
        [("baggage", b"k=" + b"v" * 65_536)],
        [("", b""), ("na\u00efve", "\u2603".encode()), ("tracestate", rng.randbytes(2000))],
        *([(f"h{number}", rng.randbytes(rng.randrange(200))) for number in range(rng.randrange(30))]
          for _ in range(50)),
    ]


def test_hostile_headers_never_fail_a_record(kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    for number, headers in enumerate(hostile_headers()):
        produce(kafka.bootstrap, topic, [Order(number, number, "x")], headers)
    assert connectrt_process(sink(kafka, database, topic), "--drain").wait() == 0
    assert count(database, topic) == len(hostile_headers())


def test_a_value_of_ten_megabytes_is_written(kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    big = Order(1, 1, "x" * 10_000_000)
    produce(kafka.bootstrap, topic, [big, Order(2, 2, "small")])
    assert connectrt_process(sink(kafka, database, topic), "--drain").wait(30) == 0
    assert rows(database, topic) == newest([big, Order(2, 2, "small")])


def test_poison_goes_to_the_dead_letter_queue_and_all_the_rest_into_the_table(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    """Not JSON, a NUL, a number out of range, a tombstone: each leaves alone, with its reason."""
    topic = new_topic(kafka, 1)
    good = orders(3000, seed=2)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f'CREATE TABLE "{topic}" (id bigint, version int, note text)')
    poison: list[bytes | None] = [b"{", b'{"id":1,"version":1,"note":"a\\u0000b"}', None,
                                  b'{"id":1,"version":3000000000,"note":""}',
                                  b'{"id":"one","version":1,"note":""}']
    mixed: list[Order | bytes | None] = list(good)
    for number, bad in enumerate(poison):
        mixed.insert(500 * (number + 1), bad)
    produce(kafka.bootstrap, topic, mixed)
    config = sink(kafka, database, topic, errors_tolerance="all", errors_deadletterqueue_topic_name=f"{topic}.dead",
                  errors_deadletterqueue_topic_replication_factor="1",
                  errors_deadletterqueue_context_headers_enable="true")
    assert connectrt_process(config, "--drain").wait(30) == 0
    assert rows(database, topic) == newest(good)
    assert count(database, topic) == len(good)
    # A record that fails is delivered again with those around it, so a dead letter may be written twice.
    assert values(kafka.bootstrap, f"{topic}.dead", set(poison)) == set(poison)


def test_an_absent_topic_is_said_and_waited_for(kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    worker = connectrt_process(sink(kafka, database, "no_such_topic_yet"))
    assert "create it" in worker.wait_for_line("no_such_topic_yet.*does not exist|[Uu]nknown topic")
    assert worker.stop() == 0


def test_an_unreachable_broker_fails_the_task_with_the_cure(database: str, connectrt_process: StartWorker) -> None:
    class Nowhere:
        bootstrap = "127.0.0.1:1"

    config = sink(Nowhere(), database, "orders")  # type: ignore[arg-type]
    config["worker"]["task.connect.timeout.ms"] = "2000"  # type: ignore[index]
    said = failure(connectrt_process(config))
    assert "127.0.0.1:1" in said
    assert "bootstrap.servers" in said


def test_an_unreachable_database_is_retried_and_then_fails_with_the_cure(
        kafka: Kafka, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [Order(1, 1, "x")])
    said = failure(connectrt_process(sink(
        kafka, "postgresql://nobody@127.0.0.1:1/none", topic, connection_retry_timeout_ms="1500",
        connection_attempts="1", retry_backoff_ms="200")))
    assert "127.0.0.1:1" in said or "127.0.0.1, port 1" in said
    assert "connection.url" in said


def test_a_wrong_password_never_shows_in_what_is_said(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka, 1)
    produce(kafka.bootstrap, topic, [Order(1, 1, "x")])
    worker = connectrt_process(sink(kafka, database, topic, connection_user="no_such_user",
                                    connection_password="hunter2-secret"))
    said = failure(worker)
    assert "connection.user" in said
    shown = worker.stderr + worker.stdout + str(worker.get("/connectors/pg/status"))
    assert "hunter2-secret" not in shown
