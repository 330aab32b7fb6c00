"""Foreign bytes give configs or faults, never an exception; properties survive being written and read."""

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectrt.config.documents import read_document
from connectrt.config.files import read_config
from connectrt.config.properties import PropertiesError, read_properties

SHAPES = ["worker", "connectors", "config", "name", "kind", "apiVersion", "spec", "metadata", "items", "class", "state",
          "initial_state", "connector.class", "KafkaConnector", "List"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(SHAPES)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(SHAPES) | st.text(max_size=4), inner, max_size=5),
    max_leaves=20)
#: What YAML is made of: random text of these reaches far more of a parser than random bytes do.
PIECES = st.lists(st.sampled_from([
    "a", "b.c", ": ", ":", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "<<", "!t ", "!!str ", '"',
    "'", "|", ">", "#", "---\n", "...", "? ", "null", "~", "true", "worker", "connectors", "name", "\\", "%", "@", "\0",
    "é"]), max_size=40).map("".join)
NAMES = st.sampled_from(["x.yaml", "x.json", "x.properties", "x", "x.YML"])


def read(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        found = read_config([path], is_worker_key=lambda key: False)
    assert found.faults or not read_document(name, data).faults


@given(name=NAMES, data=st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    read(name, data)


@given(name=NAMES, text=PIECES)
def test_random_pieces_of_syntax_are_read_or_refused(name: str, text: str) -> None:
    read(name, text.encode())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tree=TREES, name=NAMES)
def test_any_tree_in_any_format_is_read_or_refused(tree: object, name: str) -> None:
    read(name, yaml.safe_dump(tree, allow_unicode=True, default_flow_style=name == "x.json").encode("utf-8", "replace"))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", '{"a":', "&a [", "? "])
def test_deep_nesting_is_refused_without_harm(opening: str) -> None:
    for name in ("x.yaml", "x.json"):
        assert read_document(name, (opening * 50_000).encode()).faults


def written(key: str, value: str) -> str:
    """One property as `java.util.Properties.store` writes it."""
    def escaped(text: str, signs: str) -> str:
        codes = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"} | {sign: f"\\{sign}" for sign in signs + "\\"}
        units = text.encode("utf-16-be")
        characters = [units[at:at + 2].decode("utf-16-be", "surrogatepass") for at in range(0, len(units), 2)]
        return "".join(codes.get(one) or (one if " " <= one <= "~" else f"\\u{ord(one):04x}") for one in characters)

    return f"{escaped(key, '=:#! ')}={escaped(value[:1], '=:#! ')}{escaped(value[1:], '=:#!')}"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(pairs=st.dictionaries(WORDS, WORDS, max_size=8))
def test_properties_survive_being_written_by_java_and_read(pairs: dict[str, str]) -> None:
    text = "#comment\n" + "\n".join(written(key, value) for key, value in pairs.items())
    assert {one.key: one.value for one in read_properties(text.encode())} == pairs


@given(data=st.binary(max_size=200) | PIECES.map(str.encode))
def test_properties_are_read_or_refused_with_a_line_that_exists(data: bytes) -> None:
    try:
        lines = [one.line for one in read_properties(data)]
    except PropertiesError as error:
        lines = [error.line]
    assert all(1 <= line <= data.count(b"\n") + data.count(b"\r") + 1 for line in lines)
