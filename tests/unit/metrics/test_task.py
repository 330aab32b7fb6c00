"""What one task counts and measures, with a clock of our own."""

from __future__ import annotations

import pytest

from connectrt.metrics.registry import METRICS, Kind
from connectrt.metrics.task import TaskMetrics


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def metrics(sink: bool = True, clock: Clock | None = None) -> TaskMetrics:
    return TaskMetrics(sink=sink, window_s=30.0, samples=2, clock=clock or Clock(), wall=lambda: 1_700_000_000.5)


def test_a_sink_counts_reads_puts_and_commits() -> None:
    task = metrics()
    task.read(500)
    task.read(100)
    task.put(500, 0.004)
    task.put(0, 0.001)
    task.partitions(3)
    task.active(100)
    task.lag(42)
    task.committed(0.2, True)
    task.committed(0.4, False)
    task.commit_skipped()
    values = task.snapshot()
    expected = {
        "sink_record_read_total": 600, "sink_record_send_total": 500, "consumed_messages_total": 600,
        "partition_count": 3, "sink_record_active_count": 100, "sink_record_active_count_max": 100,
        "task_lag_records": 42,
        "offset_commit_seq_no": 2, "offset_commit_completion_total": 1, "offset_commit_skip_total": 1,
        "offset_commit_max_time_ms": 400, "offset_commit_success_percentage": 0.5, "batch_size_max": 500,
        "batch_size_avg": 500, "put_batch_max_time_ms": 4}
    assert {name: values[name] for name in expected} == expected
    assert values["put_batch_avg_time_ms"] == pytest.approx(2.5)
    assert values["offset_commit_avg_time_ms"] == pytest.approx(300)


def test_a_source_counts_polls_and_acknowledged_records() -> None:
    task = metrics(sink=False)
    task.polled(10, 0.5)
    task.polled(0, 1.0)
    task.written(9)
    values = task.snapshot()
    expected = {"source_record_poll_total": 10, "source_record_write_total": 9, "sent_messages_total": 9,
                "poll_batch_max_time_ms": 1000, "poll_batch_avg_time_ms": 750, "batch_size_avg": 10}
    assert {name: values[name] for name in expected} == expected
    assert "sink_record_read_total" not in values


def test_each_error_counts_under_its_own_name() -> None:
    task = metrics()
    for times, kind in enumerate(("failure", "error", "skipped", "retry", "logged", "dlq_request", "dlq_failure"), 1):
        task.failed(kind, times)  # type: ignore[arg-type]
    values = task.snapshot()
    names = ("total_record_failures", "total_record_errors", "total_records_skipped", "total_retries",
             "total_errors_logged", "deadletterqueue_produce_requests", "deadletterqueue_produce_failures")
    assert [values[name] for name in names] == [1, 2, 3, 4, 5, 6, 7]
    assert values["last_error_timestamp"] == 1_700_000_000_500


def test_maxima_and_averages_forget_what_is_older_than_all_windows() -> None:
    clock = Clock()
    task = metrics(clock=clock)
    task.put(100, 9.0)
    clock.now += 29
    assert task.snapshot()["put_batch_max_time_ms"] == 9000
    clock.now += 2  # the second window begins
    task.snapshot()
    task.put(10, 1.0)
    values = task.snapshot()
    assert (values["put_batch_max_time_ms"], values["batch_size_avg"]) == (9000, 55)
    clock.now += 30  # the third: the first is forgotten
    assert task.snapshot()["put_batch_max_time_ms"] == 1000
    clock.now += 30
    values = task.snapshot()
    assert "put_batch_max_time_ms" not in values
    assert values["sink_record_send_total"] == 110


def test_a_long_silence_forgets_everything_at_once() -> None:
    clock = Clock()
    task = metrics(clock=clock)
    task.put(100, 9.0)
    task.snapshot()
    clock.now += 600
    task.put(1, 0.5)
    task.snapshot()
    clock.now += 30
    assert "put_batch_max_time_ms" not in task.snapshot()


def test_durations_of_put_are_a_cumulative_histogram() -> None:
    task = metrics()
    for took_s in (0.004, 0.005, 0.3, 60.0):
        task.put(1, took_s)
    values = task.snapshot()
    assert [values[f"process_duration_le_{bound}"] for bound in (0.005, 0.01, 0.25, 0.5, 10.0)] == [2, 2, 2, 3, 3]
    assert values["process_duration_count"] == 4
    assert values["process_duration_sum"] == pytest.approx(60.309)


@pytest.mark.parametrize("sink", [True, False])
def test_every_value_of_a_snapshot_is_in_the_registry(sink: bool) -> None:
    task = metrics(sink=sink)
    task.put(1, 1)
    task.polled(1, 1)
    task.committed(1, True)
    task.active(1)
    task.lag(1)
    task.failed("error")
    known = {metric.name for metric in METRICS if metric.kind is not Kind.HISTOGRAM}
    histograms = tuple(f"{metric.name}_" for metric in METRICS if metric.kind is Kind.HISTOGRAM)
    assert not {name for name in task.snapshot() if name not in known and not name.startswith(histograms)}


def test_a_window_of_zero_is_taken_as_a_very_short_one() -> None:
    task = TaskMetrics(sink=True, window_s=0, samples=1)
    task.put(1, 1.0)
    assert task.snapshot()["sink_record_send_total"] == 1
