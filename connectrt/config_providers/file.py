"""Take values from Java .properties files: `${file:/path/to/file.properties:key}`. Java: `FileConfigProvider`."""

from __future__ import annotations

from collections.abc import Mapping

from connectrt.config.properties import PropertiesError, read_properties
from connectrt.config_providers.allowed import AllowedPaths
from connectrt.sdk import ConfigError, ConfigProvider


class FileConfigProvider(ConfigProvider):
    """Parameter `allowed.paths`: folders and files, comma-separated; without it every file may be read."""

    _allowed = AllowedPaths(None)

    def configure(self, params: Mapping[str, str]) -> None:
        self._allowed = AllowedPaths(params.get("allowed.paths"))

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        file = self._allowed.find(path)
        if file is None:
            return {}
        try:
            properties = read_properties(file.read_bytes())
        except (OSError, PropertiesError) as error:
            raise ConfigError(path, text=f"Could not read properties from file {path}: {error}") from error
        return {one.key: one.value for one in properties if one.key in keys}
