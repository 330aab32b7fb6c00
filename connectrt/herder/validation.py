"""Validate a connector's config as Connect does: framework, transforms, the connector itself, converters, overrides.

Nothing is connected to. One answer serves POST and PUT of connectors, the validate endpoint and `connectrt validate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from connectrt.config.definition import Config, ConfigDef, ConfigKey, ConfigValue, Importance, Type, Width, key
from connectrt.config.parsing import split_list
from connectrt.config.reference import ConfigInfo, ConfigInfos
from connectrt.errors import ConfigError, ConfigErrors, PluginError
from connectrt.plugins.discovery import PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.sdk import Connector, Converter, HeaderConverter, Predicate, SinkConnector, Transformation
from connectrt.worker.config import POLICY, SINK, SOURCE
from connectrt.worker.topic_keys import topics_faults
from connectrt.worker.variables import make_resolver

Props = Mapping[str, str | None]

_NULL = "Null value can not be supplied as the configuration value."
#: Keys of workers and connectors that name a converter.
CONVERTERS = {"key.converter": PluginKind.CONVERTER, "value.converter": PluginKind.CONVERTER,
              "header.converter": PluginKind.HEADER_CONVERTER}
_ALIASED = {"transforms": PluginKind.TRANSFORMATION, "predicates": PluginKind.PREDICATE}
_PRINCIPAL = ("security.protocol", "sasl.jaas.config", "sasl.mechanism")


def check_connector(props: Props, plugins: Plugins, worker: Config) -> None:
    """Raise what `validate_connector` raises, or ConfigErrors with all errors it finds."""
    infos = validate_connector(props, plugins, worker)
    if infos.error_count:
        raise ConfigErrors([error for info in infos.configs for error in info.value.errors],
                           "Connector configuration is invalid and contains the following errors")


def validate_connector(props: Props, plugins: Plugins, worker: Config) -> ConfigInfos:
    """Return all keys of a connector and what is wrong with each. `props` are raw; variables are resolved first.

    Raises ConfigError without a connector.class, PluginError for one that is not installed, ConfigErrors for variables
    that cannot be read.
    """
    resolve = make_resolver(worker.originals, plugins)
    given: Props = {**props, **resolve({name: text for name, text in props.items() if text is not None})}
    class_name = (given.get("connector.class") or "").strip()
    if not class_name:
        what = ", ".join(props)  # keys only: which values are secret is known to the connector alone
        raise ConfigError("connector.class", text=f"Connector config {{{what}}} contains no connector type: set "
                          "connector.class to one of `connectrt plugins`")
    connector = plugins.connector(class_name)
    base = SINK if issubclass(connector, SinkConnector) else SOURCE
    framework = validate_framework(_with_worker_defaults(base, given, plugins, worker), given, plugins)
    own = _validate_own(connector, given)
    for name, text in given.items():
        if text is None and (name in framework.values or name not in own):
            framework.values.setdefault(name, ConfigValue(name)).errors.append(_NULL)
    for name, error in _override_faults(given, worker, sink=base is SINK):
        framework.values.setdefault(name, ConfigValue(name)).errors.append(error)
    definitions = {one.name: one for one in (*framework.definition, *connector.CONFIG)}
    values = framework.values | own
    converters = list(_converter_infos(given, framework.values, plugins))
    converter_groups = (info.definition.group for info in converters if info.definition is not None)
    groups = dict.fromkeys((*framework.definition.groups, *connector.CONFIG.groups, *filter(None, converter_groups)))
    return ConfigInfos(
        name=props["connector.class"] or "",
        groups=tuple(groups),
        configs=(*(ConfigInfo(None, value) for name, value in values.items() if name not in definitions),
                 *(ConfigInfo(one, values[name]) for name, one in definitions.items()),
                 *converters))


@dataclass(frozen=True, slots=True)
class Framework:
    """What the runtime itself asks of a connector's config; `values` by key."""

    definition: ConfigDef
    values: dict[str, ConfigValue]


