"""Rules for values of config keys, with Kafka's own texts.

A rule is any `Callable[[str, object], None]` that raises ConfigError; its `str()` stands in the reference page. It sees
None where the key was given as null or did not parse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectrt.config.parsing import shown
from connectrt.errors import ConfigError

Validator = Callable[[str, object], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check and the words that describe it."""

    check: Validator
    text: str

    def __call__(self, name: str, value: object) -> None:
        self.check(name, value)

    def __str__(self) -> str:
        return self.text


class ListRule(Rule):
    """A rule for lists without repeats: parsing drops repeats before it checks, validating reports them."""


def at_least(low: float) -> Rule:
    return Rule(lambda name, value: _check_range(name, value, low, None), f"[{shown(low)},...]")


def between(low: float, high: float) -> Rule:
    return Rule(lambda name, value: _check_range(name, value, low, high), f"[{shown(low)},...,{shown(high)}]")


def one_of(*allowed: str | None) -> Rule:
    texts = ", ".join(map(shown, allowed))

    def check(name: str, value: object) -> None:
        if value not in allowed:
            raise ConfigError(name, shown(value), f"String must be one of: {texts}")

    return Rule(check, f"[{texts}]")


def one_of_ignoring_case(*allowed: str) -> Rule:
    upper = [text.upper() for text in allowed]

    def check(name: str, value: object) -> None:
        if not isinstance(value, str) or value.upper() not in upper:
            raise ConfigError(name, shown(value), f"String must be one of (case insensitive): {', '.join(upper)}")

    return Rule(check, f"(case insensitive) [{', '.join(upper)}]")


def non_null() -> Rule:
    def check(name: str, value: object) -> None:
        if value is None:
            raise ConfigError(name, None, "entry must be non null")

    return Rule(check, "non-null string")


def non_empty() -> Rule:
    def check(name: str, value: object) -> None:
        if value == "":
            raise ConfigError(name, "", "String must be non-empty")

    return Rule(check, "non-empty string")


def non_empty_without_control_characters() -> Rule:
    def check(name: str, value: object) -> None:
        if not isinstance(value, str):
            return
        if not value:
            raise ConfigError(name, "", "String may not be empty")
        controls = [str(ord(char)) for char in value if char < " " or "\x7f" <= char <= "\x9f"]
        if controls:
            why = "String may not contain control sequences but had the following ASCII chars: "
            raise ConfigError(name, value, why + ", ".join(controls))

    return Rule(check, "non-empty string without ISO control characters")


def regular_expression() -> Rule:
    def check(name: str, value: object) -> None:
        if not isinstance(value, str):
            raise ConfigError(name, shown(value), "Invalid regex: a pattern must be given")
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(name, value, f"Invalid regex: {error}") from error

    return Rule(check, "valid regex")


def if_given(rule: Rule) -> Rule:
    """The rule, except that null passes."""
    return Rule(lambda name, value: None if value is None else rule(name, value), rule.text)


def all_of(*rules: Validator) -> Rule:
    """The first broken rule is reported."""

    def check(name: str, value: object) -> None:
        for rule in rules:
            rule(name, value)

    return Rule(check, ", ".join(map(str, rules)))


def list_of(*allowed: str, empty: bool = True) -> ListRule:
    """A list of these texts, each at most once; `empty`: may be empty."""
    return _list_rule(allowed, empty=empty, null=False)


def no_repeats(*, empty: bool = True, null: bool = False) -> ListRule:
    """A list of any non-empty texts, each at most once; `empty`, `null`: may be empty, null."""
    return _list_rule((), empty=empty, null=null)


def at_most_elements(count: int) -> Rule:
    def check(name: str, value: object) -> None:
        if isinstance(value, list) and len(value) > count:
            raise ConfigError(name, shown(value), f"exceeds maximum list size of [{count}].")

    return Rule(check, f"List containing maximum of {count} elements")


def unique_aliases(of: str) -> Rule:
    """For keys that name other keys (`transforms=a,b`): no alias twice, parsed or validated."""

    def check(name: str, value: object) -> None:
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ConfigError(name, shown(value), "Duplicate alias provided.")

    return Rule(check, f"unique {of}")


def _check_range(name: str, value: object, low: float | None, high: float | None) -> None:
    if not isinstance(value, int | float):
        raise ConfigError(name, shown(value), "Value must be non-null")
    if low is not None and value < low:
        raise ConfigError(name, shown(value), f"Value must be at least {shown(low)}")
    if high is not None and value > high:
        raise ConfigError(name, shown(value), f"Value must be no more than {shown(high)}")


def _list_rule(allowed: Sequence[str], *, empty: bool, null: bool) -> ListRule:
    member = one_of(*allowed)

    def check(name: str, value: object) -> None:
        if value is None:
            if null:
                return
            raise _list_fault(name, "values must not be null.")
        assert isinstance(value, list)
        if not value and not empty:
            what = shown(list(allowed)) if allowed else "any non-empty value"
            raise _list_fault(name, f"must not be empty. Valid values include: {what}")
        if len(set(value)) < len(value):
            raise _list_fault(name, "values must not be duplicated.")
        for element in value:
            if not element:
                raise _list_fault(name, "values must not be empty.")
            if allowed:
                member(name, element)

    return ListRule(check, shown(list(allowed)) if allowed else "")


def _list_fault(name: str, what: str) -> ConfigError:
    return ConfigError(name, text=f"Configuration '{name}' {what}")
