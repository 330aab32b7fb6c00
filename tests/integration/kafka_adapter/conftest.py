"""Clients of one broker, and a topic of one's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.integration.kafka_adapter.clients import Clients
from tests.servers.kafka import Kafka


@pytest.fixture
def topic() -> str:
    return f"adapter-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def clients(kafka: Kafka) -> Iterator[Clients]:
    clients = Clients(kafka.bootstrap)
    yield clients
    clients.close()
