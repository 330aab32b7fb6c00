"""Start what a config needs on this machine and nobody offers: `connectrt start --dev`.

Invariant: a server that was here before is used as it is; ours are gone, data and all, when this process is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from types import TracebackType
from typing import Final, Self

from connectrt.dev.addresses import Database, broker_topics, databases
from connectrt.dev.broker import Broker
from connectrt.dev.ports import listens
from connectrt.dev.postgres import Postgres
from connectrt.kafka.client import KafkaClients

TOPIC_PARTITIONS: Final = 4


class DevServers:
    """The servers started for one run; a context manager that ends them. Use from one thread."""

    def __init__(self, running: contextlib.ExitStack, started: Sequence[str]) -> None:
        self._running = running
        #: One line per server for the terminal, such as `Kafka-compatible broker on localhost:9092`.
        self.started = started

    @classmethod
    def start(
        cls, worker: Mapping[str, str], connectors: Iterable[Mapping[str, str]], clients: KafkaClients
    ) -> Self:
        """Start a server for each loopback address in the configs that nobody listens on; return when all are ready.

        Topics that connectors name are made on brokers started here, users and databases on PostgreSQL started here.
        Values must be resolved (`${...}`). Raises ConnectError: a wheel is missing, a server does not start.
        """
        connectors = list(connectors)
        topics = broker_topics(worker, connectors)
        wanted = databases(connectors)
        with contextlib.ExitStack() as running:
            # All are launched before the first is waited for: they start at the same time.
            brokers = [running.enter_context(closing(Broker(port))) for port in topics if not listens(port)]
            postgreses = [
                running.enter_context(closing(Postgres(port=port)))
                for port in dict.fromkeys(database.port for database in wanted) if not listens(port)
            ]
            for postgres in postgreses:
                postgres.launch()
            for broker in brokers:
                broker.wait_ready()
                create_topics(broker.port, topics[broker.port], clients)
            for postgres in postgreses:
                postgres.wait_ready()
                create_databases(postgres, wanted)
            started = [f"Kafka-compatible broker on localhost:{broker.port}" for broker in brokers]
            started += [f"PostgreSQL on localhost:{postgres.port}" for postgres in postgreses]
            return cls(running.pop_all(), started)

    def close(self) -> None:
        """End the servers and remove their data. May be called again."""
        self._running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def create_topics(port: int, names: Iterable[str], clients: KafkaClients) -> None:
    """Create the topics that are missing on the broker at this port, with four partitions each."""
    with closing(clients.admin({"bootstrap.servers": f"127.0.0.1:{port}"})) as admin:
        for name in names:
            admin.create_topic(name, TOPIC_PARTITIONS, 1, {})


def create_databases(postgres: Postgres, wanted: Iterable[Database]) -> None:
    """Create the roles and databases that are wanted on this server's port and missing there."""
    for database in wanted:
        if database.port == postgres.port:
            postgres.ensure_role(database.user, database.password)
            postgres.ensure_database(database.name, owner=database.user)
