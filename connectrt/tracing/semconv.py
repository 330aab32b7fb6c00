"""Name spans and their attributes: OpenTelemetry's semantic conventions for messaging and Kafka, v1.44.0.

Invariant: attributes that a sampler may look at are all there when a span starts. With
OTEL_SEMCONV_STABILITY_OPT_IN=messaging/dup the names from before v1.28 are written beside the new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectrt.sdk.tracing import AttributeValue

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

DESTINATION = "messaging.destination.name"
PARTITION = "messaging.destination.partition.id"
OFFSET = "messaging.kafka.offset"
OLD_PARTITION = "messaging.kafka.destination.partition"
OLD_OFFSET = "messaging.kafka.message.offset"

Attributes = dict[str, AttributeValue]

_OLD_OPERATIONS = {"send": "publish"}


def wants_old_names(environ: Mapping[str, str]) -> bool:
    """Tell whether OTEL_SEMCONV_STABILITY_OPT_IN asks for old and new names together."""
    return "messaging/dup" in [value.strip() for value in environ.get("OTEL_SEMCONV_STABILITY_OPT_IN", "").split(",")]


class Conventions:
    """Names and attributes of one task's spans; what all of them share is built once."""

    def __init__(self, connector: str, task: int, bootstrap: str, *, group: str | None = None,
                 old_names: bool = False) -> None:
        self.connector = connector
        self.old_names = old_names
        self._group = group
        self._task: Attributes = {"connectrt.connector": connector, "connectrt.task": task}
        self._server = _first_server(bootstrap)

    def process(self, topic: str | None, partition: int | None, count: int) -> tuple[str, Attributes]:
        """A batch on its way through a sink; topic and partition are None where its records differ."""
        attributes = self._operation("process", "process", topic)
        attributes["messaging.batch.message_count"] = count
        if partition is not None:
            self._partition(attributes, partition)
        return _name("process", topic), attributes

    def commit(self, topics: Collection[str], partitions: int) -> tuple[str, Attributes]:
        """A commit of offsets; a settle operation."""
        topic = next(iter(topics)) if len(topics) == 1 else None
        attributes = self._operation("commit", "settle", topic)
        attributes["connectrt.partitions"] = partitions
        return _name("commit", topic), attributes

    def create(self, topic: str, partition: int | None, key: object, tombstone: bool) -> tuple[str, Attributes]:
        """One record on its way out of a source."""
        attributes = self._operation("create", "create", topic)
        if partition is not None:
            self._partition(attributes, partition)
        if isinstance(key, str):
            attributes["messaging.kafka.message.key"] = key
        if tombstone:
            attributes["messaging.kafka.message.tombstone"] = True
        return _name("create", topic), attributes

    def send(self, topic: str, count: int) -> tuple[str, Attributes]:
        """A batch handed to the broker."""
        attributes = self._operation("send", "send", topic)
        attributes["messaging.batch.message_count"] = count
        return _name("send", topic), attributes

    def stage(self, name: str) -> Attributes:
        """A step of our own, which the conventions do not know: poll, flush, put."""
        return {**self._task, "connectrt.stage": name}

    def _operation(self, name: str, kind: str, topic: str | None) -> Attributes:
        attributes: Attributes = {
            "messaging.system": "kafka", "messaging.operation.name": name, "messaging.operation.type": kind}
        if topic is not None:
            attributes[DESTINATION] = topic
        if self._group is not None:
            attributes["messaging.consumer.group.name"] = self._group
        attributes.update(self._server)
        attributes.update(self._task)
        if self.old_names:
            attributes["messaging.operation"] = _OLD_OPERATIONS.get(kind, kind)
            if self._group is not None:
                attributes["messaging.kafka.consumer.group"] = self._group
        return attributes

    def _partition(self, attributes: Attributes, partition: int) -> None:
        attributes[PARTITION] = str(partition)
        if self.old_names:
            attributes[OLD_PARTITION] = partition


def _name(operation: str, topic: str | None) -> str:
    return operation if topic is None else f"{operation} {topic}"


def _first_server(bootstrap: str) -> Attributes:
    address, _, port = bootstrap.split(",")[0].strip().rpartition(":")
    if not address or not port.isdigit():
        return {}
    return {"server.address": address.rpartition("://")[2].strip("[]"), "server.port": int(port)}
