"""Make the resolver of variables that a worker's config asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectrt.config.parsing import split_list
from connectrt.config.variables import Provider, resolve
from connectrt.errors import ConfigErrors, ConnectError
from connectrt.plugins.discovery import PluginKind
from connectrt.plugins.loader import Plugins

#: Known without being named in config.providers.
BUILT_IN: Final = {"env": "EnvVarConfigProvider", "file": "FileConfigProvider", "dir": "DirectoryConfigProvider"}

Resolve = Callable[[Mapping[str, str]], dict[str, str]]


def make_resolver(worker: Mapping[str, str], plugins: Plugins) -> Resolve:
    """Return a function that replaces the variables of a config by what `worker`'s providers say.

    Providers take their own config as it is written. Raises ConfigErrors with a fault for each that cannot be made;
    so does the function it returns for what cannot be read.
    """
    names = split_list(worker.get("config.providers", ""))
    classes = BUILT_IN | {name: worker.get(f"config.providers.{name}.class", BUILT_IN.get(name)) for name in names}
    providers: dict[str, Provider] = {}
    faults: list[str] = []
    for name, class_name in classes.items():
        key = f"config.providers.{name}.class"
        if class_name is None:
            faults.append(f'{key}: Missing required configuration "{key}" which has no default value.')
            continue
        prefix = f"config.providers.{name}.param."
        params = {one.removeprefix(prefix): text for one, text in worker.items() if one.startswith(prefix)}
        try:
            provider = plugins.load(PluginKind.CONFIG_PROVIDER, class_name)()
            provider.configure(params)
            providers[name] = provider
        except ConnectError as error:
            faults.append(f"{key}: {error}")
    if faults:
        raise ConfigErrors(faults, "Config providers cannot be made")
    return lambda props: resolve(props, providers)
