"""Turn a plugin's name, as a config gives it, into its class.

Invariant: a name means one class or is refused; nothing is imported before somebody asks for it by name.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from typing import cast

from connectrt.errors import PluginError
from connectrt.plugins import hints
from connectrt.plugins.discovery import PluginInfo, PluginKind, discover
from connectrt.sdk import (
    ConfigProvider,
    Connector,
    Converter,
    HeaderConverter,
    Predicate,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceTask,
    Task,
    Transformation,
)

_BASES: dict[PluginKind, type] = {
    PluginKind.SINK_CONNECTOR: SinkConnector,
    PluginKind.SOURCE_CONNECTOR: SourceConnector,
    PluginKind.TRANSFORMATION: Transformation,
    PluginKind.PREDICATE: Predicate,
    PluginKind.CONVERTER: Converter,
    PluginKind.HEADER_CONVERTER: HeaderConverter,
    PluginKind.CONFIG_PROVIDER: ConfigProvider,
}
_TASKS: dict[PluginKind, type[Task]] = {
    PluginKind.SINK_CONNECTOR: SinkTask,
    PluginKind.SOURCE_CONNECTOR: SourceTask,
}
_CONNECTORS = (PluginKind.SINK_CONNECTOR, PluginKind.SOURCE_CONNECTOR)
#: More names than this are not listed in an error message.
_LISTED = 12


class Plugins:
    """The plugins of this installation. Thread-safe."""

    def __init__(self, infos: Sequence[PluginInfo]) -> None:
        self._infos = tuple(infos)
        self._classes: dict[PluginInfo, type] = {}

    @classmethod
    def discover(cls) -> Plugins:
        """Look through the installed distributions once."""
        return cls(discover())

    def list(self, kind: PluginKind | None = None) -> Sequence[PluginInfo]:
        """Return all plugins (of one kind), by kind and class name."""
        return [info for info in self._infos if kind is None or info.kind is kind]

    def find(self, kind: PluginKind, name: str) -> PluginInfo:
        """Return the plugin of this full or short name. Raises PluginError, also if a short name fits several."""
        return self._find((kind,), name)

    def load(self, kind: PluginKind, name: str) -> type:
        """Import the class of this name; it is a subclass of the kind's base. Raises PluginError."""
        return self._load(self.find(kind, name))

    def find_connector(self, name: str) -> PluginInfo:
        """Return the source or sink connector of this name. Raises PluginError."""
        return self._find(_CONNECTORS, name)

    def connector(self, name: str) -> type[Connector]:
        """Import the source or sink connector of this name. Raises PluginError."""
        return cast(type[Connector], self._load(self.find_connector(name)))

    def _find(self, kinds: Sequence[PluginKind], name: str) -> PluginInfo:
        name = name.strip()
        candidates = [info for info in self._infos if info.kind in kinds]
        matches = [info for info in candidates if name in info.full_names]
        matches = matches or [info for info in candidates if name in info.short_names]
        if not matches:
            raise PluginError(self._not_found(kinds, name, candidates))
        if len(matches) > 1:
            listed = ", ".join(f"{info.class_name} (of {info.distribution})" for info in matches)
            raise PluginError(
                f"{name} is not the name of one {_word(kinds)}, but of {len(matches)}: {listed}. Write the full name; "
                f"if two distributions share that as well, uninstall one of them"
            )
        return matches[0]

    def _not_found(self, kinds: Sequence[PluginKind], name: str, candidates: Sequence[PluginInfo]) -> str:
        word = _word(kinds)
        text = [f"Failed to find any class that implements {kinds[0].suffix} and which name matches {name}"]
        others = [info for info in self._infos if info.kind not in kinds and name in info.full_names]
        names = {short: info.display_name for info in candidates for short in (*info.full_names, *info.short_names)}
        nearest = dict.fromkeys(names[near] for near in difflib.get_close_matches(name, names, n=5, cutoff=0.7))
        if others:
            text.append(f"it is a {others[0].kind.label}, not a {word}")
        elif nearest:
            text.append(f"did you mean {' or '.join(nearest)}?")
        elif len(candidates) <= _LISTED:
            text.append(f"available {word}s are: {', '.join(info.display_name for info in candidates) or 'none'}")
        hint = hints.for_class(name) if kinds == _CONNECTORS else ""
        return ", ".join(text) + f". {hint or 'Every plugin of this installation is listed by: connectrt plugins'}"

    def _load(self, info: PluginInfo) -> type:
        found = self._classes.get(info)
        if found is None:  # two threads may both import; they get the same class, unless it is made by _connector_of
            found = self._classes.setdefault(info, _import(info))
        return found


def _word(kinds: Sequence[PluginKind]) -> str:
    return kinds[0].label if len(kinds) == 1 else "connector"


def _import(info: PluginInfo) -> type:
    module, _, path = info.target.partition(":")
    owner = f"{info.kind.label} {info.class_name} of {info.distribution} {info.version}"
    try:
        found: object = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:  # foreign code: anything may come out, and the other plugins go on
        raise PluginError(
            f"{owner} cannot be imported: {type(error).__name__}: {error}. "
            f"Reinstall it with what it needs: pip install --force-reinstall {info.distribution}"
        ) from error
    base = _BASES[info.kind]
    if isinstance(found, type):
        if issubclass(found, base):
            return found
        task = _TASKS.get(info.kind)
        if task is not None and issubclass(found, task):
            return _connector_of(found, base)
    raise PluginError(
        f"{owner} is not a subclass of {base.__name__}: "
        "its entry point stands in the wrong group, or names the wrong object"
    )


def _connector_of(task: type[Task], base: type) -> type:
    """Make the connector of a task that has no connector class; both have the same CONFIG."""
    name = task.__name__.removesuffix("Task") + "Connector"
    body: dict[str, object] = {"task_class": task, "version": task.version, "__module__": task.__module__}
    if task.CONFIG is not None:
        body["CONFIG"] = task.CONFIG
    return type(name, (base,), body | {"__doc__": task.__doc__})
