"""Check everything that was read from files before anything starts, and report all of it together.

Each line begins with where it was written: `configs/pg-sink.yaml:12: pg-sink: tasks.max: …`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from connectrt.config.definition import Config, ConfigDef, ConfigValue
from connectrt.config.parsing import Type, split_list
from connectrt.config.reference import ConfigInfo
from connectrt.config.settings import ConfigFiles, ConnectorConfig, Settings
from connectrt.config.unknown import nearest, retired
from connectrt.config.variables import unresolved
from connectrt.errors import ConfigErrors, ConnectError, PluginError
from connectrt.herder.validation import CONVERTERS, validate_connector
from connectrt.plugins import hints
from connectrt.plugins.loader import Plugins
from connectrt.worker.config import WORKER, is_cluster_key, is_worker_key, parse_worker, worker_faults
from connectrt.worker.topic_keys import topic_creation_keys
from connectrt.worker.variables import Resolve, make_resolver

#: Keys below these belong to somebody who checks them himself.
_PASSED_ON = ("producer.override.", "consumer.override.", "admin.override.", "topic.creation.")
_CONVERTERS = tuple(f"{name}." for name in CONVERTERS)
_ALIASED = ("transforms", "predicates")


@dataclass(frozen=True, slots=True)
class Checked:
    """What is ready to start, unless there are faults."""

    worker: Config
    resolve: Resolve
    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def check_files(files: ConfigFiles, plugins: Plugins) -> Checked:
    """Validate the worker and every connector, offline. What reading found comes first; nothing is raised."""
    check = _Check(plugins, files)
    resolve, worker = check.worker(files.worker)
    for connector in files.connectors:
        check.connector(connector, worker, resolve)
    return Checked(worker, resolve, tuple(check.faults), tuple(check.warnings))


class _Check:
    def __init__(self, plugins: Plugins, files: ConfigFiles) -> None:
        self._plugins = plugins
        self.faults = list(files.faults)
        self.warnings = list(files.warnings)

    def worker(self, given: Settings) -> tuple[Resolve, Config]:
        resolve: Resolve = dict
        props = dict(given.props)
        try:
            resolve = make_resolver(given.props, self._plugins)
            props = resolve(given.props)
        except ConfigErrors as error:
            self.faults += error.faults
        faults = worker_faults(props)
        for name, kind in CONVERTERS.items():
            try:
                self._plugins.find(kind, props.get(name) or str(WORKER[name].default))
            except PluginError as error:
                faults.setdefault(name, []).append(str(error))
        self._unknown_worker_keys(given)
        for name, texts in faults.items():
            self.faults += (f"{given.origins.get(name, 'worker')}: {name}: {text}" for text in texts)
        return resolve, parse_worker({} if faults else props)

    def _unknown_worker_keys(self, given: Settings) -> None:
        for name, origin in given.origins.items():
            if (cure := retired(name)) is not None:
                self.warnings.append(f"{origin}: {name}: {cure}")
            elif is_cluster_key(name):
                self.warnings.append(f"{origin}: {name}: belongs to workers that form a cluster and has no effect here")
            elif not is_worker_key(name):
                self.warnings.append(f"{origin}: {name}: unknown key of the worker{_did_you_mean(name, WORKER.names)}")

    def connector(self, found: ConnectorConfig, worker: Config, resolve: Resolve) -> None:
        given = found.settings
        try:
            if (foreign := hints.for_config(given.props)) is not None:
                raise ConnectError(foreign)
            infos = validate_connector(given.props, self._plugins, worker)
            resolved = resolve(given.props)
        except ConfigErrors as error:
            self.faults += (f"{found.origin}: {found.name}: {fault}" for fault in error.faults)
        except ConnectError as error:
            self._no_class(found, error)
        else:
            unknown = dict(_unknown_keys(given.props, infos.names))
            for info in infos.configs:
                self._key(found, info, unknown)
            if worker.get_boolean("topic.creation.enable") and "topic.creation.groups" in infos.names:
                creation = ConfigDef(*topic_creation_keys(resolved)).validate(resolved)
                self.faults += (self._line(found, value.name, text) for value in creation for text in _telling(value))
            self.warnings += (self._line(found, name, text) for name, text in unknown.items())
            self.warnings += (self._line(found, name, f"{variable} has no value and stays as it is written; set it, or "
                                         "correct its name") for name, variable in unresolved(given.props, resolved))

    def _line(self, found: ConnectorConfig, name: str, text: str) -> str:
        return f"{found.settings.origins.get(name, found.origin)}: {found.name}: {name}: {text}"

    def _no_class(self, found: ConnectorConfig, error: ConnectError) -> None:
        """The connector's class is missing, misspelt or not installed, so nothing else can be checked."""
        slip = nearest("connector.class", found.settings.props)
        if slip in (None, "connector.class"):
            self.faults.append(self._line(found, "connector.class", str(error)))
        else:
            self.faults.append(self._line(found, slip or "", "unknown key; did you mean connector.class?"))

    def _key(self, found: ConnectorConfig, info: ConfigInfo, unknown: Mapping[str, str]) -> None:
        name, origins = info.value.name, found.settings.origins
        for error in _telling(info.value):
            text = error
            if name not in origins and (slip := nearest(name, unknown)) is not None:
                text += f" Did you mean it by {slip} ({origins[slip]})?"
            elif name in origins and info.definition is not None and info.definition.type is Type.CLASS:
                classes = {str(each).rpartition(".")[2]: str(each) for each in info.value.recommended_values}
                near = nearest(found.settings.props[name], [*classes, *classes.values()])
                text += f" Did you mean {near}?" if near else ""
            self.faults.append(self._line(found, name, text))


def _telling(value: ConfigValue) -> Iterator[str]:
    """The errors without those that only say that a value which is missing or did not parse is null."""
    for place, error in enumerate(value.errors):
        if place == 0 or not (error.startswith("Invalid value null ") or error.endswith(" must not be null.")):
            yield error


def _unknown_keys(props: Mapping[str, str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Keys that have no effect or that nobody defines, with what to do."""
    for name in props:
        first, _, rest = name.partition(".")
        alias = rest.partition(".")[0]
        if (cure := retired(name)) is not None:
            yield name, cure
        elif name in known or name.startswith(_PASSED_ON):
            continue
        elif name.startswith(_CONVERTERS) and f"{first}.converter" not in props:
            yield name, (f"has no effect: the worker's {first}.converter is used, with the worker's keys; set "
                         f"{first}.converter here as well")
        elif first in _ALIASED and alias not in split_list(props.get(first, "")):
            near = _did_you_mean(alias, split_list(props.get(first, "")))
            yield name, f"has no effect: {alias} does not stand in {first}{near}"
        elif is_worker_key(name):
            yield name, "a key of the worker, which has no effect here: put it under worker:"
        else:
            yield name, f"unknown key{_did_you_mean(name, known)}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
