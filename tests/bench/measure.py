"""Run one process to its end and measure it from outside: time, CPU, memory, and the pace of the table it fills.

Invariant: nothing is asked of the process itself, so a hand-written loop and a whole runtime are measured alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

TICK_S = 0.01
MIB = 1 << 20


@dataclass
class Measured:
    """What one run of one process took."""

    cpu_s: float = 0.0  #: user + system, from exec to exit
    rss_mib: list[float] = field(default_factory=list)  #: while it worked, several times a second
    first_s: float = 0.0  #: time.monotonic when its table began to grow
    last_s: float = 0.0  #: when it had grown for the last time
    streaming_cpu_s: float = 0.0  #: user + system between the two
    stdout: str = ""

    @property
    def streaming_s(self) -> float:
        return self.last_s - self.first_s

    @property
    def rss_peak_mib(self) -> float:
        return max(self.rss_mib)

    @property
    def rss_growth_mib(self) -> float:
        """Median of the last third less median of the third before: 0 = flat."""
        third = len(self.rss_mib) // 3
        if not third:
            return 0.0
        return statistics.median(self.rss_mib[-third:]) - statistics.median(self.rss_mib[-2 * third:-third])


def measure(
    command: Sequence[str], folder: Path, env: Mapping[str, str], table: Path | None, timeout_s: float
) -> Measured:
    """Run the command in `folder` and watch the file `table` grow.

    Raises CalledProcessError with its log if it fails, TimeoutError if it takes longer.
    """
    measured = Measured()
    with (folder / "stdout").open("w+") as stdout, (folder / "stderr").open("w+") as stderr:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=stdout, stderr=stderr)
        try:
            status = _watch(process.pid, measured, table, time.monotonic() + timeout_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.returncode = status
        measured.stdout = (folder / "stdout").read_text()
        if status:
            log = (folder / "stderr").read_text()[-4000:]
            raise subprocess.CalledProcessError(status, command, measured.stdout[-2000:], log)
    return measured


def _watch(pid: int, measured: Measured, table: Path | None, deadline: float) -> int:
    process = psutil.Process(pid)
    size = table.stat().st_size if table else 0
    tick = 0
    first_cpu_s = 0.0
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            measured.cpu_s = usage.ru_utime + usage.ru_stime
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} has not ended in time")
        if table and (grown := table.stat().st_size) > size:
            size = grown
            measured.last_s = time.monotonic()
            times = process.cpu_times()
            first_cpu_s = first_cpu_s or times.user + times.system
            measured.first_s = measured.first_s or measured.last_s
            measured.streaming_cpu_s = times.user + times.system - first_cpu_s
        if tick % 20 == 0:
            measured.rss_mib.append(process.memory_info().rss / MIB)
        tick += 1
        time.sleep(TICK_S)
