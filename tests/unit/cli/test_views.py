"""What is shown while a worker runs."""

from __future__ import annotations

import logging

import pytest

from connectrt.cli.summary import Summary, totals
from connectrt.cli.views import LogView
from connectrt.worker.messages import State, TaskId
from tests.unit.cli.pictures import row

ROWS = [row("orders", 0, records_in=5, records_out=5, per_s=1.5), row("orders", 1, State.FAILED, records_in=1),
        row("pg-sink", 0, records_in=4, records_out=4, lag=2)]


def extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in vars(logging.makeLogRecord({}))}


def test_progress_is_one_log_line_per_connector(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), LogView(lambda: ROWS) as view:
        view.refresh("running")
    assert [record.message for record in caplog.records] == ["running", "running"]
    orders, sink = map(extras, caplog.records)
    assert orders["states"] == "FAILED,RUNNING"
    assert (orders["records_in"], orders["records_out"], orders["records_per_s"]) == (6, 5, 1.5)
    assert "lag" not in orders
    assert sink["lag"] == 2


def test_the_end_is_one_log_line_per_connector_and_one_for_the_run(caplog: pytest.LogCaptureFixture) -> None:
    summary = Summary("drained", 2.0, 1.0, totals(ROWS, {TaskId("orders", 1): {"total_record_errors": 3.0}},
                                             {"pg-sink": {"orders": 4}}), 7, 0)
    with caplog.at_level(logging.INFO), LogView(lambda: ROWS) as view:
        view.finish(summary)
    orders, sink, run = map(extras, caplog.records)
    assert (orders["errors"], orders["failed_tasks"]) == (3, 1)
    assert sink["at_destination.orders"] == 4
    assert caplog.records[-1].message == "drained"
    assert (run["took_s"], run["spans_exported"]) == (2.0, 7)
