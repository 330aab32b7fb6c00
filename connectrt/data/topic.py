"""Name places in Kafka: a topic's partition, and the place a produced record got."""

from __future__ import annotations

from typing import NamedTuple


class TopicPartition(NamedTuple):
    """One partition of one topic; prints as `orders-3`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class RecordMetadata(NamedTuple):
    """Where a produced record landed. `timestamp_ms` is None if the broker does not tell."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None = None
