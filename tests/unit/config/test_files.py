"""Configs come in many shapes and from several places; each key knows where it was written."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from connectrt.config.files import read_config
from connectrt.config.settings import ConfigFiles, ConnectorConfig

WORKER_KEYS = ("bootstrap.servers", "group.id", "key.converter", "listeners", "rest.port", "offset.flush.interval.ms",
               "config.storage.topic", "producer.linger_ms", "producer.linger-ms")


def is_worker_key(name: str) -> bool:
    return name in WORKER_KEYS


def read(folder: Path, files: Mapping[str, str | bytes], *sets: str,
         environ: Mapping[str, str] | None = None) -> ConfigFiles:
    for name, text in files.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config([folder / name for name in files], is_worker_key=is_worker_key, sets=sets, environ=environ)


def one_connector(found: ConfigFiles) -> ConnectorConfig:
    assert not found.faults
    [connector] = found.connectors
    return connector


def faults(folder: Path, found: ConfigFiles) -> list[str]:
    return [fault.removeprefix(f"{folder}/") for fault in found.faults]


SECTIONS = """\
worker:
  bootstrap.servers: [a:9092, "b:9092"]
  offset: {flush: {interval.ms: 1000}}
connectors:
  - name: pg-sink
    connector.class: SqlSink
    tasks.max: 2
    errors:
      tolerance: all
      log.enable: True
    ratio: 1.50
    tracing.mode: off
    empty: ""
