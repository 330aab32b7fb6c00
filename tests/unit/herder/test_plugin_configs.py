"""Bundled plugins have the keys of their Java namesakes; the vectors were recorded from Kafka Connect 4.3.1."""

import json
from pathlib import Path

import pytest

from connectrt.config.definition import ConfigDef, ConfigKey
from connectrt.config.parsing import value_text
from connectrt.errors import PluginError
from connectrt.plugins.discovery import PluginKind
from connectrt.plugins.loader import Plugins

VECTORS = Path(__file__).parents[2] / "vectors" / "values" / "plugin-configs.json"
PLUGINS = Plugins.discover()


def definition(class_name: str) -> ConfigDef | None:
    for kind in PluginKind:
        try:
            plugin = PLUGINS.load(kind, class_name)
        except PluginError:
            continue
        return plugin.CONFIG
    return None


CASES = {case["id"]: case for case in json.loads(VECTORS.read_text())["cases"]
         if case["op"] in ("pluginDef", "pluginConfig") and definition(case["class"]) is not None}


def plain(value: object) -> object:
    return next(iter(value.values())) if isinstance(value, dict) else value


def described(one: ConfigKey) -> dict:
    found = {"name": one.name, "type": one.type, "importance": one.importance}
    if not one.required:
        found |= {"default": one.default, "defaultText": value_text(one.default)}
    optional = {"validator": None if one.valid is None else str(one.valid), "group": one.group, "order": one.order,
                "width": None if one.width == "NONE" else one.width,
                "displayName": None if one.display_name == one.name else one.display_name}
    return found | {name: value for name, value in optional.items() if value is not None}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_bundled_plugin_is_configured_as_in_java(name: str) -> None:
    case = CASES[name]
    expected = [{key: plain(value) for key, value in spec.items()} for spec in case["out"]["ok"]]
    own = definition(case["class"])
    assert own is not None
    if case["op"] == "pluginDef":
        assert [described(one) for one in own] == expected
    else:
        found = [{"name": value.name, "value": value.value} | ({"errors": value.errors} if value.errors else {})
                 for value in own.validate(case["props"])]
        assert sorted(found, key=lambda value: value["name"]) == expected


def test_all_converters_of_kafka_are_among_them() -> None:
    assert {case["class"].rpartition(".")[2] for case in CASES.values()} >= {
        "JsonConverter", "StringConverter", "SimpleHeaderConverter", "ByteArrayConverter", "LongConverter",
        "BooleanConverter"}
