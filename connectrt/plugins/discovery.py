"""Find plugins by their entry points and say what each is called.

Invariant: no plugin is imported here, so one that breaks on import hurts nobody who does not use it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata


class PluginKind(enum.StrEnum):
    """What a plugin is, in the words and the order of `GET /connector-plugins`."""

    SINK_CONNECTOR = "sink"
    SOURCE_CONNECTOR = "source"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"
    CONFIG_PROVIDER = "config_provider"

    @property
    def label(self) -> str:
        """`sink connector`: the kind as an error message calls it."""
        return self.name.lower().replace("_", " ")

    @property
    def group(self) -> str:
        """The entry point group, one per kind as Java has one service file per interface."""
        return f"connectrt.{self.name.lower()}s"

    @property
    def suffix(self) -> str:
        """What a short name may leave out of a class name. (Java: `PluginUtils.prunedName`)"""
        if self in (PluginKind.SINK_CONNECTOR, PluginKind.SOURCE_CONNECTOR):
            return "Connector"
        return self.name.title().replace("_", "")


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin of an installed distribution."""

    kind: PluginKind
    target: str  #: where its class is: `connectrt_sql.sink:SqlSinkConnector`
    names: tuple[str, ...]  #: names of its entry points, sorted; those with a dot are full (Java) class names
    distribution: str
    version: str

    @property
    def class_name(self) -> str:
        """`module.Class`; Kafka's own name for a class that stands in for one of Kafka's."""
        kafkas = (name for name in self.names if name.startswith("org.apache.kafka."))
        return next(kafkas, self.python_name)

    @property
    def python_name(self) -> str:
        return self.target.replace(":", ".")

    @property
    def full_names(self) -> frozenset[str]:
        return frozenset((*self.names, self.python_name))

    @property
    def short_names(self) -> frozenset[str]:
        """Simple names (`Cast$Value` is also `Value`), each with and without the kind's suffix."""
        return frozenset(_shorten(self.full_names, self.kind.suffix))

    @property
    def display_name(self) -> str:
        """The shortest of its entry points' names: what a person would write."""
        return min(self.names, key=lambda name: (len(name), name))


def _shorten(names: Iterable[str], suffix: str) -> Iterator[str]:
    for name in names:
        simple = name.rpartition(".")[2]
        for each in (simple, simple.rpartition("$")[2]):
            yield each
            if each != suffix:
                yield each.removesuffix(suffix)


def discover() -> tuple[PluginInfo, ...]:
    """Return the plugins of every installed distribution, by kind and class name.

    Entry points of one kind with the same target are one plugin with several names.
    """
    names: dict[tuple[PluginKind, str, str, str], list[str]] = {}
    installed = metadata.entry_points()
    labels: dict[int, tuple[str, str]] = {}  # reading a distribution's METADATA costs as much as all the rest
    for kind in PluginKind:
        for entry in installed.select(group=kind.group):
            distribution = entry.dist
            assert distribution is not None  # entry_points() always sets it
            label = labels.get(id(distribution))
            if label is None:
                about = distribution.metadata
                label = labels[id(distribution)] = (about["Name"], about["Version"])
            names.setdefault((kind, entry.value, *label), []).append(entry.name)
    found = [
        PluginInfo(kind, target, tuple(sorted(given)), distribution, version)
        for (kind, target, distribution, version), given in names.items()
    ]
    order = list(PluginKind)
    return tuple(sorted(found, key=lambda info: (order.index(info.kind), info.class_name, info.distribution)))
