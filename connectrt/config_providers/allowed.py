"""Keep config providers that read files within the folders they may read."""

from __future__ import annotations

import logging
from pathlib import Path

from connectrt.sdk import ConfigError

log = logging.getLogger(__name__)


class AllowedPaths:
    """The folders and files of `allowed.paths`; None = everything. Links and `..` are followed before comparing."""

    def __init__(self, text: str | None) -> None:
        """Raises ConfigError for a path that is not absolute or does not exist."""
        self._paths: list[Path] | None = None
        if text is None or not text.strip():
            return
        self._paths = []
        for part in text.split(","):
            path = Path(part.strip())
            if not path.is_absolute():
                raise ConfigError("allowed.paths", text=f"Path {path} is not absolute")
            if not path.exists():
                raise ConfigError("allowed.paths", text=f"Path {path} does not exist")
            self._paths.append(path.resolve())

    def find(self, path: str) -> Path | None:
        """Return the path if it may be read; else log and return None. Raises ConfigError if it cannot be one."""
        if not path:
            return None
        try:
            found = Path(path).resolve()
        except (OSError, ValueError, RuntimeError) as error:  # a name too long, a NUL, links in a circle
            raise ConfigError(path, text=f"{path} is no path of a file: {error}") from error
        if self._paths is None or any(found.is_relative_to(allowed) for allowed in self._paths):
            return found
        log.warning("a path outside of allowed.paths is not read", extra={"action": "resolve_variable", "path": path})
        return None
