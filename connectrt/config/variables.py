"""Resolve variables in configs: `${provider:path:key}` and `${provider:key}`.

Invariant: what no provider knows stays as it is written, and a resolved text is not looked at again. (KIP-297)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from connectrt.errors import ConfigError, ConfigErrors

_VARIABLE: Final = re.compile(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}")
#: Providers of an operator for Kubernetes, which reads its API; the same values can be mounted as files.
_KUBERNETES: Final = ("secrets", "configmaps")


class Provider(Protocol):
    """What resolves variables; the config provider of `connectrt.sdk`."""

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        """Return the values of those keys that are there. Raises ConfigError."""


def resolve(props: Mapping[str, str], providers: Mapping[str, Provider]) -> dict[str, str]:
    """Return `props` with variables replaced; each path of a provider is read once.

    Raises ConfigErrors with one fault per path that cannot be read and per variable of a provider that only exists in
    operators for Kubernetes.
    """
    wanted: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    faults: list[str] = []
    for name, text in props.items():
        for provider, _, path, variable in _VARIABLE.findall(text):
            if provider in providers:
                wanted[provider, path].setdefault(variable, name)
            elif provider in _KUBERNETES:
                faults.append(f"{name}: ${{{provider}:…}} is read by an operator for Kubernetes only: mount the secret "
                              "here and write ${dir:/its/folder:file}, or pass it as a variable: ${env:NAME}")
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for (provider, path), names in wanted.items():
        try:
            found[provider, path] = providers[provider].get(path, frozenset(names))
        except ConfigError as error:
            faults.append(f"{', '.join(sorted(set(names.values())))}: {error}")
    if faults:
        raise ConfigErrors(faults, "Variables of the configuration cannot be resolved")

    def value(match: re.Match[str]) -> str:
        known = found.get((match[1], match[3] or ""), {})
        return known.get(match[4], match[0])

    return {name: _VARIABLE.sub(value, text) for name, text in props.items()}


def unresolved(raw: Mapping[str, str], resolved: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return (key, variable) for what `resolve` left as it was written; a value that was put in is never shown."""
    for name, text in raw.items():
        for match in _VARIABLE.finditer(text):
            if match[0] in resolved[name]:
                yield name, match[0]