"""


def test_sections_give_a_worker_and_connectors_with_nested_keys_flattened(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.yaml": SECTIONS})
    assert found.worker.props == {"bootstrap.servers": "a:9092,b:9092", "offset.flush.interval.ms": "1000"}
    assert one_connector(found).settings.props == {
        "name": "pg-sink", "connector.class": "SqlSink", "tasks.max": "2", "errors.tolerance": "all",
        "errors.log.enable": "true", "ratio": "1.50", "tracing.mode": "off", "empty": ""}


def test_each_key_knows_its_file_and_line(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.yaml": SECTIONS})
    assert str(found.worker.origins["offset.flush.interval.ms"]) == f"{tmp_path}/x.yaml:3"
    assert str(one_connector(found).settings.origins["errors.tolerance"]) == f"{tmp_path}/x.yaml:9"
    assert str(one_connector(found).origin) == f"{tmp_path}/x.yaml:5"


FLAT = {"name": "s", "connector.class": "C", "topics": "t"}


@pytest.mark.parametrize(("name", "text"), [
    ("flat.yaml", "name: s\nconnector.class: C\ntopics: [t]"),
    ("flat.json", '{"name": "s", "connector.class": "C", "topics": "t"}'),
    ("flat.properties", "name=s\nconnector.class=C\ntopics=t"),
    ("flat", "name=s\nconnector.class=C\ntopics=t"),
    ("flat.conf", ' {"name": "s", "connector.class": "C", "topics": "t"}'),
    ("s.json", '{"connector.class": "C", "topics": "t"}'),
    ("post.json", '{"name": "s", "config": {"connector.class": "C", "topics": "t"}, "unknown": 1}'),
    ("list.json", '[{"name": "s", "config": {"name": "s", "connector.class": "C", "topics": "t"}}]'),
    ("map.yaml", "connectors:\n  s:\n    connector.class: C\n    topics: t"),
    ("bodies.yaml", "connectors:\n- name: s\n  config:\n    connector.class: C\n    topics: t"),
    ("strimzi.yaml", "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaConnector\nmetadata: {name: s}\n"
                     "spec:\n  class: C\n  config:\n    topics: t"),
    ("list.yaml", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: a\n  kind: KafkaConnector\n  metadata: {name: s}\n"
                  "  spec: {class: C, config: {topics: t}}"),
    ("merged.yaml", "connectors:\n- &base {name: s, topics: x}\n"
                    "- <<: *base\n  connector.class: C\n  topics: t\n  name: s2"),
])
def test_a_connector_is_read_in_every_shape_it_comes_in(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, {name: text})
    assert not found.faults
    connector = found.connectors[-1]
    expected = FLAT if name != "merged.yaml" else FLAT | {"name": "s2"}
    assert dict(connector.settings.props) == expected
    assert connector.name == expected["name"]
    assert not found.worker.props


def test_a_strimzi_resource_gives_tasks_and_state_and_other_kinds_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.yaml": "apiVersion: v1\nkind: Secret\ndata: {}\n---\n"
                                      "apiVersion: k\nkind: KafkaConnector\nmetadata: {name: s}\n"
                                      "spec: {class: C, tasksMax: 3, state: stopped}"})
    assert one_connector(found).settings.props["tasks.max"] == "3"
    assert one_connector(found).initial_state == "STOPPED"
    assert found.warnings == (f"{tmp_path}/x.yaml:1: of Kubernetes only KafkaConnector resources are read; "
                              "this Secret is left out",)


def test_a_javas_worker_file_is_told_from_a_connector_by_its_keys(tmp_path: Path) -> None:
    found = read(tmp_path, {"worker.properties": "bootstrap.servers=a:1\nkey.converter=X", "sink.json": '{"name":"s"}',
                            "typo.yaml": "conector.class: C"})
    assert found.worker.props == {"bootstrap.servers": "a:1", "key.converter": "X"}
    assert [connector.name for connector in found.connectors] == ["s", "typo"]


def test_json_numbers_keep_their_text(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.json": '{"name":"s","a":12345678901234567890,"b":1.50,"c":1e+30,"d":true,"e":["x",2]}'})
    props = one_connector(found).settings.props
    assert [props[key] for key in "abcde"] == ["12345678901234567890", "1.50", "1e+30", "true", "x,2"]


def test_half_characters_in_json_are_replaced(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.json": '{"name": "s", "a\\ud83d": "\\ud800\\ud83d\\ude00"}'})
    assert one_connector(found).settings.props == {"name": "s", "a\ufffd": "\ufffd😀"}


def test_json_keys_know_their_lines_whatever_the_strings_hold(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.json": '{"name": "s: \\"",\n "a":\n "b\\": c",\n "d": {\n "e" : "1"}}'})
    origins = one_connector(found).settings.origins
    assert [origins[key].line for key in ("name", "a", "d.e")] == [1, 2, 5]


def test_a_name_is_trimmed(tmp_path: Path) -> None:
    connector = one_connector(read(tmp_path, {"x.yaml": 'name: " s "\nconnector.class: C'}))
    assert connector.name == connector.settings.props["name"] == "s"


@pytest.mark.parametrize(("initial", "state"), [("", "RUNNING"), ("initial_state: paused", "PAUSED")])
def test_the_initial_state_stands_beside_the_keys(tmp_path: Path, initial: str, state: str) -> None:
    found = read(tmp_path, {"x.yaml": f"name: s\nconnector.class: C\n{initial}"})
    assert one_connector(found).initial_state == state
    assert "initial_state" not in one_connector(found).settings.props


def test_a_folder_gives_its_files_in_order_of_name(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    for name in ("b.json", "a.yaml", ".hidden.yaml", "README.md"):
        (folder / name).write_text('{"connector.class": "C"}')
    found = read_config([folder], is_worker_key=is_worker_key)
    assert [connector.name for connector in found.connectors] == ["a", "b"]
    (empty := tmp_path / "empty").mkdir()
    found = read_config([empty, tmp_path / "absent"], is_worker_key=is_worker_key)
    assert faults(tmp_path, found) == ["empty: there is no file in it that ends in .yaml, .yml, .json, .properties",
                                       "absent: cannot be read: No such file or directory"]


@pytest.mark.parametrize(("name", "text", "fault"), [
    ("x.yaml", "a: 1\n b: 2", "x.yaml:2: not YAML at column 3: mapping values are not allowed in this context; indent "
                              "the keys of a mapping alike, and put values that hold `: ` in quotes"),
    ("x.yaml", "a:\n\tb: 1", "x.yaml:2: not YAML at column 1: found character that cannot start any token; indent with "
                             "blanks, not tabs, and put values that begin with a sign in quotes"),
    ("x.yaml", "a: *x", "x.yaml:1: *x has no anchor &x before it"),
    ("x.yaml", "a: !env X", "x.yaml:1: the tag !env means nothing here; remove it"),
    ("x.yaml", "? [a]\n: b", "x.yaml:1: a key must be text"),
    ("x.yaml", "name: s\n<<: [1]", "x.yaml:2: << takes a mapping, or a list of mappings"),
    ("x.yaml", "name: s\na.b: 1\na: {b: 2}", "x.yaml:3: a.b: stands in line 2 as well"),
    ("x.yaml", "name: s\na: [1, [2]]", "x.yaml:2: a: a list may only hold plain values"),
    ("x.yaml", 'name: s\na: ["x,y"]', "x.yaml:2: a: lists are joined with commas, and an element holds one: write "
                                      "each by itself"),
    ("x.yaml", "name: s\na:", 'x.yaml:2: a: Null value can not be supplied as the configuration value: write "" for no '
                              "text, or leave the key out"),
    ("x.yaml", "name: s\ninitial_state: on", "x.yaml:1: s: initial_state: ON is none of RUNNING, PAUSED, STOPPED"),
    ("x.yaml", "just text", "x.yaml:1: a config is a mapping of keys to values, not one text"),
    ("x.yaml", "# nothing", "x.yaml: the file holds no config"),
    ("x.json", "{}", "x.json: the file holds no config"),
    ("x.yaml", "[1]", "x.yaml:1: a list of connectors may only hold mappings"),
    ("x.yaml", "worker: 1", "x.yaml:1: worker: must be a mapping of keys to values"),
    ("x.yaml", "worker:\nlisteners: a", "x.yaml:2: listeners: worker: and connectors: are the only sections; move "
                                        "it into one"),
    ("x.yaml", "connectors: [1]", "x.yaml:1: connectors: each element must be a mapping of keys to values"),
    ("x.yaml", "connectors:\n  a: 1", "x.yaml:2: a: a connector is a mapping of keys to values"),
    ("x.yaml", "connectors:\n- connector.class: C", "x.yaml:2: name: a connector needs one"),
    ("x.yaml", "connectors:\n  a: {name: b}", "x.yaml:2: name: the config says b, and around it stands a"),
    ("x.yaml", "connectors:\n- name: a\n- name: a", "x.yaml:3: a: a connector of this name stands in "
                                                    "{folder}/x.yaml:2"),
    ("x.yaml", "[" * 100_000, "x.yaml:1: nested deeper than 32 levels"),
    ("x.yaml", b"a: \xff", "x.yaml:1: not UTF-8 text: save the file in that encoding"),
    ("x.yaml", b"a: \x00", "x.yaml: not YAML: unacceptable character #x0000: control characters are not allowed"),
    ("x.json", '{"a": }', "x.json:1: not JSON at column 7: Expecting value"),
    ("x.json", '{"a": 1}\n x', "x.json:2: not JSON at column 2: Extra data"),
    ("x.json", "[" * 100_000, "x.json: nested too deeply for a config"),
    ("x.properties", "a=1\nb=\\uXY", "x.properties:2: Malformed \\uxxxx encoding: four hexadecimal digits must follow "
                                     "\\u; a backslash itself is written \\\\"),
])
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, name: str, text: str | bytes, fault: str) -> None:
    found = read(tmp_path, {name: text})
    assert faults(tmp_path, found) == [fault.replace("{folder}", str(tmp_path))]


def test_faults_of_all_files_are_reported_together_and_the_good_ones_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.yaml": "a: [", "b.json": "{", "c.yaml": "name: good"})
    assert len(found.faults) == 2
    assert [connector.name for connector in found.connectors] == ["good"]


def test_aliases_that_multiply_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = ["x0: &x0 {}"] + [f"x{n}: &x{n} {{a: *x{n - 1}, b: *x{n - 1}}}" for n in range(1, 31)]
    found = read(tmp_path, {"x.yaml": "\n".join(lines)})
    assert faults(tmp_path, found) == ["x.yaml: more than 20000 keys, or nested too deeply"]


def test_two_files_may_not_say_different_things_of_the_one_worker(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.properties": "key.converter=a\nlisteners=x",
                            "b.properties": "key.converter=b\nlisteners=x"})
    assert faults(tmp_path, found) == [f"b.properties:1: key.converter: {tmp_path}/a.properties:1 says otherwise; "
                                       "there is one worker"]


def test_repeats_and_quotes_in_properties_are_warned_about(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.properties": 'name=s\na=1\na="2"'})
    assert one_connector(found).settings.props["a"] == '"2"'
    assert [warning.removeprefix(f"{tmp_path}/") for warning in found.warnings] == [
        "x.properties:3: a: stands in line 2 as well; this one counts",
        "x.properties:3: a: the quotes are part of the value; remove them if that is not meant"]


def test_set_wins_over_the_environment_and_that_over_files_and_files_over_names_of_others(tmp_path: Path) -> None:
    environ = {"CONNECT_LISTENERS": "env", "CONNECT_KEY_CONVERTER": "env", "BOOTSTRAP_SERVERS": "weak",
               "GROUP_ID": "weak", "CONNECT_PRODUCER_LINGER___MS": "1", "CONNECT_PRODUCER_LINGER__MS": "2",
               "CONNECT_PORT_8083_TCP": "tcp://x", "CONNECT_LOG4J_ROOT_LOGLEVEL": "DEBUG"}
    found = read(tmp_path, {"w.yaml": "worker: {bootstrap.servers: file, listeners: file, key.converter: file}"},
                 "listeners=set", environ=environ)
    assert found.worker.props == {"group.id": "weak", "bootstrap.servers": "file", "listeners": "set",
                                  "key.converter": "env", "producer.linger_ms": "1", "producer.linger-ms": "2"}
    assert str(found.worker.origins["listeners"]) == "--set"
    assert str(found.worker.origins["key.converter"]) == "variable CONNECT_KEY_CONVERTER"
    assert found.warnings == ("Variables that name no key of a worker are ignored: CONNECT_PORT_8083_TCP",)


def test_strimzis_variables_are_read(tmp_path: Path) -> None:
    environ = {"KAFKA_CONNECT_BOOTSTRAP_SERVERS": "k:9092", "KAFKA_CONNECT_CONFIGURATION": "group.id=g\nlisteners=x"}
    found = read(tmp_path, {}, environ=environ)
    assert found.worker.props == {"bootstrap.servers": "k:9092", "group.id": "g", "listeners": "x"}
    assert str(found.worker.origins["listeners"]) == "variable KAFKA_CONNECT_CONFIGURATION:2"
    assert read(tmp_path, {}, environ={"KAFKA_CONNECT_CONFIGURATION": "a=\\u"}).faults[0].startswith(
        "variable KAFKA_CONNECT_CONFIGURATION:1: Malformed")


def test_set_finds_the_connector_it_is_for(tmp_path: Path) -> None:
    files = {"x.yaml": "connectors: {a: {k: 1}, a.b: {k: 1}}"}
    found = read(tmp_path, files, "connectors.a.k=2", "a.b.k=3=4", "a.new=5")
    assert [dict(connector.settings.props) for connector in found.connectors] == [
        {"name": "a", "k": "2", "new": "5"}, {"name": "a.b", "k": "3=4"}]
    found = read(tmp_path, {"y.yaml": "name: only"}, "tasks.max=2")
    assert one_connector(found).settings.props["tasks.max"] == "2"


def test_set_for_nobody_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, {"x.yaml": "connectors: {a: {k: 1}, b: {k: 1}}"}, "k=2", "connectors.c.k=2", "novalue", "=x")
    assert found.faults == (
        "--set k: not a key of the worker; for a connector write --set connectors.<name>.<key>=… (connectors: a, b)",
        "--set connectors.c.k: not a key of the worker; for a connector write --set connectors.<name>.<key>=… "
        "(connectors: a, b)",
        "--set novalue: write --set key=value",
        "--set : write --set key=value")


def test_printed_configs_hold_no_values(tmp_path: Path) -> None:
    assert "geheim" not in repr(read(tmp_path, {"x.yaml": "name: s\npassword: geheim"}))
