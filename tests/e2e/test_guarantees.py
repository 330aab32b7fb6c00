"""Nothing is lost, whatever is killed: worker, broker, database. Counted and compared at the destination."""

from __future__ import annotations

import random
import threading
import time

import pytest

from tests.e2e.pipeline import UPSERT, Order, count, new_topic, newest, orders, produce, rows, sink
from tests.servers.kafka import Kafka
from tests.servers.plugin import StartWorker
from tests.servers.postgres import PostgresServer

KILLS = 20


@pytest.mark.timeout(240)
def test_killing_the_worker_twenty_times_loses_no_record(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    """kill -9 at random moments while records arrive; at the end the table holds the last change of every id."""
    topic = new_topic(kafka)
    records = orders(60_000, seed=7, ids=20_000)
    config = sink(kafka, database, topic, **UPSERT, batch_size="500")
    rng = random.Random(11)
    chunk = len(records) // KILLS
    for number in range(KILLS):
        worker = connectrt_process(config)
        produce(kafka.bootstrap, topic, records[number * chunk:(number + 1) * chunk])
        worker.wait_for_state("pg")
        time.sleep(rng.uniform(0.0, 0.6))
        worker.kill()
    assert connectrt_process(config, "--drain").wait(60) == 0
    assert rows(database, topic) == newest(records)


@pytest.mark.timeout(120)
def test_a_database_killed_while_rows_stream_in_loses_no_record(
        kafka: Kafka, own_postgres: PostgresServer, connectrt_process: StartWorker) -> None:
    """Inserts keyed by their place in Kafka: a COPY whose commit was in doubt is written again without doubles."""
    database = own_postgres.create_database("orders")
    topic = new_topic(kafka)
    records = orders(150_000, seed=3)
    worker = connectrt_process(sink(kafka, database, topic, insert_mode="insert", pk_mode="kafka",
                                    insert_on_duplicate="ignore", retry_backoff_ms="100", max_retries="1000"))
    worker.wait_for_state("pg")
    feeding = threading.Thread(target=produce, args=(kafka.bootstrap, topic, records))
    feeding.start()
    for _ in range(3):
        time.sleep(0.5)
        own_postgres.kill()
        time.sleep(0.3)
        own_postgres.start()
    feeding.join()
    assert worker.stop() == 0
    assert connectrt_process(sink(kafka, database, topic, insert_mode="insert", pk_mode="kafka",
                                  insert_on_duplicate="ignore"), "--drain").wait(60) == 0
    assert rows(database, topic) == newest(records)
    assert count(database, topic) == len(records)
    assert "FAILED" not in worker.stderr


@pytest.mark.timeout(120)
def test_a_broker_killed_and_restarted_is_waited_for_by_source_and_sink(
        own_kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(own_kafka, 2)
    config = sink(own_kafka, database, topic, **UPSERT)
    # A broker that was killed may have lost a static member's last change of identity, and then fences it for good.
    del config["connectors"]["pg"]["consumer.override.group.instance.id"]  # type: ignore[index]
    config["connectors"]["made"] = {  # type: ignore[index]
        "connector.class": "DatagenConnector", "kafka.topic": topic, "rate": "4000", "iterations": "30000",
        "fields": "id:sequence, version:int(1,9), note:words(2)"}
    worker = connectrt_process(config, "--drain")
    worker.wait_for_state("pg")
    for _ in range(2):
        time.sleep(1.0)
        own_kafka.kill()
        time.sleep(0.5)
        own_kafka.start()
    assert worker.wait(90) == 0, worker.stderr
    assert count(database, topic) == 30_000


@pytest.mark.timeout(90)
def test_two_workers_of_one_group_share_the_work_and_one_may_die(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    topic = new_topic(kafka)
    records = orders(80_000, seed=5, ids=30_000)
    shared = sink(kafka, database, topic, **UPSERT)
    del shared["connectors"]["pg"]["consumer.override.group.instance.id"]  # type: ignore[index]
    first, second = connectrt_process(shared), connectrt_process(shared)
    first.wait_for_state("pg")
    second.wait_for_state("pg")
    produce(kafka.bootstrap, topic, records[:40_000])
    second.kill()
    produce(kafka.bootstrap, topic, records[40_000:])
    deadline = time.monotonic() + 40
    while rows(database, topic) != newest(records) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert rows(database, topic) == newest(records)
    assert first.stop() == 0


@pytest.mark.timeout(60)
def test_sigterm_in_the_middle_of_the_work_commits_what_was_written(
        kafka: Kafka, database: str, connectrt_process: StartWorker) -> None:
    """Insert mode without keys: a record put twice would stand in the table twice."""
    topic = new_topic(kafka)
    records = orders(200_000, seed=9)
    produce(kafka.bootstrap, topic, records)
    config = sink(kafka, database, topic, insert_mode="insert")
    for _ in range(3):
        worker = connectrt_process(config)
        worker.wait_for_state("pg")
        time.sleep(0.2)
        assert worker.stop() == 0
    assert connectrt_process(config, "--drain").wait(30) == 0
    assert count(database, topic) == len(records)
    assert rows(database, topic) == newest(records)


def test_an_order_is_the_same_as_json_and_as_row() -> None:
    assert Order(1, 2, "x").to_json() == b'{"id":1,"version":2,"note":"x"}'
