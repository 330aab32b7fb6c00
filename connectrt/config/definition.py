"""Define the keys of a config once: parsing, defaults, validation and reference all come from the definition.

Invariant: a ConfigDef and its keys never change; its order is that of definition. Errors carry Kafka's own texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from connectrt.config.parsing import ClassFinder, Type, any_class, parse_value
from connectrt.config.secrets import Password
from connectrt.config.validators import ListRule, Rule, Validator
from connectrt.errors import ConfigError, ConfigErrors

__all__ = [
    "NO_DEFAULT", "Config", "ConfigDef", "ConfigKey", "ConfigValue", "Importance", "Recommender", "Type", "Width",
    "key",
]

V = TypeVar("V")


class Importance(StrEnum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class Width(StrEnum):
    """How wide a form shows the value."""

    NONE = "NONE"
    SHORT = "SHORT"
    MEDIUM = "MEDIUM"
    LONG = "LONG"


class Recommender(Protocol):
    """Proposes values of a key from the values of the others; None stands for those that did not parse."""

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[object]: ...

    def visible(self, name: str, parsed: Mapping[str, object]) -> bool: ...


_BY_IMPORTANCE: Final = tuple(Importance)

#: The key is required.
NO_DEFAULT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One key of a config; made by `key`. Java: `ConfigDef.ConfigKey`."""

    name: str
    type: Type
    default: object
    valid: Validator | None
    importance: Importance
    doc: str
    group: str | None
    order: int | None               #: position in its group; None outside of groups and until a ConfigDef counts it
    width: Width
    display_name: str
    dependents: tuple[str, ...]     #: keys whose recommender looks at this one
    recommender: Recommender | None

    @property
    def required(self) -> bool:
        return self.default is NO_DEFAULT


def key(name: str, type: Type, default: object = NO_DEFAULT, *, valid: Validator | None = None,
        importance: Importance = Importance.MEDIUM, doc: str = "", group: str | None = None, order: int | None = None,
        width: Width = Width.NONE, display_name: str | None = None, dependents: Iterable[str] = (),
        recommender: Recommender | None = None) -> ConfigKey:
    """Define one key. The default is parsed like a given text and must pass `valid`; raises ConfigError if it does not.

    Without `order` the key follows its predecessor in the group.
    """
    if default is not NO_DEFAULT:
        default = parse_value(name, default, type)
        if valid is not None:
            valid(name, default)
    return ConfigKey(name=name, type=type, default=default, valid=valid, importance=importance, doc=doc, group=group,
                     order=order, width=width, display_name=display_name or name, dependents=tuple(dependents),
                     recommender=recommender)


@dataclass(slots=True)
class ConfigValue:
    """What validation says of one key. Checks that see several keys add to `errors`. Java: `ConfigValue`."""

    name: str
    value: object = None
    recommended_values: list[object] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    visible: bool = True


