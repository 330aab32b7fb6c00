"""The clients of the broker in memory: consumer, producer, admin.

Invariant: a partition is fetched by its owner alone; it becomes owned after its former owner's `on_revoked` returned.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from connectrt.data.message import Message
from connectrt.data.record import RawHeaders
from connectrt.data.topic import TopicPartition
from connectrt.errors import ConfigErrors, ConnectError, RetriableError
from connectrt.kafka.client import Offsets, RebalanceListener, TopicDescription

if TYPE_CHECKING:
    from connectrt.kafka.memory import MemoryBroker


class MemoryConsumer:
    """See `client.Consumer`. Eager unless partition.assignment.strategy names a cooperative assignor."""

    def __init__(self, broker: MemoryBroker, config: Mapping[str, str]) -> None:
        if not config.get("group.id"):
            raise ConfigErrors(["group.id: a consumer needs one"])
        self._broker = broker
        self._changed = broker.changed
        self._cooperative = "cooperative" in config.get("partition.assignment.strategy", "").lower()
        self._reset = config.get("auto.offset.reset", "earliest")
        self._topics: Collection[str] = ()
        with self._changed:
            self._group = broker.group(config["group.id"])
        self._listener: RebalanceListener | None = None
        self._generation = -1
        self._lost: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}  # of the partitions owned; the first is the next to be asked
        self._paused: set[TopicPartition] = set()
        self._commits: deque[tuple[Callable[[Exception | None], None], Exception | None]] = deque()
        self._woken = False
        self._closed = False
        self.joined = False

    def subscribe(self, topics: Sequence[str] | str, listener: RebalanceListener) -> None:
        self._listener = listener
        pattern = re.compile(topics) if isinstance(topics, str) else None
        self._topics = () if isinstance(topics, str) else tuple(topics)
        with self._changed:
            self._broker.join(self._group, self, self._topics, pattern)

    def consume(self, max_records: int, timeout_s: float) -> Sequence[Message]:
        deadline = time.monotonic() + timeout_s
        while True:
            self._serve()
            with self._broker.reached():
                if self._must_serve():
                    continue
                found = self._take(max_records)
                left_s = deadline - time.monotonic()
                if found or self._woken or left_s <= 0:
                    self._woken = False
                    return found
                self._changed.wait(left_s)

    def _take(self, max_records: int) -> Sequence[Message]:
        found: list[Message] = []
        for partition in list(self._positions):
            if partition in self._paused:
                continue
            log, position = self._broker.log(partition), self._positions[partition]
            if position > len(log):
                position = self._start(partition, f"offset {position} of {partition} is out of range")
            batch = log[position : position + max_records - len(found)]
            found += batch
            del self._positions[partition]  # goes to the end: every partition has its turn
            self._positions[partition] = position + len(batch)
            if len(found) == max_records:
                break
        return found

    # -- group ----------------------------------------------------------------------------------------------------

    def _must_serve(self) -> bool:
        return bool(self._lost or self._commits or self._leaving() or self._coming())

    def _serve(self) -> None:
        """Call what has to be called: commit callbacks, then what has changed in the group."""
        while self._commits:
            done, error = self._commits.popleft()
            done(error)
        if self._listener is None:
            return
        missing = [topic for topic in self._topics if self._broker.describe(topic) is None]
        if missing:
            raise RetriableError(f"topic {missing[0]} does not exist: create it, or correct `topics`")
        if lost := sorted(self._lost):
            self._lost = frozenset()
            self._forget(lost)
            self._listener.on_lost(lost)
        with self._broker.reached():
            leaving = self._leaving()
            self._generation = self._group.generation
        self._revoke(leaving)
        with self._broker.reached():
            coming = self._coming()
            for partition in coming:
                self._group.owners[partition] = self
                committed = self._group.committed.get(partition)
                self._positions[partition] = committed if committed is not None else self._start(
                    partition, f"{partition} has no committed offset")
            self.joined = True
        if coming:
            self._listener.on_assigned(coming)

    def _leaving(self) -> list[TopicPartition]:
        """What is owned and must go; with the eager protocol everything, at each rebalance."""
        if self._group.generation == self._generation:
            return []
        stay = self._group.target.get(self, frozenset()) if self._cooperative else frozenset()
        return sorted(self._positions.keys() - stay)

    def _coming(self) -> list[TopicPartition]:
        """What can be taken now; with the eager protocol not before everything can be."""
        if self._lost or self._group.generation != self._generation:
            return []
        missing = self._group.target.get(self, frozenset()) - self._positions.keys()
        free = sorted(partition for partition in missing if partition not in self._group.owners)
        return free if self._cooperative or len(free) == len(missing) else []

    def _revoke(self, partitions: Sequence[TopicPartition]) -> None:
        if not partitions or self._listener is None:
            return
        try:
            self._listener.on_revoked(partitions)
        finally:
            with self._changed:
                for partition in partitions:
                    del self._group.owners[partition]
                self._forget(partitions)
                self._changed.notify_all()

    def _forget(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            self._positions.pop(partition, None)
        self._paused.difference_update(partitions)

    def lose(self, partitions: frozenset[TopicPartition]) -> None:
        """The broker has ended this member's session."""
        self._lost |= partitions

    def _start(self, partition: TopicPartition, why: str) -> int:
        if self._reset == "none":
            raise ConnectError(f"{why} and auto.offset.reset=none: commit an offset, or set it to earliest or latest")
        return len(self._broker.log(partition)) if self._reset == "latest" else 0

    # -- places ---------------------------------------------------------------------------------------------------

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def position(self, partition: TopicPartition) -> int:
        return self._positions[self._owned(partition)]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[self._owned(partition)] = offset

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        self._paused.update(map(self._owned, partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        self._paused.difference_update(map(self._owned, partitions))

    def _owned(self, partition: TopicPartition) -> TopicPartition:
        if partition not in self._positions:
            raise ConnectError(f"{partition} is not assigned to this consumer")
        return partition

    def end_offset(self, partition: TopicPartition, *, cached: bool = False) -> int:
        with self._broker.reached():
            return len(self._broker.log(partition))

    # -- commits --------------------------------------------------------------------------------------------------

    def commit(self, offsets: Offsets) -> None:
        with self._broker.reached():
            self._commit(offsets)

    def commit_async(self, offsets: Offsets, done: Callable[[Exception | None], None]) -> None:
        error: Exception | None = None
        try:
            self.commit(offsets)
        except Exception as refused:
            error = refused
        self._commits.append((done, error))

    def _commit(self, offsets: Offsets) -> None:
        refusal = self._broker.refusal(self._group, self, offsets)
        if refusal is not None:
            raise refusal
        self._group.committed.update(offsets)

    def wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            while self._commits:
                done, error = self._commits.popleft()
                done(error)
            self._revoke(sorted(self._positions.keys() - self._lost))
        finally:
            with self._changed:
                self._positions.clear()
                self._broker.leave(self._group, self)


class MemoryProducer:
    """See `client.Producer`."""

    def __init__(self, broker: MemoryBroker, on_error: Callable[[Exception, str], None], report_each: bool) -> None:
        self._broker = broker
        self._changed = broker.changed
        self._on_error = on_error
        self._report_each = report_each
        self._outstanding = 0
        self._reports: deque[Callable[[], None]] = deque()
        self._closed = False

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: RawHeaders | None,
             partition: int | None, timestamp_ms: int | None,
             acked: Callable[[Exception | None, int, int], None] | None = None) -> None:
        if acked is not None and not self._report_each:
            raise ValueError("`acked` needs a producer made with report_each=True")

        def write(error: Exception | None) -> None:
            place, offset = -1, -1
            if self._closed:
                return
            if error is None:
                try:
                    message = self._broker.append(topic, value, key, headers, partition, timestamp_ms)
                    place, offset = message.partition(), message.offset()
                except ConnectError as refused:
                    error = refused
            self._outstanding -= 1
            if acked is not None:
                self._reports.append(lambda: acked(error, place, offset))
            elif error is not None:
                failed = error
                self._reports.append(lambda: self._on_error(failed, topic))

        with self._changed:
            self._outstanding += 1
            self._broker.deliver(write)

    def poll(self) -> None:
        while self._reports:
            self._reports.popleft()()

    def flush(self, timeout_s: float) -> int:
        with self._changed:
            self._changed.wait_for(lambda: not self._outstanding, timeout_s)
        self.poll()
        return self._outstanding

    def outstanding(self) -> int:
        return self._outstanding + len(self._reports)

    def close(self, timeout_s: float) -> None:
        self.flush(timeout_s)
        self._closed = True


class MemoryAdmin:
    """See `client.Admin`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def cluster_id(self) -> str:
        with self._broker.reached():
            return "memory"

    def describe_topics(self, names: Collection[str]) -> Mapping[str, TopicDescription]:
        with self._broker.reached():
            return {name: found for name in names if (found := self._broker.describe(name)) is not None}

    def create_topic(self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]) -> bool:
        with self._broker.reached():
            return self._broker.create_topic(name, 1 if partitions == -1 else partitions)

    def close(self) -> None: ...
