"""Everything wrong with all files is reported together, each line with where it was written and what to do."""

from pathlib import Path

import pytest

from connectrt.config.definition import ConfigDef, Type, key
from connectrt.config.files import read_config
from connectrt.errors import PluginError
from connectrt.herder.preflight import Checked, check_files
from connectrt.plugins.discovery import PluginInfo, PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.sdk import Converter, SinkConnector, SinkTask, SourceConnector, Transformation
from connectrt.worker.config import is_worker_key


class Sink(SinkConnector):
    task_class = SinkTask
    CONFIG = ConfigDef(key("connection.url", Type.STRING), key("connection.password", Type.PASSWORD, None))


class Source(SourceConnector):
    CONFIG = ConfigDef()


class Text(Converter):
    CONFIG = ConfigDef(key("schemas.enable", Type.BOOLEAN, True))


class Mask(Transformation):
    CONFIG = ConfigDef(key("fields", Type.LIST))


PLUGINS = Plugins([
    *(PluginInfo(kind, f"{__name__}:{target}", (name,), "tests", "1") for kind, target, name in (
        (PluginKind.SINK_CONNECTOR, "Sink", "SqlSinkConnector"),
        (PluginKind.SOURCE_CONNECTOR, "Source", "SqlSourceConnector"),
        (PluginKind.CONVERTER, "Text", "org.apache.kafka.connect.storage.StringConverter"),
        (PluginKind.CONVERTER, "Text", "org.apache.kafka.connect.json.JsonConverter"),
        (PluginKind.HEADER_CONVERTER, "Head", "org.apache.kafka.connect.storage.SimpleHeaderConverter"),
        (PluginKind.TRANSFORMATION, "Mask", "MaskField"))),
    PluginInfo(PluginKind.CONFIG_PROVIDER, "connectrt.config_providers.env:EnvVarConfigProvider",
               ("EnvVarConfigProvider",), "connectrt", "1"),
    PluginInfo(PluginKind.CONFIG_PROVIDER, "connectrt.config_providers.file:FileConfigProvider",
               ("FileConfigProvider",), "connectrt", "1")])

GOOD = """\
name: pg
connector.class: SqlSink
topics: orders
connection.url: postgresql://localhost/x
"""


def check(folder: Path, text: str, *sets: str) -> Checked:
    (folder / "x.yaml").write_text(text)
    return check_files(read_config([folder / "x.yaml"], is_worker_key=is_worker_key, sets=sets), PLUGINS)


def faults(folder: Path, text: str) -> list[str]:
    return [fault.replace(f"{folder}/", "") for fault in check(folder, text).faults]


def warnings(folder: Path, text: str) -> list[str]:
    checked = check(folder, text)
    assert not checked.faults
    return [warning.replace(f"{folder}/", "") for warning in checked.warnings]


def not_found(name: str, kind: PluginKind | None = None) -> str:
    with pytest.raises(PluginError) as caught:
        PLUGINS.find_connector(name) if kind is None else PLUGINS.find(kind, name)
    assert "did you mean" in str(caught.value)
    return str(caught.value)


def test_a_good_file_gives_a_worker_and_no_word(tmp_path: Path) -> None:
    checked = check(tmp_path, GOOD, "listeners=http://127.0.0.1:1")
    assert checked.faults == checked.warnings == ()
    assert checked.worker.get_list("listeners") == ["http://127.0.0.1:1"]
    assert checked.resolve({"a": "b"}) == {"a": "b"}


def test_faults_of_the_worker_and_of_all_connectors_come_together(tmp_path: Path) -> None:
    text = """\
worker:
  offset.flush.interval.ms: soon
  value.converter: JsnConverter
connectors:
  a: {connector.class: SqlSnk, topics: t}
  b:
    connector.class: SqlSink
    connection.url: x
    tasks.max: no
"""
    assert faults(tmp_path, text) == [
        "x.yaml:2: offset.flush.interval.ms: Invalid value soon for configuration offset.flush.interval.ms: Not a "
        "number of type LONG",
        f"x.yaml:3: value.converter: {not_found('JsnConverter', PluginKind.CONVERTER)}",
        f"x.yaml:5: a: connector.class: {not_found('SqlSnk')}",
        "x.yaml:9: b: tasks.max: Invalid value no for configuration tasks.max: Not a number of type INT",
        "x.yaml:6: b: topics: Must configure one of topics or topics.regex",
        "x.yaml:6: b: topics.regex: Must configure one of topics or topics.regex"]


