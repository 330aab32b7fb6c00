"""The table of all metrics: our name, what it means, and the attribute of Kafka Connect's MBeans it stands for.

Invariant: a value that is not in this table is never shown. Names in snapshots are the MBean attribute's with
underscores; on `/metrics` they are what the JMX exporter makes of the MBean: `kafka_connect_<group>_<attribute>`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"  #: in snapshots: `<name>_le_<bound>`, `<name>_count`, `<name>_sum`


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Kind
    unit: str
    help: str
    mbean: str | None = None  #: the `type` of Connect's MBean; None: Connect has nothing like it
    exposed: str | None = None  #: name on /metrics where it is neither Connect's nor `connectrt_<name>`
    labels: str = ""  #: constant labels, as they are written on /metrics
    rate_of: str | None = None  #: per second over the sample window, worked out from this total when it is asked for

    @property
    def attribute(self) -> str:
        """Connect's spelling."""
        return self.name.replace("_", "-")

    @property
    def prometheus_name(self) -> str:
        if self.exposed:
            return self.exposed
        prefix = f"kafka_connect_{self.mbean.replace('-', '_')}" if self.mbean else "connectrt"
        return f"{prefix}_{self.name}"


def _task(name: str, kind: Kind, unit: str, help: str) -> Metric:
    return Metric(name, kind, unit, help, "connector-task-metrics")


def _source(name: str, kind: Kind, unit: str, help: str, rate_of: str | None = None) -> Metric:
    return Metric(name, kind, unit, help, "source-task-metrics", rate_of=rate_of)


def _sink(name: str, kind: Kind, unit: str, help: str, rate_of: str | None = None) -> Metric:
    return Metric(name, kind, unit, help, "sink-task-metrics", rate_of=rate_of)


def _error(name: str, unit: str, help: str) -> Metric:
    return Metric(name, Kind.COUNTER, unit, help, "task-error-metrics")


def _worker(name: str, kind: Kind, unit: str, help: str) -> Metric:
    return Metric(name, kind, unit, help, "connect-worker-metrics")


_C, _G = Kind.COUNTER, Kind.GAUGE
_COMMIT_LABELS = 'messaging_system="kafka",messaging_operation_name="commit"'
_PROCESS_LABELS = 'messaging_system="kafka",messaging_operation_name="process"'

