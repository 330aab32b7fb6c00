"""Make the resolver of variables that a worker's config asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from connectrt.config.parsing import split_list
from connectrt.config.variables import Provider, resolve
from connectrt.errors import ConfigErrors, ConnectError
from connectrt.plugins.discovery import PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.sdk import ConfigProvider

#: Known without being named in config.providers.
BUILT_IN: Final = {"env": "EnvVarConfigProvider", "file": "FileConfigProvider", "dir": "DirectoryConfigProvider"}

Resolve = Callable[[Mapping[str, str]], dict[str, str]]


def make_resolver(worker: Mapping[str, str], plugins: Plugins) -> Resolve:
    """Return a function that replaces the variables of a config by what `worker`'s providers say.

    Providers take their own config as it is written. Raises ConfigErrors with a fault for each that cannot be made;
    so does the function it returns for what cannot be read.
    """
    providers: dict[str, Provider] = {name: _OnFirstUse(class_name, plugins) for name, class_name in BUILT_IN.items()}
    faults: list[str] = []
    for name in split_list(worker.get("config.providers", "")):
        key = f"config.providers.{name}.class"
        class_name = worker.get(key, BUILT_IN.get(name))
        if class_name is None:
            faults.append(f'{key}: Missing required configuration "{key}" which has no default value.')
            continue
        prefix = f"config.providers.{name}.param."
        params = {one.removeprefix(prefix): text for one, text in worker.items() if one.startswith(prefix)}
        try:
            providers[name] = _make(class_name, params, plugins)
        except ConnectError as error:
            faults.append(f"{key}: {error}")
    if faults:
        raise ConfigErrors(faults, "Config providers cannot be made")
    return lambda props: resolve(props, providers)


def _make(class_name: str, params: Mapping[str, str], plugins: Plugins) -> ConfigProvider:
    provider = cast(type[ConfigProvider], plugins.load(PluginKind.CONFIG_PROVIDER, class_name))()
    provider.configure(params)
    return provider


class _OnFirstUse:
    """A provider nobody has asked for by name: it is imported when a variable does."""

    def __init__(self, class_name: str, plugins: Plugins) -> None:
        self._class_name = class_name
        self._plugins = plugins

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        return _make(self._class_name, {}, self._plugins).get(path, keys)