@pytest.mark.parametrize(("text", "fault"), [
    (GOOD.replace("connection.url", "conection.url"),
     'x.yaml:1: pg: connection.url: Missing required configuration "connection.url" which has no default value. '
     "Did you mean it by conection.url (x.yaml:4)?"),
    (GOOD.replace("connector.class", "conector.class"),
     "x.yaml:2: pg: conector.class: unknown key; did you mean connector.class?"),
    (GOOD.replace("connector.class: SqlSink", ""),
     "x.yaml:1: pg: connector.class: Connector config {name, topics, connection.url} contains no connector type: set "
     "connector.class to one of `connectrt plugins`"),
    (GOOD + "key.converter: StringConvertr",
     "x.yaml:5: pg: key.converter: Invalid value StringConvertr for configuration key.converter: Class StringConvertr "
     "could not be found. Did you mean StringConverter?"),
    (GOOD + "kafka.auth.mode: KEY",
     "x.yaml:2: pg: connector.class: kafka.auth.mode belongs to a connector of a managed cloud"),
    (GOOD + "x: ${file:/absent:y}",
     "x.yaml:1: pg: x: Could not read properties from file /absent"),
    ("name: s\nconnector.class: SqlSource\ntopic.creation.default.partitions: 1",
     'x.yaml:1: s: topic.creation.default.replication.factor: Missing required configuration "topic.creation.default.'),
    ("worker: {config.providers: vault}\nconnectors: {}",
     'config.providers.vault.class: Missing required configuration "config.providers.vault.class" which has'),
    ("worker: {tracing.mode: batch+children}\nconnectors: {}",
     "x.yaml:1: tracing.mode: Invalid value batch+children for configuration tracing.mode: a span for every record is "
     "not built yet; use batch+links")])
def test_a_fault_names_file_line_connector_key_and_cure(tmp_path: Path, text: str, fault: str) -> None:
    [found] = faults(tmp_path, text)
    assert found.startswith(fault)


@pytest.mark.parametrize(("line", "warning"), [
    ("tsks.max: 2", "tsks.max: unknown key; did you mean tasks.max?"),
    ("qwertz: 2", "qwertz: unknown key"),
    ("bootstrap.servers: k:9092",
     "bootstrap.servers: a key of the worker, which has no effect here: put it under worker:"),
    ("_comment: x", "_comment: taken for a comment; YAML has # for that"),
    ("confluent.license: x",
     "confluent.license: belongs to a product of Confluent and has no effect here; remove it"),
    ("value.converter.schemas.enable: false",
     "value.converter.schemas.enable: has no effect: the worker's value.converter is used, with the worker's keys; set "
     "value.converter here as well"),
    ("transforms.mask.type: MaskField", "transforms.mask.type: has no effect: mask does not stand in transforms"),
    ("connector.plugin.version: '1'",
     "connector.plugin.version: of each plugin the one version that is installed is used; choose it with pip"),
    ("connection.password: ${env:CONNECTRT_ABSENT}",
     "connection.password: ${env:CONNECTRT_ABSENT} has no value and stays as it is written; set it, or correct its "
     "name")])
def test_what_has_no_effect_is_warned_about(tmp_path: Path, line: str, warning: str) -> None:
    assert warnings(tmp_path, GOOD + line) == [f"x.yaml:5: pg: {warning}"]


def test_keys_of_transforms_converters_and_clients_are_known(tmp_path: Path) -> None:
    assert warnings(tmp_path, GOOD + "transforms: m\ntransforms.m: {type: MaskField, fields: a}\n"
                    "value.converter: JsonConverter\nvalue.converter.schemas.enable: false\n"
                    "consumer.override.group.id: g") == []
    assert warnings(tmp_path, GOOD + "transforms: m\ntransforms.m: {type: MaskField, fields: a, feilds: b}") == [
        "x.yaml:6: pg: transforms.m.feilds: unknown key; did you mean transforms.m.fields?"]


@pytest.mark.parametrize(("line", "warning"), [
    ("listenrs: x", "listenrs: unknown key of the worker; did you mean listeners?"),
    ("rest.port: 8083", "rest.port: no longer read: set listeners=http://host:port"),
    ("group.id: g", "group.id: belongs to workers that form a cluster and has no effect here"),
    ("producer.interceptor.classes: X",
     "producer.interceptor.classes: Java classes cannot be loaded, and tracing needs none: it is built in; remove it")])
def test_a_workers_keys_without_effect_are_warned_about(tmp_path: Path, line: str, warning: str) -> None:
    assert warnings(tmp_path, f"worker:\n  {line}") == [f"x.yaml:2: {warning}"]


def test_faults_hold_no_secrets(tmp_path: Path) -> None:
    found = check(tmp_path, GOOD + "connection.password: geheim\ntasks.max: x\nconector.class: y")
    assert found.faults
    assert "geheim" not in f"{found.faults} {found.warnings} {found.worker}"