def validate_framework(base: ConfigDef, props: Props, plugins: Plugins) -> Framework:
    """Validate the keys of `base` (SINK or SOURCE) and those of the transforms and predicates that are named."""
    find_class = _ClassFinder(plugins)
    faults: dict[str, list[str]] = {}
    keys: list[ConfigKey] = []
    for plural, kind in _ALIASED.items():
        for alias in dict.fromkeys(split_list(props.get(plural) or "")):
            keys += _plugin_keys(f"{plural}.{alias}.", alias, kind, props, plugins, faults)
    definition = base.with_keys(keys)
    values = {value.name: value for value in definition.validate(props, find_class)}
    for one in definition:
        wanted, value = find_class.kind(one.name), values[one.name]
        if one.name in props and wanted and value.value is not None and not _is(plugins, wanted, str(value.value)):
            value.errors.append(f"Class class {value.value} does not implement the {wanted.suffix} interface")
    for name, errors in faults.items():
        values[name].errors += errors
    if "topics.regex" in base:
        for name, error in topics_faults(props).items():
            values[name].errors.append(error)
    return Framework(definition, values)


class _ClassFinder:
    """Finds the class of a framework key by any of its names; first among plugins of the kind that the key wants."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins

    def __call__(self, key: str, text: str) -> str | None:
        wanted = self.kind(key)
        for kind in ([wanted] if wanted else []) + list(PluginKind):
            try:
                return self._plugins.find(kind, text).class_name
            except PluginError:
                continue
        return None

    @staticmethod
    def kind(key: str) -> PluginKind | None:
        return CONVERTERS.get(key) or (_ALIASED.get(key.partition(".")[0]) if key.endswith(".type") else None)


def _is(plugins: Plugins, kind: PluginKind, class_name: str) -> bool:
    try:
        plugins.find(kind, class_name)
    except PluginError:
        return False
    return True


def _definition(plugins: Plugins, kind: PluginKind, class_name: str) -> ConfigDef:
    plugin = cast(type[Transformation | Predicate | Converter | HeaderConverter], plugins.load(kind, class_name))
    return plugin.CONFIG


def _plugin_keys(prefix: str, alias: str, kind: PluginKind, props: Props, plugins: Plugins,
                 faults: dict[str, list[str]]) -> list[ConfigKey]:
    """The keys of one transformation or predicate; what is wrong beside its keys is added to `faults`."""
    word = kind.value
    group = f"{'Transforms' if kind is PluginKind.TRANSFORMATION else 'Predicates'}: {alias}"
    version: str | None = None
    own: ConfigDef | None = None
    class_name = (props.get(f"{prefix}type") or "").strip()
    if class_name and _is(plugins, kind, class_name):
        version = plugins.find(kind, class_name).version
        try:
            own = _definition(plugins, kind, class_name)
        except PluginError as error:
            faults[f"{prefix}type"] = [str(error)]
    if f"{prefix}negate" in props and f"{prefix}predicate" not in props and kind is PluginKind.TRANSFORMATION:
        faults.setdefault(f"{prefix}type", []).append(
            f"Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a predicate to "
            "be negated.")
    if own is not None and kind is PluginKind.TRANSFORMATION:
        own = own.with_keys((
            key("predicate", Type.STRING, None, doc="Alias of the predicate that says which records are transformed."),
            key("negate", Type.BOOLEAN, False, doc="Transform the records for which the predicate is false.")))
    return [
        key(f"{prefix}type", Type.CLASS, importance=Importance.HIGH, group=group, order=0, width=Width.LONG,
            display_name=f"{word.title()} type for {alias}", doc=f"Class for the '{alias}' {word}.",
            recommender=_Choices([info.class_name for info in plugins.list(kind)])),
        key(f"{prefix}plugin.version", Type.STRING, version, importance=Importance.HIGH, group=group, order=1,
            width=Width.LONG, display_name=f"{word.title()} version for {alias}",
            doc=f"Version of the '{alias}' {word}.", recommender=_Choices([version] if version else [])),
        *(own.below(prefix, group, 2) if own is not None else ())]


class _Choices:
    """Recommends fixed values; visible where the key it belongs to has a value."""

    def __init__(self, values: Sequence[str], shown_with: str | None = None) -> None:
        self._values = values
        self._shown_with = shown_with

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> Sequence[object]:
        return self._values

    def visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        return self._shown_with is None or parsed.get(self._shown_with) is not None


def _with_worker_defaults(base: ConfigDef, props: Props, plugins: Plugins, worker: Config) -> ConfigDef:
    """Show the worker's converters and the versions that are installed as defaults."""
    changed: dict[str, ConfigKey] = {}

    def change(name: str, default: str | None, values: Sequence[str], shown_with: str | None = None) -> None:
        changed[name] = replace(base[name], default=default, recommender=_Choices(values, shown_with))

    info = plugins.find_connector((props.get("connector.class") or "").strip())
    change("connector.plugin.version", info.version, [info.version], "connector.class")
    for name, kind in CONVERTERS.items():
        default = worker.get_string(name)
        if _is(plugins, kind, default):
            default = plugins.find(kind, default).class_name
        change(name, default, sorted(each.class_name for each in plugins.list(kind)))
        chosen = (props.get(name) or "").strip() or default
        version = plugins.find(kind, chosen).version if _is(plugins, kind, chosen) else None
        change(f"{name}.plugin.version", version, [version] if version else [], name)
    return ConfigDef(*(changed.get(one.name, one) for one in base))


