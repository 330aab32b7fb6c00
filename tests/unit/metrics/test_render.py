from __future__ import annotations

import math

from connectrt.metrics.render import render
from connectrt.metrics.task import TaskMetrics


def test_samples_of_a_metric_stand_together_under_its_help_and_type() -> None:
    page = render([({"connector": "a", "task": "0"}, {"sink_record_read_total": 5, "partition_count": 2}),
                   ({"connector": "a", "task": "1"}, {"sink_record_read_total": 7.0})])
    assert page == """\
# HELP kafka_connect_sink_task_metrics_sink_record_read_total Records consumed, before transforms.
# TYPE kafka_connect_sink_task_metrics_sink_record_read_total counter
kafka_connect_sink_task_metrics_sink_record_read_total{connector="a",task="0"} 5
kafka_connect_sink_task_metrics_sink_record_read_total{connector="a",task="1"} 7
# HELP kafka_connect_sink_task_metrics_partition_count Partitions assigned to the task.
# TYPE kafka_connect_sink_task_metrics_partition_count gauge
kafka_connect_sink_task_metrics_partition_count{connector="a",task="0"} 2
"""


def test_label_values_are_escaped() -> None:
    assert 'connectrt_task_lag_records{connector="a\\"b\\\\c\\nd"} 1' in render([({"connector": 'a"b\\c\nd'},
                                                                               {"task_lag_records": 1})])


def test_numbers_that_are_no_integers_keep_their_digits() -> None:
    values = {"running_ratio": 0.1, "pause_ratio": math.nan, "batch_size_avg": math.inf, "batch_size_max": -math.inf}
    page = render([({}, values)]).splitlines()
    assert [line.rpartition(" ")[2] for line in page if not line.startswith("#")] == ["0.1", "NaN", "-Inf", "+Inf"]


def test_a_histogram_has_opentelemetrys_prometheus_name_and_ends_with_inf() -> None:
    task = TaskMetrics(sink=True)
    task.put(1, 0.3)
    lines = render([({"connector": "a"}, task.snapshot())]).splitlines()
    labels = 'connector="a",messaging_system="kafka",messaging_operation_name="process"'
    assert "# TYPE messaging_process_duration_seconds histogram" in lines
    assert f'messaging_process_duration_seconds_bucket{{{labels},le="0.25"}} 0' in lines
    assert f'messaging_process_duration_seconds_bucket{{{labels},le="+Inf"}} 1' in lines
    assert f"messaging_process_duration_seconds_sum{{{labels}}} 0.3" in lines
    assert f"messaging_process_duration_seconds_count{{{labels}}} 1" in lines


def test_what_is_not_in_the_registry_is_not_shown() -> None:
    assert render([({}, {"secret": 1.0})]) == ""
