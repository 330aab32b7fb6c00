"""What is said at the end of a run."""

from __future__ import annotations

from connectrt.cli.summary import Summary, totals
from connectrt.worker.messages import State, TaskId
from tests.unit.cli.pictures import draw, row

ROWS = [row("orders", 0, records_in=600, records_out=600), row("orders", 1, records_in=400, records_out=400),
        row("pg-sink", 0, State.FAILED, records_in=1000, records_out=900, error="no space left")]
METRICS = {TaskId("pg-sink", 0): {"total_record_errors": 3.0}}


def make() -> Summary:
    whole = totals(ROWS, METRICS, {"pg-sink": {"public.orders": 900}})
    return Summary("drained", 12.0, 10.0, whole, 1234, 0, {"pg-sink-0": "no space left on device\nTraceback ...\n"})


def test_tasks_are_added_up_by_connector() -> None:
    orders, sink = make().totals
    assert (orders.tasks, orders.records_in, orders.records_out, orders.failed, orders.errors) == (2, 1000, 1000, 0, 0)
    assert (sink.tasks, sink.records_in, sink.records_out, sink.failed, sink.errors) == (1, 1000, 900, 1, 3)
    assert sink.at_destination == {"public.orders": 900}


def test_the_table_shows_rates_errors_and_the_destinations_own_count() -> None:
    lines = [line.split() for line in draw(make())]
    assert ["orders", "1,000", "1,000", "100", "0"] in lines
    assert ["pg-sink", "1,000", "900", "90", "4", "public.orders", "900"] in lines
    assert ["spans", "exported", "1,234,", "dropped", "0"] in lines


def test_failures_are_told_in_full() -> None:
    text = "\n".join(draw(make()))
    assert "✗ pg-sink-0: no space left on device" in text
    assert "Traceback ..." in text


def test_a_run_that_took_no_time_has_no_rate() -> None:
    lines = [line.split() for line in draw(Summary("stopped", 0.0, 0.0, totals(ROWS, {}, {}), 0, 0))]
    assert ["orders", "1,000", "1,000", "0", "0"] in lines
