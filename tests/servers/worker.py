"""Run the command `connectrt` in a process of its own, as a user does, and watch it over output and REST.

Invariant: the process is gone when the test is over, however the test ended.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from connectrt.dev.process import ServerProcess
from tests.servers.ports import free_ports

COMMAND: Final = (sys.executable, "-m", "connectrt.cli")
TIMEOUT_S: Final = 20.0


class Worker:
    """One run of `connectrt ARGUMENTS` inside `folder`; REST listens on a free port of its own."""

    def __init__(self, folder: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
        port = free_ports(1)[0]
        self.rest = f"http://127.0.0.1:{port}"
        self._stdout, self._stderr = folder / f"{port}.stdout", folder / f"{port}.stderr"
        self._process = ServerProcess(
            [*COMMAND, *map(str, arguments)],
            stdout=self._stdout, stderr=self._stderr, cwd=folder,
            env={**os.environ, "CONNECT_LISTENERS": self.rest, **(env or {})},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdout(self) -> str:
        return self._stdout.read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """The log."""
        return self._stderr.read_text(errors="replace")

    def wait_for_line(self, pattern: str, timeout_s: float = TIMEOUT_S) -> str:
        """Return the first line of either output that `pattern` is found in, once there is one."""
        found = ""

        def seen() -> bool:
            nonlocal found
            lines = (self.stdout + self.stderr).splitlines()
            found = next((line for line in lines if re.search(pattern, line)), "")
            return bool(found)

        self._process.wait_until(seen, f"connectrt, which should print {pattern!r},", timeout_s)
        return found

    def get(self, path: str) -> Any:
        """GET from the REST API, decoded. Raises URLError while nobody listens, HTTPError for a refusal."""
        with urllib.request.urlopen(self.rest + path, timeout=5) as answer:
            return json.load(answer)

    def wait_for_state(self, connector: str, state: str = "RUNNING", timeout_s: float = TIMEOUT_S) -> None:
        """Wait until the connector has tasks and all of them are in `state`."""

        def reached() -> bool:
            try:
                tasks = self.get(f"/connectors/{connector}/status")["tasks"]
            except (urllib.error.URLError, ConnectionError):
                return False
            return bool(tasks) and all(task["state"] == state for task in tasks)

        self._process.wait_until(reached, f"connectrt, whose {connector} should become {state},", timeout_s)

    def wait(self, timeout_s: float = TIMEOUT_S) -> int:
        """Return the exit status once it has ended by itself; -9 = killed by signal 9. Raises TimeoutError."""
        return self._process.wait(timeout_s)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self, timeout_s: float = TIMEOUT_S) -> int:
        """SIGTERM; return the exit status."""
        self.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.stop(signal.SIGKILL, TIMEOUT_S)

    def close(self) -> None:
        self._process.end()
