"""Connector configs are validated as in Kafka Connect; the vectors were recorded from Kafka Connect 4.3.1."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from connectrt.config.definition import ConfigDef, Importance, Type, key
from connectrt.config.validators import all_of, no_repeats, non_empty, one_of, regular_expression
from connectrt.errors import ConfigError, ConfigErrors, PluginError
from connectrt.herder.validation import check_connector, validate_connector, validate_framework
from connectrt.plugins.discovery import PluginInfo, PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.sdk import (
    Converter,
    HeaderConverter,
    Predicate,
    SchemaAndValue,
    SinkConnector,
    SinkRecord,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    Transformation,
)
from connectrt.worker.config import SINK, SOURCE, parse_worker

VECTORS = Path(__file__).parents[2] / "vectors" / "values" / "connector-configs.json"
CASES = {case["id"]: case for case in json.loads(VECTORS.read_text())["cases"] if case.get("kind") == "validate"}


class Filter(Transformation):
    def apply(self, record):
        return None


class InsertField(Filter):
    CONFIG = ConfigDef(key("static.value", Type.STRING, None, group="Static", order=3))


class MaskField(Filter):
    CONFIG = ConfigDef(key("replacement", Type.STRING, None, valid=non_empty(), importance=Importance.LOW),
                       key("fields", Type.LIST, valid=no_repeats(), importance=Importance.HIGH))


class TopicNameMatches(Predicate):
    CONFIG = ConfigDef(key("pattern", Type.STRING, valid=all_of(non_empty(), regular_expression())))

    def test(self, record: SinkRecord | SourceRecord) -> bool:
        return True


class HasHeaderKey(TopicNameMatches):
    CONFIG = ConfigDef(key("name", Type.STRING, valid=non_empty()))


class TextConverter(Converter):
    CONFIG = ConfigDef(key("converter.type", Type.STRING, valid=one_of("key", "value", "header")),
                       key("schemas.enable", Type.BOOLEAN, True, group="Schemas"))

    def from_connect_data(self, topic: str, schema: object, value: object) -> bytes | None:
        return None

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, None)


class TextHeaderConverter(HeaderConverter):
    def from_connect_header(self, topic: str, name: str, schema: object, value: object) -> bytes | None:
        return None

    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, None)


class Sink(SinkTask):
    def put(self, records) -> None: ...


class Source(SourceTask):
    def poll(self) -> None:
        return None


class FileSink(SinkConnector):
    task_class = Sink
    CONFIG = ConfigDef(key("file", Type.STRING), key("mode", Type.STRING, "append", valid=one_of("append", "replace")),
                       key("password", Type.PASSWORD, None), key("tasks.max", Type.INT, 3))

    @classmethod
    def validate(cls, config: Mapping[str, str]) -> Mapping[str, list[str]]:
        if config.get("fail.with"):
            raise ConfigErrors(["all wrong"]) if config["fail.with"] == "many" else ConfigError("file", "x", "not so")
        return {"file": ["is locked"], "nobody": ["is strange"]} if config.get("file") == "locked" else {}


class FileSource(SourceConnector):
    task_class = Source
    CONFIG = ConfigDef(key("topic", Type.STRING))


TRANSFORMS = "org.apache.kafka.connect.transforms"
NAMES = {
    FileSink: (PluginKind.SINK_CONNECTOR, "org.apache.kafka.connect.file.FileStreamSinkConnector"),
    FileSource: (PluginKind.SOURCE_CONNECTOR, "org.apache.kafka.connect.file.FileStreamSourceConnector"),
    Filter: (PluginKind.TRANSFORMATION, f"{TRANSFORMS}.Filter"),
    InsertField: (PluginKind.TRANSFORMATION, f"{TRANSFORMS}.InsertField$Value"),
    MaskField: (PluginKind.TRANSFORMATION, f"{TRANSFORMS}.MaskField$Value"),
    TopicNameMatches: (PluginKind.PREDICATE, f"{TRANSFORMS}.predicates.TopicNameMatches"),
    HasHeaderKey: (PluginKind.PREDICATE, f"{TRANSFORMS}.predicates.HasHeaderKey"),
    TextConverter: (PluginKind.CONVERTER, "org.apache.kafka.connect.storage.StringConverter"),
    TextHeaderConverter: (PluginKind.HEADER_CONVERTER, "org.apache.kafka.connect.storage.SimpleHeaderConverter"),
}
PLUGINS = Plugins([
    *(PluginInfo(kind, f"{__name__}:{one.__name__}", (name,), "tests", "1.2") for one, (kind, name) in NAMES.items()),
    PluginInfo(PluginKind.CONVERTER, "tests.no_such_module:Broken", ("Broken",), "tests", "1"),
    PluginInfo(PluginKind.TRANSFORMATION, "tests.no_such_module:Broken", ("BrokenTransform",), "tests", "1")])
WORKER = parse_worker({})
SINK_PROPS = {"name": "c", "connector.class": "FileStreamSink", "topics": "t", "file": "f"}


def errors_of(values) -> dict[str, list[str]]:
    return {value.name: value.errors for value in values if value.errors}


def errors(props: Mapping[str, str | None], worker: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    infos = validate_connector(props, PLUGINS, parse_worker(worker or {}))
    assert infos.error_count == sum(len(info.value.errors) for info in infos.configs)
    return errors_of(info.value for info in infos.configs)


def plain(value: object) -> object:
    return next(iter(value.values())) if isinstance(value, dict) else value


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_framework_finds_what_java_finds(name: str) -> None:
    case = CASES[name]
    framework = validate_framework(SINK if case["side"] == "sink" else SOURCE, case["props"], PLUGINS)
    wrong = sorted((value for value in framework.values.values() if value.errors), key=lambda value: value.name)
    expected = case["out"]["ok"]
    assert [value.name for value in wrong] == [spec["name"] for spec in expected]
    for value, spec in zip(wrong, expected, strict=True):
        assert value.value == plain(spec["value"])
        assert value.visible == spec.get("visible", True)
        assert len(value.errors) == len(spec["errors"])
        for error, text in zip(value.errors, spec["errors"], strict=True):
            assert error.startswith(text.partition("Unclosed group")[0])  # what follows are Java's words


def test_the_answer_has_the_shape_of_the_rest_endpoint() -> None:
    answer = validate_connector(SINK_PROPS | {"password": "geheim", "unknown": "x"}, PLUGINS, WORKER).to_json()
    assert answer["name"] == "FileStreamSink"
    assert answer["error_count"] == 0
    assert answer["groups"] == ["Common", "Transforms", "Predicates", "Error Handling", "Tracing"]
    assert isinstance(answer["configs"], list)
    by_name = {config["value"]["name"]: config for config in answer["configs"]}
    assert by_name["topics"] == {
        "definition": {"name": "topics", "type": "LIST", "required": False, "default_value": "", "importance": "HIGH",
                       "documentation": SINK["topics"].doc, "group": "Common", "order_in_group": 4, "width": "LONG",
                       "display_name": "Topics", "dependents": []},
        "value": {"name": "topics", "value": "t", "recommended_values": [], "errors": [], "visible": True}}
    assert by_name["file"]["definition"]["order_in_group"] == -1
    assert by_name["password"]["value"]["value"] == "[hidden]"
    assert "unknown" not in by_name
    assert "geheim" not in json.dumps(answer)


def test_a_key_that_the_connector_defines_again_is_the_connectors() -> None:
    infos = validate_connector(SINK_PROPS, PLUGINS, WORKER)
    [tasks] = [info for info in infos.configs if info.value.name == "tasks.max"]
    assert tasks.value.value == 3


def test_defaults_and_choices_show_what_is_installed() -> None:
    infos = validate_connector(SINK_PROPS | {"connector.class": "FileStreamSinkConnector"}, PLUGINS,
                               parse_worker({"value.converter": "StringConverter"}))
    found = {info.value.name: info.value for info in infos.configs}
    text = "org.apache.kafka.connect.storage.StringConverter"
    assert found["connector.plugin.version"].value == "1.2"
    assert found["value.converter"].value == text
    assert found["value.converter"].recommended_values == [text, "tests.no_such_module.Broken"]
    assert found["key.converter.plugin.version"].value == "1.2"
    assert found["header.converter"].value == "org.apache.kafka.connect.storage.SimpleHeaderConverter"


def test_transforms_and_predicates_bring_their_keys() -> None:
    infos = validate_connector(SINK_PROPS | {
        "transforms": "i,m", "transforms.i.type": f"{TRANSFORMS}.InsertField$Value",
        "transforms.m.type": "org.apache.kafka.connect.transforms.MaskField$Value", "transforms.m.fields": "a",
        "transforms.m.predicate": "p", "predicates": "p", "predicates.p.type": "TopicNameMatches",
        "predicates.p.pattern": "a.*"}, PLUGINS, WORKER)
    assert infos.error_count == 0
    places = [(info.value.name, info.definition.order, info.definition.group) for info in infos.configs
              if info.definition and (info.definition.group or "").startswith(("Transforms: ", "Predicates: "))]
    assert places == [
        ("transforms.i.type", 0, "Transforms: i"), ("transforms.i.plugin.version", 1, "Transforms: i"),
        ("transforms.i.negate", 2, "Transforms: i"), ("transforms.i.predicate", 3, "Transforms: i"),
        ("transforms.i.static.value", 4, "Transforms: i: Static"),
        ("transforms.m.type", 0, "Transforms: m"), ("transforms.m.plugin.version", 1, "Transforms: m"),
        ("transforms.m.fields", 2, "Transforms: m"), ("transforms.m.negate", 3, "Transforms: m"),
        ("transforms.m.predicate", 4, "Transforms: m"), ("transforms.m.replacement", 5, "Transforms: m"),
        ("predicates.p.type", 0, "Predicates: p"), ("predicates.p.plugin.version", 1, "Predicates: p"),
        ("predicates.p.pattern", 2, "Predicates: p")]


def test_a_fault_in_a_transforms_key_calls_it_by_its_own_name() -> None:
    found = errors(SINK_PROPS | {"transforms": "m", "transforms.m.type": f"{TRANSFORMS}.MaskField$Value",
                                 "transforms.m.fields": "a,a"})
    assert found == {"transforms.m.fields": ["Configuration 'fields' values must not be duplicated."]}


def test_a_converter_given_here_is_checked_with_the_keys_given_here() -> None:
    props = SINK_PROPS | {"value.converter": "String", "value.converter.schemas.enable": "maybe"}
    assert errors(props) == {"value.converter.schemas.enable": [
        "Invalid value maybe for configuration schemas.enable: Expected value to be either true or false"]}
    infos = validate_connector(props, PLUGINS, WORKER)
    assert infos.names[-2:] == ("value.converter.converter.type", "value.converter.schemas.enable")
    assert infos.groups[-1] == "Schemas"
    assert "value.converter.schemas.enable" not in validate_connector(SINK_PROPS, PLUGINS, WORKER).names


@pytest.mark.parametrize(("props", "name", "text"), [
    ({"key.converter": "Broken"}, "key.converter", "converter tests.no_such_module.Broken of tests 1 cannot be"),
    ({"transforms": "b", "transforms.b.type": "BrokenTransform"}, "transforms.b.type", "transformation tests.no_such_"),
    ({"file": "locked"}, "nobody", "is strange"),
    ({"file": "locked"}, "file", "is locked"),
    ({"fail.with": "many"}, "connector.class", "all wrong"),
    ({"fail.with": "one"}, "file", "Invalid value x for configuration file: not so"),
    ({"mode": "x"}, "mode", "Invalid value x for configuration mode: String must be one of: append, replace"),
    ({"topics": "t,"}, "topics", "Configuration 'topics' values must not be empty."),
    ({"topics": ""}, "topics.regex", "Must configure one of topics or topics.regex"),
    ({"topics.regex": "x"}, "topics", "topics and topics.regex are mutually exclusive options, but both are set.")])
def test_a_fault_is_reported_under_its_key(props: Mapping[str, str], name: str, text: str) -> None:
    [error] = errors({**SINK_PROPS, **props})[name]
    assert error.startswith(text)


def test_what_a_connector_stumbles_over_is_not_reported_twice() -> None:
    assert list(errors({**SINK_PROPS, "fail.with": "many", "mode": "x"})) == ["mode"]


def test_null_is_refused_except_for_the_connectors_own_keys() -> None:
    null = "Null value can not be supplied as the configuration value."
    assert errors({**SINK_PROPS, "errors.tolerance": None}) == {"errors.tolerance": [
        "Invalid value null for configuration errors.tolerance: String must be one of: none, all", null]}
    assert errors({**SINK_PROPS, "file": None}) == {}
    assert errors({**SINK_PROPS, "unknown": None}) == {"unknown": [null]}


def test_a_connector_class_must_be_given_and_installed() -> None:
    with pytest.raises(ConfigError, match=r"Connector config \{name, password\} contains no connector type") as caught:
        validate_connector({"name": "c", "password": "geheim"}, PLUGINS, WORKER)
    assert "geheim" not in str(caught.value)
    with pytest.raises(PluginError, match=r"which name matches FileStremSink, did you mean .*FileStreamSinkConnector"):
        validate_connector({"connector.class": "FileStremSink"}, PLUGINS, WORKER)


@pytest.mark.parametrize(("policy", "props", "refused"), [
    ("All", {"consumer.override.group.id": "g"}, []),
    ("None", {"consumer.override.group.id": "g", "producer.override.acks": "1"}, ["consumer.override.group.id"]),
    ("None", {"producer.override.acks": "1", "errors.deadletterqueue.topic.name": "q"}, ["producer.override.acks"]),
    ("Principal", {"consumer.override.sasl.mechanism": "PLAIN", "consumer.override.group.id": "g"},
     ["consumer.override.group.id"]),
    ("Allowlist", {"consumer.override.group.id": "g", "consumer.override.x": "g"}, ["consumer.override.x"])])
def test_client_settings_may_be_changed_as_the_policy_says(policy: str, props: Mapping[str, str],
                                                            refused: list[str]) -> None:
    worker = {"connector.client.config.override.policy": policy,
              "connector.client.config.override.allowlist": "group.id"}
    found = errors({**SINK_PROPS, **props}, worker)
    assert list(found) == refused
    for name, [text] in found.items():
        assert text == (f"The '{policy}' policy does not allow '{name.split('.', 2)[2]}' to be overridden in the "
                        "connector configuration.")


def test_sources_may_not_override_the_admin_client_that_creates_their_topics() -> None:
    props = {"name": "s", "connector.class": "FileStreamSource", "topic": "t", "admin.override.x": "1"}
    worker = {"connector.client.config.override.policy": "None"}
    assert errors(props, worker) == {}
    assert list(errors({**props, "topic.creation.default.partitions": "1"}, worker)) == ["admin.override.x"]


def test_variables_are_resolved_before_anything_is_checked(tmp_path: Path) -> None:
    (tmp_path / "p.properties").write_text("tasks=many")
    plugins = Plugins([*PLUGINS.list(), *(
        PluginInfo(PluginKind.CONFIG_PROVIDER, f"connectrt.config_providers.{module}:{name}", (name,), "connectrt", "1")
        for module, name in (("env", "EnvVarConfigProvider"), ("file", "FileConfigProvider"),
                             ("directory", "DirectoryConfigProvider")))])
    props = SINK_PROPS | {"errors.retry.timeout": f"${{file:{tmp_path}/p.properties:tasks}}"}
    infos = validate_connector(props, plugins, WORKER)
    assert errors_of(info.value for info in infos.configs) == {"errors.retry.timeout": [
        "Invalid value many for configuration errors.retry.timeout: Not a number of type LONG"]}
    with pytest.raises(ConfigErrors, match=r"file: Could not read properties from file /absent"):
        validate_connector(SINK_PROPS | {"file": "${file:/absent:x}"}, plugins, WORKER)


def test_checking_raises_all_errors_together() -> None:
    check_connector(SINK_PROPS, PLUGINS, WORKER)
    with pytest.raises(ConfigErrors) as caught:
        check_connector(SINK_PROPS | {"mode": "x", "errors.log.enable": "y"}, PLUGINS, WORKER)
    assert caught.value.faults == (
        "Invalid value y for configuration errors.log.enable: Expected value to be either true or false",
        "Invalid value x for configuration mode: String must be one of: append, replace")