def _validate_own(connector: type[Connector], props: Props) -> dict[str, ConfigValue]:
    values = {value.name: value for value in connector.CONFIG.validate(props)}
    faulty = any(value.errors for value in values.values())
    try:
        more = connector.validate({name: text for name, text in props.items() if text is not None})
    except (ConfigError, ConfigErrors) as error:
        if faulty:  # it stumbled over what is reported already
            return values
        name = error.key if isinstance(error, ConfigError) else "connector.class"
        more = {name: error.faults if isinstance(error, ConfigErrors) else [str(error)]}
    for name, errors in more.items():
        values.setdefault(name, ConfigValue(name)).errors += errors
    return values


def _converter_infos(props: Props, framework: Mapping[str, ConfigValue], plugins: Plugins) -> Iterable[ConfigInfo]:
    """The keys of each converter that the connector itself names; the worker's are configured by the worker."""
    for name, kind in CONVERTERS.items():
        prefix, chosen = f"{name}.", framework[name]
        if chosen.errors or not props.get(name):
            continue
        try:
            definition = _definition(plugins, kind, str(chosen.value))
        except PluginError as error:
            chosen.errors.append(str(error))
            continue
        below = {each.removeprefix(prefix): text for each, text in props.items() if each.startswith(prefix)}
        below.setdefault("converter.type", name.removesuffix(".converter"))
        for one, value in zip(definition, definition.validate(below), strict=False):
            value.name = prefix + one.name
            yield ConfigInfo(replace(one, name=prefix + one.name), value)


def _override_faults(props: Props, worker: Config, *, sink: bool) -> Iterable[tuple[str, str]]:
    """Client settings that the worker's policy does not let a connector change, with the error. (KIP-458)"""
    match = POLICY.fullmatch(worker.get_string("connector.client.config.override.policy"))
    policy = match[1] if match else "None"
    allowed = {"None": (), "Principal": _PRINCIPAL,
               "Allowlist": tuple(worker.get_list("connector.client.config.override.allowlist"))}
    if policy not in allowed:
        return
    clients = ["consumer" if sink else "producer"]
    if props.get("errors.deadletterqueue.topic.name"):
        clients += ["producer", "admin"]
    elif any(name.startswith("topic.creation.") for name in props):
        clients.append("admin")
    for client in clients:
        prefix = f"{client}.override."
        for name in props:
            short = name.removeprefix(prefix)
            if name.startswith(prefix) and short not in allowed[policy]:
                yield name, (f"The '{policy}' policy does not allow '{short}' to be overridden in the connector "
                             "configuration.")
