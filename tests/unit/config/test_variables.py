"""Variables resolve as in Kafka's ConfigTransformer; the vectors were recorded from Kafka 4.3.1."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from connectrt.config.variables import resolve, unresolved
from connectrt.errors import ConfigError, ConfigErrors

VECTORS = Path(__file__).parents[2] / "vectors" / "values" / "variables.json"
CASES = {case["id"]: case for case in json.loads(VECTORS.read_text())["cases"]}


class Table:
    """A provider with its values in memory; remembers what it was asked."""

    def __init__(self, paths: Mapping[str, Mapping[str, str]]) -> None:
        self.paths = paths
        self.asked: list[tuple[str, frozenset[str]]] = []

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        self.asked.append((path, keys))
        if path == "/broken":
            raise ConfigError(path, text="Could not read /broken")
        return {key: value for key, value in self.paths.get(path, {}).items() if key in keys}


@pytest.mark.parametrize("name", sorted(CASES))
def test_variables_resolve_as_in_kafka(name: str) -> None:
    case = CASES[name]
    props = {key: text for key, text in case["props"].items() if text is not None}
    expected = {key: text for key, text in case["out"]["ok"]["props"].items() if text is not None}
    assert resolve(props, {name: Table(paths) for name, paths in case["providers"].items()}) == expected


def test_a_path_is_read_once_for_all_its_keys() -> None:
    table = Table({"/p": {"a": "1", "b": "2"}})
    assert resolve({"x": "${f:/p:a}-${f:/p:b}", "y": "${f:/p:a}"}, {"f": table}) == {"x": "1-2", "y": "1"}
    assert table.asked == [("/p", frozenset("ab"))]


def test_paths_that_cannot_be_read_are_reported_together_with_the_keys_that_need_them() -> None:
    with pytest.raises(ConfigErrors) as caught:
        resolve({"y": "${f:/broken:a}", "x": "${f:/broken:b}", "z": "${secrets:ns/s:key}"}, {"f": Table({})})
    secrets, broken = caught.value.faults
    assert broken == "x, y: Could not read /broken"
    assert secrets.startswith("z: ${secrets:…} is read by an operator for Kubernetes only: mount the secret")


def test_variables_that_stay_are_told_and_values_that_look_like_one_are_not() -> None:
    raw = {"password": "${f:/p:absent}", "other": "x${unknown:y}", "secret": "${f:/p:odd}", "plain": "${topic}"}
    resolved = resolve(raw, {"f": Table({"/p": {"odd": "${a:geheim}"}})})
    assert list(unresolved(raw, resolved)) == [("password", "${f:/p:absent}"), ("other", "${unknown:y}")]