METRICS: tuple[Metric, ...] = (
    Metric("status", _G, "", "State of the connector; the label says which.", "connector-metrics"),
    Metric("connector_type", _G, "", "source or sink.", "connector-metrics"),
    Metric("connector_class", _G, "", "Class of the connector.", "connector-metrics"),
    Metric("connector_version", _G, "", "Version of the connector.", "connector-metrics"),
    Metric("task_status", _G, "", "State of the task; the label says which.", "connector-task-metrics",
           exposed="kafka_connect_connector_task_metrics_status"),
    _task("running_ratio", _G, "ratio", "Part of its life that the task was running."),
    _task("pause_ratio", _G, "ratio", "Part of its life that the task was paused."),
    _task("offset_commit_max_time_ms", _G, "ms", "Longest commit of offsets."),
    _task("offset_commit_avg_time_ms", _G, "ms", "Average commit of offsets."),
    _task("offset_commit_success_percentage", _G, "ratio", "Part of the commits that succeeded."),
    _task("offset_commit_failure_percentage", _G, "ratio", "Part of the commits that failed."),
    _task("batch_size_max", _G, "records", "Largest batch of a poll or put."),
    _task("batch_size_avg", _G, "records", "Average batch of a poll or put."),
    _source("source_record_poll_total", _C, "records", "Records returned by poll, before transforms."),
    _source("source_record_poll_rate", _G, "records/s", "Records polled per second.", "source_record_poll_total"),
    _source("source_record_write_total", _C, "records", "Records acknowledged by Kafka."),
    _source("source_record_write_rate", _G, "records/s", "Acknowledged per second.", "source_record_write_total"),
    _source("poll_batch_max_time_ms", _G, "ms", "Longest poll."),
    _source("poll_batch_avg_time_ms", _G, "ms", "Average poll."),
    _source("source_record_active_count", _G, "records", "Polled and not yet completely written."),
    _source("source_record_active_count_max", _G, "records", "Most records in hand."),
    _source("source_record_active_count_avg", _G, "records", "Records in hand, average."),
    _sink("sink_record_read_total", _C, "records", "Records consumed, before transforms."),
    _sink("sink_record_read_rate", _G, "records/s", "Records consumed per second.", "sink_record_read_total"),
    _sink("sink_record_send_total", _C, "records", "Records that put has taken."),
    _sink("sink_record_send_rate", _G, "records/s", "Records taken per second.", "sink_record_send_total"),
    _sink("put_batch_max_time_ms", _G, "ms", "Longest put."),
    _sink("put_batch_avg_time_ms", _G, "ms", "Average put."),
    _sink("partition_count", _G, "partitions", "Partitions assigned to the task."),
    _sink("offset_commit_seq_no", _G, "commits", "Number of the last commit."),
    _sink("offset_commit_completion_total", _C, "commits", "Commits that succeeded."),
    _sink("offset_commit_completion_rate", _G, "commits/s", "Commits per second.", "offset_commit_completion_total"),
    _sink("offset_commit_skip_total", _C, "commits", "Answers to outdated commits, ignored."),
    _sink("offset_commit_skip_rate", _G, "commits/s", "Outdated answers per second.", "offset_commit_skip_total"),
    _sink("sink_record_active_count", _G, "records", "Consumed and not yet committed."),
    _sink("sink_record_active_count_max", _G, "records", "Most records in hand."),
    _sink("sink_record_active_count_avg", _G, "records", "Records in hand, average."),
    _error("total_record_failures", "attempts", "Operations on records that failed, retries included."),
    _error("total_record_errors", "records", "Records that failed for good."),
    _error("total_records_skipped", "records", "Records dropped because of errors."),
    _error("total_retries", "attempts", "Operations tried again."),
    _error("total_errors_logged", "errors", "Errors written to the log."),
    _error("deadletterqueue_produce_requests", "records", "Records sent to the dead letter queue."),
    _error("deadletterqueue_produce_failures", "records", "Records the dead letter queue did not take."),
    Metric("last_error_timestamp", _G, "ms", "When a record last failed, ms since the epoch.", "task-error-metrics"),
    _worker("connector_count", _G, "connectors", "Connectors on this worker."),
    _worker("task_count", _G, "tasks", "Tasks on this worker."),
    *(_worker(f"{item}_startup_{name}", kind, unit, f"{item.capitalize()} starts: {text}.")
      for item in ("connector", "task") for name, kind, unit, text in (
          ("attempts_total", _C, "starts", "tried"),
          ("success_total", _C, "starts", "succeeded"),
          ("success_percentage", _G, "ratio", "part that succeeded"),
          ("failure_total", _C, "starts", "failed"),
          ("failure_percentage", _G, "ratio", "part that failed"))),
    *(_worker(f"connector_{state}_task_count", _G, "tasks", f"Tasks of the connector on this worker: {state}.")
      for state in ("total", "running", "paused", "failed", "unassigned", "destroyed", "restarting")),
    Metric("task_lag_records", _G, "records", "Records in the task's partitions that were not consumed yet."),
    Metric("task_call_seconds", _G, "s", "How long the plugin call that the task is in has been running."),
    Metric("task_stalled", _G, "", "1: the plugin call has been running for longer than task.stuck.timeout.ms."),
    Metric("spans_exported_total", _C, "spans", "Spans handed to the exporter with success."),
    Metric("spans_dropped_total", _C, "spans", "Spans lost: the queue was full or the exporter failed."),
    Metric("build_info", _G, "", "1; the labels say what runs."),
    Metric("process_resident_memory_bytes", _G, "bytes", "Memory of the process in RAM.",
           exposed="process_resident_memory_bytes"),
    Metric("process_cpu_seconds_total", _C, "s", "CPU time of the process, user and system.",
           exposed="process_cpu_seconds_total"),
    Metric("process_duration", Kind.HISTOGRAM, "s", "Duration of put.",
           exposed="messaging_process_duration_seconds", labels=_PROCESS_LABELS),
    Metric("commit_duration", Kind.HISTOGRAM, "s", "Duration of offset commits.",
           exposed="messaging_client_operation_duration_seconds", labels=_COMMIT_LABELS),
    Metric("consumed_messages_total", _C, "records", "Records consumed.",
           exposed="messaging_client_consumed_messages_total", labels='messaging_system="kafka"'),
    Metric("sent_messages_total", _C, "records", "Records acknowledged by Kafka.",
           exposed="messaging_client_sent_messages_total", labels='messaging_system="kafka"'),
)

#: Attributes of Connect's MBeans that mean nothing here, and why.
NOT_APPLICABLE: dict[tuple[str, str], str] = {
    ("source-task-metrics", "transaction-size-min"): "no exactly-once sources",
    ("source-task-metrics", "transaction-size-max"): "no exactly-once sources",
    ("source-task-metrics", "transaction-size-avg"): "no exactly-once sources",
    ("sink-task-metrics", "sink-record-lag-max"): "Java declares it and never sets it; task_lag_records is the lag",
}
