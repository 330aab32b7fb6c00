from __future__ import annotations

import re
from concurrent.futures import Future

import pytest

from connectrt.herder.herder import Health
from connectrt.worker.messages import State
from tests.unit.herder.scripted import create, scripts, wait_for
from tests.unit.rest.conftest import Client


def test_root_tells_version_and_cluster(rest: Client) -> None:
    answer = rest.get("/?x=1")
    assert answer.status == 200
    assert isinstance(answer.json, dict)
    assert answer.json.keys() == {"version", "commit", "kafka_cluster_id"}
    assert answer.json["kafka_cluster_id"]


def test_health_is_503_while_starting_and_then_200(rest: Client) -> None:
    assert rest.get("/health").json == {
        "status": "healthy", "message": "Worker has completed startup and is ready to handle requests."}
    rest.herder._ready = False
    starting = rest.get("/health")
    assert (starting.status, starting.text[:21]) == (503, '{"status":"starting",')


def test_health_is_500_if_the_herder_does_not_answer(rest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    never: Future[Health] = Future()
    monkeypatch.setattr("connectrt.rest.worker.HEALTH_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rest.herder, "health", lambda: never)
    answer = rest.get("/health")
    assert answer.status == 500
    assert answer.text.startswith('{"status":"unhealthy",')


def test_a_request_that_takes_too_long_is_500_and_goes_on(rest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    late: Future[None] = Future()
    monkeypatch.setattr("connectrt.rest.bridge.REQUEST_TIMEOUT_S", 0.01)
    monkeypatch.setattr(rest.herder, "pause", lambda name: late)
    answer = rest.ask("PUT", "/connectors/a/pause")
    assert answer.status == 500
    assert isinstance(answer.json, dict)
    assert answer.json["message"].startswith("Request timed out")
    assert not late.cancelled()


def test_metrics_are_a_page_prometheus_can_read(rest: Client) -> None:
    scripts["b"]["task"] = "raise"
    create(rest.herder, "a\"quoted\\")
    create(rest.herder, "b", tasks_max="1")
    wait_for(rest.herder, "b", State.RUNNING, State.FAILED)
    answer = rest.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    sample = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="(\\.|[^"\\])*",?)+\})? (NaN|[-+0-9.eInf]+)')
    seen = set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE"):
            assert line not in seen  # all samples of a metric stand together
            seen.add(line)
        elif not line.startswith("#"):
            assert sample.fullmatch(line), line
    for line in ('kafka_connect_connector_metrics_status{connector="a\\"quoted\\\\",status="running"} 1',
                 'kafka_connect_connector_task_metrics_status{connector="b",task="0",status="failed"} 1',
                 'kafka_connect_connect_worker_metrics_connector_failed_task_count{connector="b"} 1',
                 "kafka_connect_connect_worker_metrics_task_startup_failure_total 1"):
        assert line in answer.text.splitlines()
    assert float(re.findall(r"process_resident_memory_bytes (\d+)", answer.text)[0]) > 10_000_000
