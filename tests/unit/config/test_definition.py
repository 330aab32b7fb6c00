"""ConfigDef answers as Kafka's own does; the vectors were recorded from Kafka 4.3.1."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from connectrt.config.definition import NO_DEFAULT, Config, ConfigDef, ConfigKey, Importance, Type, Width, key
from connectrt.config.parsing import parse_value, value_text
from connectrt.config.secrets import Password
from connectrt.config.validators import (
    Validator,
    all_of,
    at_least,
    at_most_elements,
    between,
    list_of,
    no_repeats,
    non_empty,
    non_empty_without_control_characters,
    non_null,
    one_of,
    one_of_ignoring_case,
)
from connectrt.errors import ConfigError, ConfigErrors

VECTORS = Path(__file__).parents[2] / "vectors" / "values" / "ConfigDef.json"
CASES = {case["id"]: case for case in json.loads(VECTORS.read_text())["cases"]}
#: Java refuses a Long for an INT and an Integer for a SHORT; Python has one integer class and looks at the range.
ONE_INTEGER_CLASS = {"ConfigDef-032", "ConfigDef-039"}
PYTHON_NAMES = {"java.lang.Integer": "int", "java.lang.Boolean": "bool", "java.lang.Double": "float"}

RULES: Mapping[str, Callable[..., Validator]] = {
    "atLeast": lambda low: at_least(decode(low)),
    "between": lambda bounds: between(*map(decode, bounds)),
    "in": lambda allowed: one_of(*allowed),
    "ciIn": lambda allowed: one_of_ignoring_case(*allowed),
    "listIn": lambda allowed: list_of(*allowed),
    "listInNonEmpty": lambda allowed: list_of(*allowed, empty=False),
    "listInOrEmpty": lambda allowed: list_of(*allowed),
    "noDuplicates": lambda flags: no_repeats(empty=flags[0], null=flags[1]),
    "listSize": at_most_elements,
    "nonEmpty": lambda _: non_empty(),
    "nonEmptyNoControl": lambda _: non_empty_without_control_characters(),
    "nonNull": lambda _: non_null(),
    "all": lambda rules: all_of(*map(rule, rules)),
}


class Recommends:
    def __init__(self, values: list[str], visible_if: list[str]) -> None:
        self.values, self.visible_if = values, visible_if

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> list[str]:
        return self.values

    def visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        return parsed[self.visible_if[0]] == self.visible_if[1]


def decode(value):
    if not isinstance(value, dict):
        return value
    [(tag, inner)] = value.items()
    match tag:
        case "$i16" | "$i32" | "$i64":
            return inner
        case "$f64":
            return float(inner)
        case "$class":
            return inner
        case "$password":
            return Password(inner)
    raise AssertionError(f"unknown tag {tag}")


def find_class(_key: str, text: str) -> str | None:
    return text if text.startswith(("java.", "org.")) else None


def rule(spec) -> Validator:
    [(kind, argument)] = spec.items()
    return RULES[kind](argument)


def make_key(spec) -> ConfigKey:
    recommender = spec.get("recommender")
    return key(spec["name"], Type(spec["type"]), decode(spec["default"]) if "default" in spec else NO_DEFAULT,
               valid=rule(spec["validator"]) if "validator" in spec else None,
               importance=Importance(spec.get("importance", "HIGH")), group=spec.get("group"), order=spec.get("order"),
               width=Width(spec.get("width", "NONE")), display_name=spec.get("displayName"),
               dependents=spec.get("dependents", ()),
               recommender=Recommends(recommender["values"], recommender["visibleIf"]) if recommender else None)


def define(case) -> ConfigDef:
    return ConfigDef(*map(make_key, case["def"]))


def describe_key(one: ConfigKey, given_order: object) -> dict:
    """A key as the vectors show it: what has its usual value is left out."""
    described = {"name": one.name, "type": one.type, "importance": one.importance}
    if not one.required:
        described |= {"default": one.default, "defaultText": value_text(one.default)}
    optional = {"validator": None if one.valid is None else str(one.valid), "group": one.group,
                "order": None if given_order is None else one.order,
                "width": None if one.width == "NONE" else one.width,
                "displayName": None if one.display_name == one.name else one.display_name,
                "dependents": list(one.dependents) or None}
    return described | {name: value for name, value in optional.items() if value is not None}


def describe_value(value) -> dict:
    described = {"name": value.name, "value": value.value}
    if value.errors:
        described["errors"] = value.errors
    if value.recommended_values:
        described["recommended"] = value.recommended_values
    if not value.visible:
        described["visible"] = False
    return described


def answer(case):
    match case["op"]:
        case "parseType":
            return parse_value(case["name"], decode(case["value"]), Type(case["type"]), find_class)
        case "configToString":
            return value_text(decode(case["value"]))
        case "configParse":
            return dict(define(case).parse(case["props"], find_class))
        case "configValidate":
            found = define(case).validate(case["props"], find_class)
            return sorted(map(describe_value, found), key=lambda value: value["name"])
        case "configDefine":
            definition = define(case)
            keys = [describe_key(definition[spec["name"]], spec.get("order")) for spec in case["def"]]
            return {"keys": keys, "groups": list(definition.groups)}
    raise AssertionError(case["op"])


def expected(value):
    """Tagged values decoded at every depth."""
    if isinstance(value, dict):
        return decode(value) if next(iter(value), "").startswith("$") else {k: expected(v) for k, v in value.items()}
    return [expected(element) for element in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", sorted(CASES.keys() - ONE_INTEGER_CLASS))
def test_config_def_answers_as_kafka_does(name: str) -> None:
    case = CASES[name]
    out = case["out"]
    if "ok" in out:
        assert repr(answer(case)) == repr(expected(out["ok"])) or answer(case) == expected(out["ok"])
        return
    message = out["error"]["message"]
    for java, python in PYTHON_NAMES.items():
        message = message.replace(java, python)
    with pytest.raises((ConfigError, ConfigErrors)) as caught:
        answer(case)
    faults = caught.value.faults if isinstance(caught.value, ConfigErrors) else [str(caught.value)]
    assert faults[0] == message


@pytest.mark.parametrize("name", sorted(ONE_INTEGER_CLASS))
def test_an_integer_in_range_is_taken_whatever_javas_class_for_it(name: str) -> None:
    assert answer(CASES[name]) == decode(CASES[name]["value"])


def test_parse_reports_all_faults_together() -> None:
    definition = ConfigDef(key("a", Type.INT), key("b", Type.BOOLEAN), key("c", Type.STRING))
    with pytest.raises(ConfigErrors) as caught:
        definition.parse({"a": "x", "b": "y"})
    assert caught.value.faults == (
        "Invalid value x for configuration a: Not a number of type INT",
        "Invalid value y for configuration b: Expected value to be either true or false",
        'Missing required configuration "c" which has no default value.')


@pytest.mark.parametrize(("text", "type_"), [
    ("5.0", Type.INT), ("1e3", Type.INT), ("0x10", Type.INT), ("--5", Type.INT), ("2147483648", Type.INT),
    ("32768", Type.SHORT), ("-9223372036854775809", Type.LONG), ("9" * 10_000, Type.LONG), ("60s", Type.LONG),
    ("1,5", Type.DOUBLE), ("infinity", Type.DOUBLE), ("1_0.0", Type.DOUBLE), ("0x1", Type.DOUBLE), (".", Type.DOUBLE),
    ("\u00a05", Type.INT)])
def test_a_text_that_java_does_not_read_as_a_number_is_refused(text: str, type_: Type) -> None:
    with pytest.raises(ConfigError, match=f"Not a number of type {type_}"):
        parse_value("k", text, type_)


@pytest.mark.parametrize(("text", "value"), [
    ("1.5f", 1.5), ("1d", 1.0), ("0x1.8p1", 3.0), (".5", 0.5), ("5.", 5.0), ("-Infinity", float("-inf")),
    ("0x1p9999", float("inf")), ("-0x1p9999", float("-inf")), ("\t1e2\n", 100.0)])
def test_doubles_are_read_in_every_form_java_knows(text: str, value: float) -> None:
    assert parse_value("k", text, Type.DOUBLE) == value


@pytest.mark.parametrize(("value", "text"), [
    (1.0, "1.0"), (0.0, "0.0"), (-0.5, "-0.5"), (0.001, "0.001"), (0.00025, "2.5E-4"), (1e7, "1.0E7"),
    (1234567.5, "1234567.5"), (float("nan"), "NaN"), (float("-inf"), "-Infinity"), (Password("x"), "[hidden]")])
def test_values_are_shown_as_java_shows_them(value: object, text: str) -> None:
    assert value_text(value) == text


def test_keys_are_counted_within_their_group_unless_an_order_is_given() -> None:
    definition = ConfigDef(key("a", Type.STRING, group="G"), key("b", Type.STRING), key("c", Type.STRING, group="G"),
                           key("d", Type.STRING, group="G", order=7), key("e", Type.STRING, group="G"))
    assert [one.order for one in definition] == [1, None, 2, 7, 8]


def test_with_keys_leaves_the_definition_as_it_was() -> None:
    first = ConfigDef(key("a", Type.STRING))
    assert first.with_keys(ConfigDef(key("b", Type.INT, 1))).names == ("a", "b")
    assert first.names == ("a",)


def config() -> Config:
    definition = ConfigDef(key("s", Type.STRING), key("n", Type.INT, None), key("flag", Type.BOOLEAN, True),
                           key("ratio", Type.DOUBLE, "0.5"), key("l", Type.LIST, "a,b"), key("p", Type.PASSWORD))
    return definition.parse({"s": " x ", "p": "geheim", "x.one": "1", "x.": "dropped", "nothing": None})


def test_config_gives_typed_values() -> None:
    parsed = config()
    assert (parsed.get_string("s"), parsed.get_boolean("flag"), parsed.get_double("ratio")) == ("x", True, 0.5)
    assert parsed.get_list("l") == ["a", "b"]
    assert parsed.get_password("p").value == "geheim"
    assert parsed.get_string_or_none("n") is None
    assert dict(parsed) == {"s": "x", "n": None, "flag": True, "ratio": 0.5, "l": ["a", "b"], "p": Password("geheim")}


def test_config_refuses_null_where_a_value_is_needed_and_a_value_of_another_type() -> None:
    with pytest.raises(ConfigError, match="Invalid value null for configuration n: a value is needed"):
        config().get_int("n")
    with pytest.raises(TypeError, match="s is a str, not a int"):
        config().get_int("s")
    with pytest.raises(KeyError):
        config()["unknown"]


def test_config_keeps_the_texts_it_was_given_without_nulls() -> None:
    assert config().originals == {"s": " x ", "p": "geheim", "x.one": "1", "x.": "dropped"}
    assert config().with_prefix("x.") == {"one": "1"}


def test_a_printed_config_hides_its_passwords() -> None:
    assert "geheim" not in f"{config()} {config()!r} {config().get_password('p')}"
    assert "[hidden]" in repr(config())