class ConfigDef:
    """The keys of one config, by name. Java: `ConfigDef`."""

    def __init__(self, *keys: ConfigKey) -> None:
        """Raises ConfigError if a name is defined twice."""
        self._keys: dict[str, ConfigKey] = {}
        last: dict[str, int] = {}
        for one in keys:
            if one.name in self._keys:
                raise ConfigError(one.name, text=f"Configuration {one.name} is defined twice.")
            if one.group is not None:
                order = one.order if one.order is not None else last.get(one.group, 0) + 1
                last[one.group] = max(order, last.get(one.group, 0))
                one = replace(one, order=order)
            self._keys[one.name] = one

    def __iter__(self) -> Iterator[ConfigKey]:
        return iter(self._keys.values())

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __getitem__(self, name: str) -> ConfigKey:
        return self._keys[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in order of first definition."""
        return tuple(dict.fromkeys(one.group for one in self if one.group is not None))

    def with_keys(self, keys: Iterable[ConfigKey]) -> ConfigDef:
        """Return a definition with these keys (or another definition's) after its own."""
        return ConfigDef(*self, *keys)

    def sorted_keys(self) -> list[ConfigKey]:
        """Return the keys in the order of Kafka's reference: by group, place in it, required, importance, name."""
        groups = self.groups
        return sorted(self, key=lambda one: (
            -1 if one.group is None else groups.index(one.group), -1 if one.order is None else one.order,
            not one.required, _BY_IMPORTANCE.index(one.importance), one.name))

    def below(self, prefix: str, group: str, first_order: int) -> list[ConfigKey]:
        """Return the sorted keys as part of another definition: `prefix` before each name, all in groups below `group`.

        Rules still call a key by its own name in what they say. Java: `ConfigDef.embed`.
        """
        return [
            replace(one, name=prefix + one.name, valid=_without_prefix(prefix, one.valid), order=first_order + place,
                    group=group + (f": {one.group}" if one.group else ""),
                    dependents=tuple(prefix + name for name in one.dependents),
                    recommender=one.recommender and _Below(prefix, one.recommender))
            for place, one in enumerate(self.sorted_keys())]

    def parse(self, props: Mapping[str, str | None], find_class: ClassFinder = any_class) -> Config:
        """Return typed values, defaults filled in; unknown keys are kept in `Config.originals`.

        Raises ConfigErrors with every fault.
        """
        values: dict[str, object] = {}
        faults: list[str] = []
        for one in self:
            try:
                values[one.name] = _parse_key(one, props, find_class)
            except ConfigError as error:
                faults.append(str(error))
        if faults:
            raise ConfigErrors(faults)
        return Config(values, props)

    def validate(self, props: Mapping[str, str | None], find_class: ClassFinder = any_class) -> list[ConfigValue]:
        """Return one ConfigValue per key with all its errors; never raises for what `props` hold.

        A text that does not parse is checked as null, so one fault may give two errors, as in Kafka.
        """
        checked = {one.name: _validate_key(one, props, find_class) for one in self}
        parsed = {name: value.value for name, value in checked.items()}
        for one in self:
            if one.recommender is not None:
                checked[one.name].recommended_values = list(one.recommender.valid_values(one.name, parsed))
                checked[one.name].visible = one.recommender.visible(one.name, parsed)
        for dependent in dict.fromkeys(name for one in self for name in one.dependents if name not in self):
            fault = f"{dependent} is referred in the dependents, but not defined."
            checked[dependent] = ConfigValue(dependent, errors=[fault], visible=False)
        return list(checked.values())


class Config(Mapping[str, object]):
    """Typed values of the defined keys, and the texts they came from. Java: `AbstractConfig`.

    Printed, it hides passwords. The typed getters raise ConfigError for null and TypeError for a value of another type.
    """

    __slots__ = ("_originals", "_values")

    def __init__(self, values: Mapping[str, object], originals: Mapping[str, str | None]) -> None:
        self._values = dict(values)
        self._originals = {name: text for name, text in originals.items() if text is not None}

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Config({self._values!r})"

    @property
    def originals(self) -> Mapping[str, str]:
        """The texts as they were given, unknown keys included, nulls left out. Holds secrets: do not print it."""
        return MappingProxyType(self._originals)

    def with_prefix(self, prefix: str) -> dict[str, str]:
        """Return the given texts of the keys below `prefix`, which ends in a dot and is taken off."""
        return {name[len(prefix):]: text for name, text in self._originals.items()
                if name.startswith(prefix) and name != prefix}

    def get_string(self, name: str) -> str:
        return self._get(name, str)

    def get_string_or_none(self, name: str) -> str | None:
        return None if self._values[name] is None else self._get(name, str)

    def get_int(self, name: str) -> int:
        return self._get(name, int)

    def get_boolean(self, name: str) -> bool:
        return self._get(name, bool)

    def get_double(self, name: str) -> float:
        return self._get(name, float)

    def get_list(self, name: str) -> list[str]:
        return list(self._get(name, list))

    def get_password(self, name: str) -> Password:
        return self._get(name, Password)

    def _get(self, name: str, type_: type[V]) -> V:
        value = self._values[name]
        if value is None:
            raise ConfigError(name, None, "a value is needed")
        if not isinstance(value, type_):
            raise TypeError(f"{name} is a {type(value).__name__}, not a {type_.__name__}")
        return value


class _Below:
    """A recommender whose keys stand below a prefix."""

    def __init__(self, prefix: str, base: Recommender) -> None:
        self._prefix = prefix
        self._base = base

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[object]:
        return self._base.valid_values(name.removeprefix(self._prefix), self._own(parsed))

    def visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        return self._base.visible(name.removeprefix(self._prefix), self._own(parsed))

    def _own(self, parsed: Mapping[str, object]) -> dict[str, object]:
        prefix = self._prefix
        return {name.removeprefix(prefix): value for name, value in parsed.items() if name.startswith(prefix)}


def _without_prefix(prefix: str, rule: Validator | None) -> Validator | None:
    if rule is None:
        return None
    kind = ListRule if isinstance(rule, ListRule) else Rule
    return kind(lambda name, value: rule(name.removeprefix(prefix), value), str(rule))


def _parse_key(one: ConfigKey, props: Mapping[str, str | None], find_class: ClassFinder) -> object:
    if one.name in props:
        value = parse_value(one.name, props[one.name], one.type, find_class)
    elif one.required:
        raise _missing(one)
    else:
        value = one.default
    if isinstance(one.valid, ListRule) and isinstance(value, list):
        value = list(dict.fromkeys(value))
    if one.valid is not None:
        one.valid(one.name, value)
    return value


def _validate_key(one: ConfigKey, props: Mapping[str, str | None], find_class: ClassFinder) -> ConfigValue:
    checked = ConfigValue(one.name)
    if one.name in props:
        try:
            checked.value = parse_value(one.name, props[one.name], one.type, find_class)
        except ConfigError as error:
            checked.errors.append(str(error))
    elif one.required:
        checked.errors.append(str(_missing(one)))
    else:
        checked.value = one.default
    if one.valid is not None:
        try:
            one.valid(one.name, checked.value)
        except ConfigError as error:
            checked.errors.append(str(error))
    return checked


def _missing(one: ConfigKey) -> ConfigError:
    return ConfigError(one.name, text=f'Missing required configuration "{one.name}" which has no default value.')
