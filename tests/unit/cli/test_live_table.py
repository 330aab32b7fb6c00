"""The live table, drawn without a terminal."""

from __future__ import annotations

import pytest

from connectrt.cli.live_table import LiveTable
from connectrt.herder.herder import PluginCall
from connectrt.worker.messages import State
from tests.unit.cli.pictures import draw, row, worker

LONG = "the database refuses the password of user app: set connection.password to the right one, or grant it LOGIN"


def test_each_task_has_a_line_with_its_figures() -> None:
    rows = [row("orders", 0, records_in=1_234_567, records_out=1_234_560, per_s=5012.3),
            row("pg-sink", 1, records_in=500, records_out=499, per_s=0.4, lag=67)]
    lines = draw(LiveTable(rows, worker()))
    assert ["orders", "0", "RUNNING", "1,234,567", "1,234,560", "5,012"] in [line.split() for line in lines]
    assert ["pg-sink", "1", "RUNNING", "500", "499", "0.4", "67"] in [line.split() for line in lines]


def test_the_worker_is_told_in_the_first_line_and_its_spans_in_the_last() -> None:
    lines = draw(LiveTable([row()], worker()))
    assert lines[1].split() == ["connectrt", "running", "1:02", "kafka", "localhost:9092", "rest",
                                "http://127.0.0.1:8083"]
    assert lines[-1].split() == ["spans", "exported", "1,234,", "dropped", "0", "to", "http://localhost:4318"]


def test_spans_that_go_nowhere_come_with_the_cure() -> None:
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in draw(LiveTable([row()], worker(spans_to=None)))[-1]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_long_error_stands_on_one_line_below_the_table_cut_to_the_screen(width: int) -> None:
    lines = draw(LiveTable([row(state=State.FAILED, error=LONG)], worker()), width)
    [problem] = [line for line in lines if "✗" in line]
    assert problem.lstrip().startswith("✗ pg-sink-0: the database refuses")
    assert problem.endswith("…" if width < 130 else "LOGIN")
    assert max(map(len, lines)) <= width


def test_a_plugin_call_that_does_not_return_is_shown_as_stalled() -> None:
    text = "\n".join(draw(LiveTable([row(call=PluginCall("put", 72.0, stalled=True))], worker())))
    assert "STALLED" in text
    assert "pg-sink-0: put has not returned for 1:12" in text
    assert "STALLED" not in "\n".join(draw(LiveTable([row(call=PluginCall("put", 2.0, stalled=False))], worker())))


def test_a_connector_that_failed_has_a_line_without_a_task() -> None:
    lines = draw(LiveTable([row("broken", None, State.FAILED, error="no such host")], worker()))
    assert any(line.strip() == "✗ broken: no such host" for line in lines)


def test_a_small_screen_keeps_what_does_not_run() -> None:
    rows = [row(task=number) for number in range(50)] + [row("late", 0, State.FAILED, error="x")]
    lines = draw(LiveTable(rows, worker()), height=20)
    assert len(lines) <= 20
    assert any("late-0: x" in line for line in lines)
    assert "  and 41 more" in "\n".join(lines)


@pytest.mark.parametrize("width", [40, 80, 300])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    rows = [row("a-connector-with-a-name-longer-than-any-column-could-be-" * 2, 12, records_in=10**12, lag=10**9)]
    assert max(map(len, draw(LiveTable(rows, worker()), width))) <= width
