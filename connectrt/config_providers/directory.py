"""Take values from files of a folder: `${dir:/path/to/folder:file}`. Java: `DirectoryConfigProvider`."""

from __future__ import annotations

from collections.abc import Mapping

from connectrt.config_providers.allowed import AllowedPaths
from connectrt.sdk import ConfigError, ConfigProvider


class DirectoryConfigProvider(ConfigProvider):
    """A value is the whole file, its last newline included, so that mounted secrets come through as they are.

    Parameter `allowed.paths`: folders, comma-separated; without it every folder may be read.
    """

    _allowed = AllowedPaths(None)

    def configure(self, params: Mapping[str, str]) -> None:
        self._allowed = AllowedPaths(params.get("allowed.paths"))

    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        folder = self._allowed.find(path)
        if folder is None:
            return {}
        try:
            # A key is only compared with the names that are there, so `..` leads nowhere.
            return {file.name: file.read_bytes().decode()
                    for file in folder.iterdir() if file.name in keys and file.is_file()}
        except OSError as error:
            raise ConfigError(path, text=f"Could not read directory {path}: {error}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(path, text=f"Could not read directory {path}: a file is not UTF-8 text") from error
