"""Own one server process: start it, say whether it lives, stop it; never leave it or its folder behind.

Invariant: server and folder end with this process, even if it is killed: see `keeper`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from connectrt.errors import ConnectError

KEEPER: Final = str(Path(__file__).with_name("keeper.py"))


class ServerProcess:
    """One run of one server. Any thread.

    `folder` is removed if this process dies while the server runs, or at `end`; it survives a `stop`. `user` is the id
    to run as (needs root), `end_signal` what ends the server at once when its data is no longer needed.
    """

    def __init__(
        self, command: Sequence[str], *, stdout: Path, stderr: Path | None = None, folder: Path | None = None,
        user: int | None = None, cwd: Path | None = None, env: Mapping[str, str] | None = None,
        end_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr or stdout
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            order = {
                "command": list(command), "stdout": out.fileno(), "stderr": err.fileno(), "user": user,
                "folder": None if folder is None else str(folder), "end_signal": end_signal,
            }
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", KEEPER, json.dumps(order)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=err, pass_fds=(out.fileno(), err.fileno()), cwd=cwd, env=env, start_new_session=True, text=True,
            )
        assert self._keeper.stdin
        assert self._keeper.stdout
        self._to_keeper, self._from_keeper = self._keeper.stdin, self._keeper.stdout
        pid = self._from_keeper.readline()
        if not pid:
            self._close()
            raise ConnectError(f"{command[0]} cannot be run: {tail(self.stderr)}")
        self.pid = int(pid)
        self._status: int | None = None
        self._exited = threading.Event()
        self._watch = threading.Thread(target=self._await_exit, name=f"watch-{self.pid}", daemon=True)
        self._watch.start()

    @property
    def returncode(self) -> int | None:
        """Exit status as subprocess has it (-9: killed by signal 9); None while the server runs."""
        return self._status

    def send_signal(self, number: signal.Signals) -> None:
        if not self._exited.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Return the exit status; raise TimeoutError if the server still runs after `timeout_s`."""
        if not self._exited.wait(timeout_s) or self._status is None:
            raise TimeoutError(f"process {self.pid} has not ended within {timeout_s:g} s")
        return self._status

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Ask `ready` every 20 ms. Raises ConnectError with the end of the log if the server ends or takes longer."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self._exited.wait(0.02):
                raise ConnectError(f"{what} ended with status {self._status}: {tail(self.stderr)}")
            if time.monotonic() > deadline:
                raise ConnectError(f"{what} was not ready after {timeout_s:g} s: {tail(self.stderr)}")

    def stop(self, number: signal.Signals, timeout_s: float) -> int:
        """Send the signal, wait, return the exit status; after `timeout_s` the server is killed. The folder stays."""
        self.send_signal(number)
        try:
            self.wait(timeout_s)
        except TimeoutError:
            self.send_signal(signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            self._to_keeper.write("stop\n")
        self._close()
        return self.wait(0)

    def end(self) -> None:
        """End the server at once and remove its folder. May be called again."""
        self._close()

    def _await_exit(self) -> None:
        line = self._from_keeper.readline()
        self._status = int(line) if line else -signal.SIGKILL
        self._exited.set()

    def _close(self) -> None:
        if not self._to_keeper.closed:
            with contextlib.suppress(BrokenPipeError):
                self._to_keeper.close()
            self._keeper.wait()
            if hasattr(self, "_watch"):
                self._watch.join()
            self._from_keeper.close()


def tail(log: Path, lines: int = 10) -> str:
    """The last lines of a log, for an error's text."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "it wrote nothing"
