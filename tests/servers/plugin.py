"""Offer the servers as pytest fixtures to every test of the repository, the connectors' too.

| fixture           | what                                                                     | life     |
|-------------------|--------------------------------------------------------------------------|----------|
| kafka             | Apache Kafka, shared: use topics of your own                             | session  |
| own_kafka         | Apache Kafka that may be stopped and killed                              | function |
| postgres          | PostgreSQL, shared                                                       | session  |
| database          | URL of a fresh, empty database on it                                     | function |
| own_postgres      | PostgreSQL that may be stopped and killed                                | function |
| otlp              | a tracing backend                                                        | function |
| connectrt_process | starts the command `connectrt` with a config and arguments               | function |

Tests that use one are marked `kafka` or `postgres`. Without the server they are skipped; in CI they fail.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar

import pytest

from tests.servers.kafka import Kafka
from tests.servers.missing import ServerMissing, skip_or_fail
from tests.servers.otlp import OtlpReceiver
from tests.servers.postgres import PostgresServer
from tests.servers.worker import Worker

Server = TypeVar("Server", Kafka, PostgresServer)
MARKS: Final = {"kafka": "kafka", "own_kafka": "kafka", "postgres": "postgres", "own_postgres": "postgres"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture, mark in MARKS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    with _running(Kafka) as server:
        yield server


@pytest.fixture
def own_kafka() -> Iterator[Kafka]:
    with _running(Kafka) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with _running(PostgresServer) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with _running(PostgresServer) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def otlp() -> Iterator[OtlpReceiver]:
    with contextlib.closing(OtlpReceiver()) as receiver:
        yield receiver


class StartWorker(Protocol):
    """What the fixture `connectrt_process` gives."""

    def __call__(
        self, config: Mapping[str, object] | Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> Worker:
        """Run `connectrt start ARGUMENTS CONFIG`; a mapping is written to a file first."""


@pytest.fixture
def connectrt_process(tmp_path: Path) -> Iterator[StartWorker]:
    with contextlib.ExitStack() as workers:

        def start(
            config: Mapping[str, object] | Path, *arguments: str, env: Mapping[str, str] | None = None
        ) -> Worker:
            if not isinstance(config, Path):
                file = tmp_path / "config.json"
                file.write_text(json.dumps(config))
                config = file
            return workers.enter_context(contextlib.closing(Worker(tmp_path, "start", *arguments, config, env=env)))

        yield start


@contextlib.contextmanager
def _running(make: Callable[[], Server]) -> Iterator[Server]:
    try:
        server = make()
    except ServerMissing as missing:
        skip_or_fail(missing)
    with contextlib.closing(server):
        server.start()
        yield server
