"""A server process ends when it should, says why if it should not have, and leaves its folder when told to."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from connectrt.dev.process import ServerProcess
from connectrt.errors import ConnectError

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def run(code: str, log: Path, folder: Path | None = None) -> ServerProcess:
    return ServerProcess([sys.executable, "-c", code], stdout=log, folder=folder)


def test_a_server_that_ignores_sigterm_is_killed_after_the_timeout(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = run(STUBBORN, log)
    server.wait_until(lambda: "up" in log.read_text(), "the server", 5)
    assert server.stop(signal.SIGTERM, 0.1) == -signal.SIGKILL


def test_a_server_is_not_born_deaf_to_sigterm(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = run("import time; print('up', flush=True); time.sleep(60)", log)
    server.wait_until(lambda: "up" in log.read_text(), "the server", 5)
    assert server.stop(signal.SIGTERM, 5) == -signal.SIGTERM


@pytest.mark.parametrize(("end", "left"), [("stop", True), ("end", False)])
def test_the_folder_survives_a_stop_and_not_the_end(tmp_path: Path, end: str, left: bool) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    server = run("import time; time.sleep(60)", tmp_path / "log", folder)
    if end == "stop":
        server.stop(signal.SIGTERM, 5)
    else:
        server.end()
    assert folder.exists() is left


def test_a_server_that_ends_too_soon_is_quoted(tmp_path: Path) -> None:
    server = run("raise SystemExit('port 9092 is taken')", tmp_path / "log")
    with pytest.raises(ConnectError, match="ended with status 1: port 9092 is taken"):
        server.wait_until(lambda: False, "the broker", 5)
    server.end()


def test_a_server_that_is_never_ready_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    server = run("import time; time.sleep(60)", tmp_path / "log")
    with pytest.raises(ConnectError, match=r"not ready after 0\.1 s: it wrote nothing"):
        server.wait_until(lambda: False, "the broker", 0.1)
    server.end()


def test_a_program_that_is_not_there_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match="no-such-program cannot be run"):
        ServerProcess(["no-such-program"], stdout=tmp_path / "log")
