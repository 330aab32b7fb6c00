"""Show definitions: as Markdown for people, as JSON for REST. Both say what `ConfigDef.parse` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectrt.config.definition import ConfigDef, ConfigKey, ConfigValue
from connectrt.config.parsing import value_text

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class ConfigInfo:
    """A key and what validation says of it; no definition: the key is nobody's."""

    definition: ConfigKey | None
    value: ConfigValue


@dataclass(frozen=True, slots=True)
class ConfigInfos:
    """The answer to `PUT /connector-plugins/{plugin}/config/validate`. Java: `ConfigInfos`."""

    name: str
    groups: tuple[str, ...]
    configs: tuple[ConfigInfo, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(info.value.name for info in self.configs)

    @property
    def error_count(self) -> int:
        return sum(len(info.value.errors) for info in self.configs)

    def to_json(self) -> Json:
        configs = [{"definition": info.definition and key_json(info.definition), "value": value_json(info.value)}
                   for info in self.configs]
        return {"name": self.name, "error_count": self.error_count, "groups": list(self.groups), "configs": configs}


def key_json(one: ConfigKey) -> Json:
    """Java: `ConfigKeyInfo`."""
    return {
        "name": one.name, "type": one.type.value, "required": one.required,
        "default_value": None if one.required else value_text(one.default), "importance": one.importance.value,
        "documentation": one.doc, "group": one.group, "order_in_group": -1 if one.order is None else one.order,
        "width": one.width.value, "display_name": one.display_name, "dependents": list(one.dependents)}


def value_json(value: ConfigValue) -> Json:
    """Java: `ConfigValueInfo`. The value of a password is hidden."""
    return {"name": value.name, "value": value_text(value.value),
            "recommended_values": [value_text(each) for each in value.recommended_values],
            "errors": list(value.errors), "visible": value.visible}


def markdown(definition: ConfigDef, heading: str = "###") -> str:
    """Return one table per group, those without a group first and without a heading."""
    keys = definition.sorted_keys()
    parts = []
    for group in dict.fromkeys(one.group for one in keys):
        table = "\n".join(_table(one for one in keys if one.group == group))
        parts.append(f"{heading} {group}\n\n{table}" if group else table)
    return "\n\n".join(parts) + "\n"


def _table(keys: Iterable[ConfigKey]) -> Iterator[str]:
    yield "| Key | Type | Default | Values | Importance | Meaning |"
    yield "|---|---|---|---|---|---|"
    for one in keys:
        yield "| " + " | ".join((f"`{one.name}`", one.type.lower(), _default(one),
                                 "" if one.valid is None else _cell(str(one.valid)),
                                 one.importance.lower(), _cell(one.doc))) + " |"


def _default(one: ConfigKey) -> str:
    if one.required:
        return "**required**"
    text = value_text(one.default)
    if text is None:
        return ""
    return f"`{_cell(text)}`" if text else "empty"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
