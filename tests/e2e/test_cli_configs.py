"""The files in configs/ do what their comments say."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.pipeline import count, values
from tests.servers.kafka import Kafka
from tests.servers.plugin import StartWorker
from tests.servers.ports import free_ports

pytestmark = pytest.mark.timeout(60)

CONFIGS = Path(__file__).parents[2] / "configs"


def test_the_quickstart_runs_on_a_bare_machine(connectrt_process: StartWorker) -> None:
    broker, database = free_ports(2)
    worker = connectrt_process(
        CONFIGS / "quickstart.yaml", "--dev", "--drain", "--set", f"bootstrap.servers=localhost:{broker}",
        "--set", f"connectors.orders-to-postgres.connection.url=postgresql://localhost:{database}/connectrt",
        "--set", "connectors.orders.iterations=1500")
    assert worker.wait(50) == 0
    assert "connector=orders-to-postgres records_in=1500 records_out=1500 errors=0" in worker.stderr
    assert "at_destination.orders=1500" in worker.stderr


def test_the_plain_sink_writes_a_topic_into_a_table_and_bad_records_elsewhere(
        kafka: Kafka, database: str, connectrt_process: StartWorker, tmp_path: Path) -> None:
    url = urlsplit(database)
    made = {"worker": {"bootstrap.servers": kafka.bootstrap}, "connectors": {"made": {
        "connector.class": "DatagenConnector", "topic": "orders", "quickstart": "orders", "iterations": "1000",
        "error.ratio": "0.1", "random.seed": "1", "topic.creation.default.partitions": "2",
        "topic.creation.default.replication.factor": "1"}}}
    assert connectrt_process(made, "--drain").wait(40) == 0
    sink = connectrt_process(
        CONFIGS / "pg-sink.yaml", "--drain", "--set", f"bootstrap.servers={kafka.bootstrap}",
        "--set", f"offset.storage.file.filename={tmp_path / 'offsets'}",
        "--set", f"connectors.pg-sink.connection.url={database}",
        "--set", f"connectors.pg-sink.connection.user={url.username}", env={"PGPASSWORD": url.password or "none"})
    assert sink.wait(40) == 0
    bad = 1000 - count(database, "orders")
    assert 50 < bad < 150
    assert values(kafka.bootstrap, "orders.dead", {b'"poison"'}) == {b'"poison"'}
