"""The framework's keys are Kafka Connect's; the vectors were recorded from Kafka Connect 4.3.1."""

import json
from pathlib import Path

import pytest

from connectrt.config.parsing import value_text
from connectrt.config.settings import INITIAL_STATES
from connectrt.errors import ConfigErrors
from connectrt.tracing.settings import TracingSettings
from connectrt.worker.config import (
    SINK,
    SOURCE,
    WORKER,
    is_cluster_key,
    is_worker_key,
    parse_worker,
    with_worker_defaults,
)
from connectrt.worker.messages import State
from connectrt.worker.topic_keys import topic_creation_keys, topics_faults

VECTORS = Path(__file__).parents[2] / "vectors" / "values"
CASES = {case["id"]: case for name in ("connector-configs", "plugin-configs")
         for case in json.loads((VECTORS / f"{name}.json").read_text())["cases"]}
PARSED = [name for name, case in CASES.items() if case["op"] == "connectorConfig" and case["kind"] != "validate"]
#: Their rules are about classes, which are checked where classes can be found.
BY_CLASS = ("converter", "plugin.version")


def plain(value: object) -> object:
    return next(iter(value.values())) if isinstance(value, dict) else value


@pytest.mark.parametrize("name", PARSED)
def test_connector_configs_have_the_values_they_have_in_java(name: str) -> None:
    case = CASES[name]
    props, out = case["props"], case["out"]
    definition = SINK if case["kind"] == "sink" else SOURCE.with_keys(topic_creation_keys(props))
    if "ok" in out:
        parsed = definition.parse(props)
        assert {key: parsed[key] for key in case["show"]} == {key: plain(value) for key, value in out["ok"].items()}
        return
    message = out["error"]["message"].partition("Unclosed group")[0]  # what follows are Java's words
    faults = [f"Invalid value {props[key]} for configuration {key}: {text}"
              for key, text in topics_faults(props).items() if key in props] if case["kind"] == "sink" else []
    if not faults:
        with pytest.raises(ConfigErrors) as caught:
            definition.parse(props)
        faults = list(caught.value.faults)
    assert faults[0].startswith(message)


def test_the_keys_of_source_connectors_are_described_as_in_java() -> None:
    expected = CASES["plugin-configs-055"]["out"]["ok"]
    keys = [one for one in SOURCE if not one.name.startswith("tracing.")]
    assert [one.name for one in keys] == [spec["name"] for spec in expected]
    for one, spec in zip(keys, expected, strict=True):
        described = {"name": one.name, "type": one.type, "importance": one.importance, "group": one.group,
                     "order": one.order, "width": one.width, "displayName": one.display_name}
        if not one.required:
            described |= {"default": one.default, "defaultText": value_text(one.default)}
        if one.valid is not None and not one.name.endswith(BY_CLASS):
            described["validator"] = str(one.valid)
        assert described == {key: plain(value) for key, value in spec.items()
                             if key != "validator" or not one.name.endswith(BY_CLASS)}


def test_a_worker_needs_no_config_at_all() -> None:
    worker = parse_worker({})
    assert worker.get_list("bootstrap.servers") == ["localhost:9092"]
    assert worker.get_list("listeners") == ["http://127.0.0.1:8083"]
    assert worker.get_string("key.converter") == "org.apache.kafka.connect.storage.StringConverter"
    assert worker.get_string("value.converter") == "org.apache.kafka.connect.json.JsonConverter"
    assert worker.get_int("task.stuck.timeout.ms") == 60_000
    assert worker.get_string_or_none("offset.storage.file.filename") is None


@pytest.mark.parametrize(("key", "text", "fault"), [
    ("listeners", "http://h:8083,8083", "Invalid value 8083 for configuration listeners: a listener is written "),
    ("listeners", "http://h:70000", "Invalid value http://h:70000 for configuration listeners: a listener is written"),
    ("listeners", "https://h:1", "Invalid value https://h:1 for configuration listeners: REST is not served over TLS"),
    ("listeners", "", "Invalid value [] for configuration listeners: at least one URL is expected"),
    ("tracing.mode", "batch+children", "Invalid value batch+children for configuration tracing.mode: a span for every "
                                       "record is not built yet; use batch+links"),
    ("tracing.mode", "on", "Invalid value on for configuration tracing.mode: String must be one of: off, batch+links"),
    ("tracing.links.max", "5001", "Invalid value 5001 for configuration tracing.links.max: Value must be no more than"),
    ("connector.client.config.override.policy", "Some", "Invalid value Some for configuration connector.client.config"),
    ("config.storage.topic", "c", "A cluster of workers is not built yet: leave config.storage.topic out"),
    ("bootstrap.servers", " ", "Configuration 'bootstrap.servers' must not be empty. Valid values include: any")])
def test_a_worker_with_a_wrong_value_is_refused(key: str, text: str, fault: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_worker({key: text})
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(fault)


@pytest.mark.parametrize("listeners", ["http://:8083", "http://[::1]:0", "http://a.b-c:80, http://127.0.0.1:8083"])
def test_listeners_are_urls_with_or_without_a_host(listeners: str) -> None:
    assert parse_worker({"listeners": listeners}).get_list("listeners")


def test_the_override_policy_may_be_named_by_its_java_class() -> None:
    name = "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy"
    assert parse_worker({"connector.client.config.override.policy": name})


def test_a_worker_gives_its_tracing_keys_to_connectors_that_have_none() -> None:
    worker = parse_worker({"tracing.mode": "off", "tracing.links.max": "5", "listeners": "http://h:1"})
    props = with_worker_defaults({"name": "c", "tracing.links.max": "7"}, worker)
    assert props == {"name": "c", "tracing.mode": "off", "tracing.links.max": "7"}


def test_the_defaults_of_tracing_keys_are_those_of_its_settings() -> None:
    for definition in (WORKER, SINK, SOURCE):
        defaults = {one.name: one.default for one in definition if not one.required}
        assert TracingSettings.from_config(defaults) == TracingSettings()
        assert sum(name.startswith("tracing.") for name in defaults) == len(TracingSettings.__dataclass_fields__)


def test_keys_of_workers_are_told_from_others() -> None:
    assert all(map(is_worker_key, ("listeners", "producer.linger.ms", "value.converter.schemas.enable", "group.id")))
    assert not any(map(is_worker_key, ("tasks.max", "topics", "connection.url")))
    assert is_cluster_key("group.id")
    assert not is_cluster_key("offset.storage.file.filename")


def test_initial_states_are_states() -> None:
    assert set(INITIAL_STATES) < set(State)


@pytest.mark.parametrize("groups", [{}, {"topic.creation.groups": "g"}])
def test_a_wrong_default_of_topic_creation_is_reported_once(groups: dict[str, str]) -> None:
    props = {"topic.creation.default.partitions": "-2", "topic.creation.default.replication.factor": "1", **groups}
    with pytest.raises(ConfigErrors) as caught:
        SOURCE.with_keys(topic_creation_keys(props)).parse({"name": "n", "connector.class": "C", **props})
    assert len(caught.value.faults) == 1


def test_without_topic_creation_keys_no_group_is_asked_for() -> None:
    assert topic_creation_keys({"topics": "t"}) == []
