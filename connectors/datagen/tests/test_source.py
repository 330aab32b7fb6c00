"""The connector and its task, on a clock and an offset store of the test's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from importlib.metadata import entry_points
from typing import Any

import pytest
from connectrt_datagen.config import CONFIG
from connectrt_datagen.source import DatagenConnector, DatagenTask

from connectrt.sdk import ConfigErrors, EndOfSource, Schema, SourceRecord, TaskTracing, Type


class Offsets:
    """Committed offsets, as the runtime hands them to a task."""

    def __init__(self) -> None:
        self.committed: dict[object, Mapping[str, object]] = {}

    def offset(self, partition: Mapping[str, object]) -> Mapping[str, object] | None:
        return self.committed.get(tuple(partition.items()))

    def offsets(self, partitions: Iterable[Mapping[str, object]]) -> Sequence[Mapping[str, object] | None]:
        return [self.offset(partition) for partition in partitions]

    def commit(self, record: SourceRecord) -> None:
        assert record.source_partition
        self.committed[tuple(record.source_partition.items())] = offset_of(record)


class Context:
    """What the runtime lends a task; waiting moves the clock."""

    connector = "gen"
    tracing: TaskTracing
    stopping = False

    def __init__(self, task: int, offsets: Offsets | None = None) -> None:
        self.task = task
        self.offset_reader = offsets or Offsets()
        self.now = 0.0
        self.waits: list[float] = []

    def wait(self, delay_s: float) -> bool:
        self.now += delay_s
        self.waits.append(delay_s)
        return self.stopping


def start(context: Context, **config: str) -> DatagenTask:
    props = {"kafka.topic": "orders", "quickstart": "orders", "random.seed": "1"}
    props |= {name.replace("_", "."): value for name, value in config.items()}
    task = DatagenTask(clock=lambda: context.now)
    task.initialize(context)
    task.start(CONFIG.parse({name: value for name, value in props.items() if value}))
    return task


def drain(task: DatagenTask) -> list[SourceRecord]:
    records: list[SourceRecord] = []
    try:
        while True:
            records += task.poll() or ()
    except EndOfSource:
        return records


def fields_of(record: SourceRecord) -> dict[str, Any]:
    assert isinstance(record.value, dict)
    return record.value


def schema_of(record: SourceRecord) -> Schema:
    assert record.value_schema
    return record.value_schema


def offset_of(record: SourceRecord) -> Mapping[str, object]:
    assert record.source_offset
    return record.source_offset


def trace_of(record: SourceRecord) -> re.Match[bytes]:
    """Trace id, span id, flags."""
    assert record.trace
    found = re.fullmatch(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])", record.trace.traceparent)
    assert found
    return found


def without_time(record: SourceRecord) -> SourceRecord:
    return record.with_value({name: value for name, value in fields_of(record).items() if name != "ordertime"})


def test_a_restart_goes_on_with_the_same_records() -> None:
    offsets = Offsets()
    whole = drain(start(Context(2), iterations="1200", trace_roots="true"))
    first = start(Context(2, offsets), iterations="1200", trace_roots="true", batch_size="70")
    head = [record for _ in range(5) for record in first.poll() or ()]
    offsets.commit(head[200])  # the rest of what was polled had not been acknowledged
    tail = drain(start(Context(2, offsets), iterations="1200", trace_roots="true"))
    assert list(map(without_time, head[:201] + tail)) == list(map(without_time, whole))


def test_a_seed_that_was_not_given_is_kept_in_the_offset() -> None:
    offsets = Offsets()
    [first] = drain(start(Context(0, offsets), random_seed="", iterations="1"))
    offsets.commit(first)
    [second] = drain(start(Context(0, offsets), random_seed="", iterations="2"))
    assert offset_of(first)["random.seed"] == offset_of(second)["random.seed"]
    assert offset_of(second)["current.iteration"] == 2
    assert second.source_partition == {"task.id": 0}
    again = drain(start(Context(0), random_seed=str(offset_of(first)["random.seed"]), iterations="2"))
    assert list(map(without_time, again)) == list(map(without_time, [first, second]))


def test_two_starts_without_seed_make_different_traces() -> None:
    def made() -> bytes:
        [record] = drain(start(Context(0), random_seed="", iterations="1", trace_roots="true"))
        return trace_of(record)[1]

    assert made() != made()


def test_each_task_makes_the_same_records_whatever_tasks_max_is() -> None:
    connector = DatagenConnector()
    config = {"topic": "t", "quickstart": "users", "iterations": "3"}
    connector.start(CONFIG.parse(config))
    assert connector.task_configs(1) == connector.task_configs(3)[:1]
    assert len(connector.task_configs(3)) == 3
    records = [record for task in range(3) for record in drain(start(Context(task), iterations="100"))]
    assert len({fields_of(record)["orderid"] for record in records}) == 300


def test_the_source_ends_after_its_iterations_and_stays_ended() -> None:
    task = start(Context(0), iterations="1001")
    assert [len(task.poll() or ()) for _ in range(3)] == [500, 500, 1]
    for _ in range(2):
        with pytest.raises(EndOfSource):
            task.poll()


def test_no_iterations_end_at_once() -> None:
    assert drain(start(Context(0), iterations="0")) == []


def test_a_rate_is_kept_and_no_poll_waits_longer_than_a_second() -> None:
    context = Context(0)
    task = start(context, rate="1000", iterations="10000")
    assert len(drain(task)) == 10_000
    assert context.now == pytest.approx(10, rel=0.01)
    slow = Context(0)
    task = start(slow, rate="0.2")
    polled = [task.poll() for _ in range(6)]
    assert [len(records) for records in polled if records] == [1, 1]
    assert max(slow.waits) <= 1


def test_a_stop_ends_the_wait_without_records() -> None:
    context = Context(0)
    task = start(context, max_interval="60000")
    context.stopping = True
    assert task.poll() is None


def test_records_are_paused_by_max_interval_one_at_a_time() -> None:
    context = Context(0)
    assert len(drain(start(context, max_interval="100", iterations="200"))) == 200
    assert 5 < context.now < 15


def test_keys_repeat_with_the_given_skew() -> None:
    def counts(**config: str) -> Counter[object]:
        return Counter(record.key for record in drain(start(Context(0), iterations="20000", **config)))

    even = counts(keys="10")
    assert set(even) == set(range(1, 11))
    assert max(even.values()) < 1.2 * min(even.values())
    skewed = counts(keys="1000", key_skew="1")
    assert skewed[1] / skewed[2] == pytest.approx(2, rel=0.15)
    assert skewed[1] / skewed[10] == pytest.approx(10, rel=0.25)


def test_the_key_is_a_field_of_the_value() -> None:
    for config in ({}, {"keys": "7"}, {"key_field": "userid", "keys": "7"}):
        name = config.get("key_field", "orderid")
        records = drain(start(Context(0), iterations="50", **config))
        assert all(record.key == fields_of(record)[name] for record in records)
    [record] = drain(start(Context(0), quickstart="", fields="a:uuid,b:now", iterations="1"))
    assert record.key == fields_of(record)["a"]


def test_with_keys_every_task_writes_the_same_keys() -> None:
    keys = [{record.key for record in drain(start(Context(task), iterations="500", keys="9"))} for task in range(2)]
    assert keys[0] == keys[1]


def test_tombstones_and_poison_come_in_their_share_and_keep_their_key() -> None:
    records = drain(start(Context(0), iterations="5000", tombstone_ratio="0.1", error_ratio="0.2"))
    assert sum(record.value is None for record in records) == pytest.approx(500, rel=0.2)
    assert sum(record.value == "poison" for record in records) == pytest.approx(1000, rel=0.2)
    assert all(record.key is not None for record in records)


def test_faults_carry_the_schema_that_fits_them() -> None:
    records = drain(start(Context(0), iterations="500", tombstone_ratio="0.3", error_ratio="0.3", schemas="true"))
    types = {type(record.value): record.value_schema and record.value_schema.type for record in records}
    assert types == {type(None): None, str: Type.STRING, dict: Type.STRUCT}


def test_a_field_is_added_after_every_so_many_records() -> None:
    records = drain(start(Context(0), iterations="25", schema_change_every="10", schemas="true"))
    extras = [[name for name in fields_of(record) if name.startswith("extra")] for record in records]
    assert extras == [[]] * 10 + [["extra_1"]] * 10 + [["extra_1", "extra_2"]] * 5
    assert [schema_of(record).version for record in records] == [1] * 10 + [2] * 10 + [3] * 5
    assert all([*fields_of(record)] == [field.name for field in schema_of(record).fields] for record in records)
    assert records[10].value_schema is records[19].value_schema


def test_payloads_have_their_length_and_are_not_all_alike() -> None:
    records = drain(start(Context(0), iterations="100", payload_bytes="333"))
    payloads = [fields_of(record)["payload"] for record in records]
    assert {len(payload) for payload in payloads} == {333}
    assert len(set(payloads)) > 50


def test_every_record_begins_a_valid_trace_of_its_own() -> None:
    records = drain(start(Context(0), iterations="1000", trace_roots="true", trace_sampled_ratio="0.25"))
    parents = [trace_of(record) for record in records]
    assert len({parent[1] for parent in parents}) == len({parent[2] for parent in parents}) == 1000
    assert sum(parent[3] == b"01" for parent in parents) == pytest.approx(250, rel=0.2)
    ratio_sampled = [int(parent[1][16:], 16) < 0.25 * 2**64 for parent in parents]
    assert ratio_sampled == [parent[3] == b"01" for parent in parents]
    assert drain(start(Context(0), iterations="1"))[0].trace is None


def test_without_schemas_values_are_plain_and_with_them_they_are_typed() -> None:
    [plain] = drain(start(Context(0), iterations="1"))
    assert (plain.key_schema, plain.value_schema) == (None, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields_of(plain)["ordertime"])
    [typed] = drain(start(Context(0), iterations="1", schemas="true"))
    assert typed.key_schema is not None
    assert typed.key_schema.type is Type.INT64
    ordertime = schema_of(typed).field("ordertime")
    assert ordertime is not None
    assert ordertime.name == "org.apache.kafka.connect.data.Timestamp"
    assert fields_of(typed)["ordertime"].tzinfo is UTC
    assert fields_of(typed)["ordertime"].microsecond % 1000 == 0


@pytest.mark.parametrize(("config", "key", "message"), [
    ({"quickstart": "orders"}, "kafka.topic", 'Missing required configuration "kafka.topic"'),
    ({"topic": "a", "kafka.topic": "b", "quickstart": "orders"}, "topic", "kafka.topic names another topic"),
    ({"topic": "a"}, "fields", "set either fields or quickstart (users, orders, pageviews)"),
    ({"topic": "a", "quickstart": "orders", "fields": "a:now"}, "fields", "set either fields or quickstart"),
    ({"topic": "a", "fields": "a:now", "key.field": "b"}, "key.field", "there is no such field; there are: a"),
    ({"topic": "a", "fields": "a:now", "rate": "5", "max.interval": "5"}, "max.interval", "rate is set too"),
])
def test_keys_that_do_not_go_together_are_refused(config: dict[str, str], key: str, message: str) -> None:
    assert message in DatagenConnector.validate(config)[key][0]
    connector = DatagenConnector()
    with pytest.raises(ConfigErrors, match=re.escape(message)):
        connector.start(CONFIG.parse(config))


def test_an_unknown_quickstart_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigErrors, match="there are: users, orders, pageviews"):
        CONFIG.parse({"topic": "a", "quickstart": "ratings"})


def test_a_bad_fields_text_is_reported_once_under_its_own_key() -> None:
    config = {"topic": "a", "fields": "a:"}
    assert DatagenConnector.validate(config) == {}
    with pytest.raises(ConfigErrors, match="at character 3: expected a type"):
        CONFIG.parse(config)


def test_the_connector_is_found_under_both_names() -> None:
    found = {entry.name: entry.load() for entry in entry_points(group="connectrt.source_connectors")
             if entry.value.startswith("connectrt_datagen")}
    assert found == {"DatagenConnector": DatagenConnector,
                     "io.confluent.kafka.connect.datagen.DatagenConnector": DatagenConnector}
