"""Run the Kafka-compatible broker of the wheel `noida-db`; it keeps everything in memory, all else it offers is off."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from connectrt.dev.ports import listens
from connectrt.dev.process import ServerProcess
from connectrt.errors import ConnectError

START_TIMEOUT_S: Final = 10.0


class Broker:
    """One broker on 127.0.0.1, without its records once it is closed. Use from one thread."""

    def __init__(self, port: int) -> None:
        self.port = port
        program = _program()
        self._folder = Path(tempfile.mkdtemp(prefix="connectrt-kafka-"))
        self._process = ServerProcess(
            [program, "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", str(self._folder / "data")],
            stdout=self._folder / "server.log", folder=self._folder,
        )

    def wait_ready(self) -> None:
        """Return once it takes connections. Raises ConnectError with its own words if it does not."""
        what = f"the development broker on port {self.port}"
        self._process.wait_until(lambda: listens(self.port), what, START_TIMEOUT_S)

    def close(self) -> None:
        self._process.end()
        shutil.rmtree(self._folder, ignore_errors=True)


def _program() -> str:
    found = importlib.util.find_spec("noida_db")
    if found is None or found.origin is None:
        raise ConnectError("the broker for --dev is not installed: pip install 'connectrt[dev]'")
    program = Path(found.origin).with_name("noida-db")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # not every installer keeps the mode of what it takes for data
    return str(program)
