"""Take values from environment variables: `${env:NAME}`. Java: `EnvVarConfigProvider`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from connectrt.sdk import ConfigError, ConfigProvider


class EnvVarConfigProvider(ConfigProvider):
    """Parameter `allowlist.pattern`: a regular expression; variables whose whole name it does not match are unknown."""

    _allowed: re.Pattern[str] | None = None

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def configure(self, params: Mapping[str, str]) -> None:
        pattern = params.get("allowlist.pattern")
        try:
            self._allowed = re.compile(pattern) if pattern is not None else None
        except re.error as error:
            raise ConfigError("allowlist.pattern", pattern, f"Invalid regex: {error}") from error

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        if path:
            raise ConfigError(path, text=f"Path is not supported for EnvVarConfigProvider, invalid value '{path}': "
                                         "write ${env:NAME}")
        return {name: self._environ[name] for name in keys if name in self._environ
                and (self._allowed is None or self._allowed.fullmatch(name))}
