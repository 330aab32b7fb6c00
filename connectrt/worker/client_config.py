"""Put together the Kafka client configs of one connector: framework < worker's prefix < connector's override.

(spec: Connect's "client settings"; KIP-458 overrides)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from connectrt.config.definition import Config
from connectrt.worker.messages import TaskId

ClientKind = Literal["producer", "consumer", "admin"]


def client_config(kind: ClientKind, framework: Mapping[str, str], worker: Config,
                  connector: Mapping[str, str]) -> dict[str, str]:
    """Java key names. Security keys without a prefix are the worker's own and are not handed down, as in Java."""
    override = f"{kind}.override."
    return {
        "bootstrap.servers": ",".join(worker.get_list("bootstrap.servers")),
        **framework,
        **worker.with_prefix(f"{kind}."),
        **{key.removeprefix(override): value for key, value in connector.items() if key.startswith(override)},
    }


def sink_consumer(task: TaskId, worker: Config, connector: Mapping[str, str]) -> dict[str, str]:
    return client_config("consumer", {
        "group.id": f"connect-{task.connector}",
        "client.id": f"connector-consumer-{task}",
        "enable.auto.commit": "false",
        "auto.offset.reset": "earliest",
    }, worker, connector)


def source_producer(task: TaskId, worker: Config, connector: Mapping[str, str]) -> dict[str, str]:
    return client_config("producer", {
        "client.id": f"connector-producer-{task}",
        "acks": "all",
        "enable.idempotence": "true",
        "delivery.timeout.ms": "2147483647",
    }, worker, connector)


def dead_letter_producer(task: TaskId, worker: Config, connector: Mapping[str, str]) -> dict[str, str]:
    return source_producer(task, worker, connector) | {"client.id": f"connector-dlq-producer-{task}"}


def admin(task: TaskId, worker: Config, connector: Mapping[str, str]) -> dict[str, str]:
    return client_config("admin", {"client.id": f"connector-adminclient-{task}"}, worker, connector)
