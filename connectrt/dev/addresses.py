"""Read from configs which servers of this machine they need. Pure; values are those after `${...}` was resolved."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

KAFKA_PORT: Final = 9092
POSTGRES_PORT: Final = 5432
TOPIC_KEYS: Final = ("topics", "topic", "kafka.topic")

Props = Mapping[str, str]


class Database(NamedTuple):
    """A PostgreSQL database as a connector's config names it."""

    port: int
    name: str
    user: str
    password: str | None


def broker_topics(worker: Props, connectors: Iterable[Props]) -> dict[int, list[str]]:
    """Return the local ports where brokers are expected, each with the topics connectors name there.

    A cluster of which any address is elsewhere is left out: what is missing of it cannot be started here.
    """
    brokers: dict[int, dict[str, None]] = {}
    home = worker.get("bootstrap.servers", f"localhost:{KAFKA_PORT}")
    for props in ({}, *connectors):
        addresses = [value for key, value in props.items() if key.endswith("override.bootstrap.servers")]
        topics = [name.strip() for key in TOPIC_KEYS for name in props.get(key, "").split(",")]
        for address in addresses or [home]:
            if (port := _broker_port(address)) is not None:
                brokers.setdefault(port, {}).update(dict.fromkeys(filter(None, topics)))
    return {port: list(topics) for port, topics in brokers.items()}


def _broker_port(bootstrap_servers: str) -> int | None:
    found = [_local(f"//{address.strip().rpartition('://')[2]}") for address in bootstrap_servers.split(",")]
    return None if None in found or found[0] is None else found[0].port or KAFKA_PORT


def databases(connectors: Iterable[Props]) -> list[Database]:
    """Return the PostgreSQL databases of this machine that connectors name in `connection.url`."""
    found = (_database(props) for props in connectors if "connection.url" in props)
    return list(dict.fromkeys(database for database in found if database))


def _database(props: Props) -> Database | None:
    parts = _local(props["connection.url"].removeprefix("jdbc:"))
    if parts is None or parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        return None
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if "host" in query:
        return None
    user = (
        props.get("connection.user") or props.get("connection.username") or query.get("user")
        or unquote(parts.username or "") or getpass.getuser()
    )
    password = props.get("connection.password") or query.get("password") or unquote(parts.password or "") or None
    return Database(parts.port or POSTGRES_PORT, unquote(parts.path.lstrip("/")) or user, user, password)


def _local(url: str) -> SplitResult | None:
    """The URL's parts if it names one port of this machine's loopback, or no host at all."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number, such as two hosts
    except ValueError:
        return None
    host = parts.hostname or "localhost"
    return parts if host in {"localhost", "::1"} or host.startswith("127.") else None
