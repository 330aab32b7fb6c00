"""Every attribute of Kafka Connect's MBeans that applies to one worker is mapped, or said to mean nothing here."""

from __future__ import annotations

import re

import pytest

from connectrt.metrics.history import RATES
from connectrt.metrics.registry import METRICS, NOT_APPLICABLE, Kind

# (spec: metrics of Kafka Connect; KIP-196, KIP-298)
MBEANS = {
    "connector-metrics": "status connector-type connector-class connector-version",
    "connector-task-metrics": """
        status running-ratio pause-ratio offset-commit-max-time-ms offset-commit-avg-time-ms
        offset-commit-success-percentage offset-commit-failure-percentage batch-size-max batch-size-avg""",
    "source-task-metrics": """
        source-record-poll-rate source-record-poll-total source-record-write-rate source-record-write-total
        poll-batch-max-time-ms poll-batch-avg-time-ms source-record-active-count source-record-active-count-max
        source-record-active-count-avg transaction-size-min transaction-size-max transaction-size-avg""",
    "sink-task-metrics": """
        sink-record-read-rate sink-record-read-total sink-record-send-rate sink-record-send-total put-batch-max-time-ms
        put-batch-avg-time-ms partition-count offset-commit-seq-no offset-commit-completion-rate
        offset-commit-completion-total offset-commit-skip-rate offset-commit-skip-total sink-record-active-count
        sink-record-active-count-max sink-record-active-count-avg sink-record-lag-max""",
    "task-error-metrics": """
        total-record-failures total-record-errors total-records-skipped total-retries total-errors-logged
        deadletterqueue-produce-requests deadletterqueue-produce-failures last-error-timestamp""",
    "connect-worker-metrics": """
        connector-count task-count connector-startup-attempts-total connector-startup-success-total
        connector-startup-success-percentage connector-startup-failure-total connector-startup-failure-percentage
        task-startup-attempts-total task-startup-success-total task-startup-success-percentage
        task-startup-failure-total task-startup-failure-percentage connector-total-task-count
        connector-running-task-count connector-paused-task-count connector-failed-task-count
        connector-unassigned-task-count connector-destroyed-task-count connector-restarting-task-count""",
}


@pytest.mark.parametrize("group", MBEANS)
def test_every_attribute_is_mapped_or_not_applicable(group: str) -> None:
    names = {metric.prometheus_name for metric in METRICS}
    for attribute in MBEANS[group].split():
        mapped = f"kafka_connect_{group}_{attribute}".replace("-", "_") in names
        assert mapped != ((group, attribute) in NOT_APPLICABLE), attribute


def test_names_on_the_page_are_unique_and_valid() -> None:
    names = [metric.prometheus_name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_totals_are_counters_and_rates_come_from_totals() -> None:
    by_name = {metric.name: metric for metric in METRICS}
    for metric in METRICS:
        if metric.name.endswith("_total"):
            assert metric.kind is Kind.COUNTER, metric.name
        assert metric.name.endswith("_rate") == (metric.rate_of is not None), metric.name
    assert all(by_name[total].kind is Kind.COUNTER for total in RATES.values())
