"""A sink task that keeps what it is given, and a topic to feed it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectrt.data.topic import TopicPartition
from connectrt.kafka.memory import MemoryBroker
from connectrt.sdk import Config, ConfigDef, SinkOffsets, SinkRecord, SinkTask

P0 = TopicPartition("orders", 0)
TOPICS = {"topics": "orders"}


class Kept(SinkTask):
    """Keeps what it is given; a subclass per test, so that nothing is shared."""

    CONFIG = ConfigDef()
    calls: list[str]
    records: list[SinkRecord]

    def __init_subclass__(cls) -> None:
        cls.calls, cls.records = [], []

    def start(self, config: Config) -> None:
        self.calls.append("start")

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("open")

    def put(self, records: Sequence[SinkRecord]) -> None:
        if records:
            self.calls.append("put")
            self.records.extend(records)

    def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
        self.calls.append("pre_commit")
        return offsets

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append("close")

    def stop(self) -> None:
        self.calls.append("stop")

    def destination_counts(self) -> Mapping[str, int]:
        return {"kept": len(self.records)}


def two_partitions() -> MemoryBroker:
    made = MemoryBroker(partitions=None)
    made.create_topic("orders", 2)
    return made


def fill(broker: MemoryBroker, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        broker.append("orders", b'{"id": %d}' % number, b"k%d" % number, [("traceparent", b"x")], partition=number % 2)
