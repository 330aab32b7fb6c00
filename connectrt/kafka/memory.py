"""A Kafka cluster inside this process: topics, consumer groups and, for tests, failures on demand.

Invariant: what one thread did to the broker another sees at once; nothing happens by itself, so a test sees the same
order every time. All locking is done with one condition; callbacks run outside of it, on their client's thread.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from connectrt.data.record import RawHeaders, TimestampType
from connectrt.data.topic import TopicPartition
from connectrt.errors import BrokersAwayError, ConnectError
from connectrt.kafka.client import Admin, Consumer, Offsets, Producer, TopicDescription
from connectrt.kafka.memory_clients import MemoryAdmin, MemoryConsumer, MemoryProducer
from connectrt.kafka.partitioner import partition_of


class MemoryMessage:
    """One record in a partition. See `client.Message`."""

    __slots__ = ("_headers", "_key", "_offset", "_place", "_timestamp_ms", "_value")

    def __init__(self, place: TopicPartition, offset: int, value: bytes | None, key: bytes | None,
                 headers: RawHeaders | None, timestamp_ms: int) -> None:
        self._place = place
        self._offset = offset
        self._value = value
        self._key = key
        self._headers = list(headers) if headers else None
        self._timestamp_ms = timestamp_ms

    def topic(self) -> str:
        return self._place.topic

    def partition(self) -> int:
        return self._place.partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> RawHeaders | None:
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        return TimestampType.CREATE_TIME, self._timestamp_ms

    def __repr__(self) -> str:
        return f"MemoryMessage({self._place}@{self._offset}, key={self._key!r}, value={self._value!r})"


class Group:
    """One consumer group: who is in it, who is to own what, who owns what. All access under the broker's condition."""

    def __init__(self) -> None:
        self.members: dict[MemoryConsumer, Callable[[str], bool]] = {}  #: member -> does it want this topic?
        self.target: dict[MemoryConsumer, frozenset[TopicPartition]] = {}
        self.owners: dict[TopicPartition, MemoryConsumer] = {}
        self.committed: dict[TopicPartition, int] = {}
        self.generation = 0

    def assign(self, topics: Mapping[str, int]) -> None:
        """Compute the range assignment of every topic to its members, in the order they joined."""
        shares: dict[MemoryConsumer, set[TopicPartition]] = {member: set() for member in self.members}
        for topic, partitions in topics.items():
            wanting = [member for member, wants in self.members.items() if wants(topic)]
            for number, member in enumerate(wanting):
                first, last = (partitions * each // len(wanting) for each in (number, number + 1))
                shares[member].update(TopicPartition(topic, partition) for partition in range(first, last))
        self.target = {member: frozenset(share) for member, share in shares.items()}
        self.generation += 1


class MemoryBroker:
    """KafkaClients whose cluster is this object. Thread-safe.

    `partitions` is what a topic gets that is created by its first use; None = such topics are refused.
    """

    def __init__(self, partitions: int | None = 1) -> None:
        self.changed = threading.Condition()
        self._auto_partitions = partitions
        self._topics: dict[str, list[list[MemoryMessage]]] = {}
        self._groups: dict[str, Group] = {}
        self._waiting: deque[Callable[[], None]] = deque()  # deliveries that wait for the broker to come back
        self._delivery_errors: deque[Exception] = deque()
        self._commit_error: Exception | None = None
        self._away = False
        self._unkeyed = 0

    # -- KafkaClients ---------------------------------------------------------------------------------------------

    def consumer(self, config: Mapping[str, str]) -> Consumer:
        return MemoryConsumer(self, config)

    def producer(self, config: Mapping[str, str], on_error: Callable[[Exception, str], None], *,
                 report_each: bool = False) -> Producer:
        return MemoryProducer(self, on_error, report_each)

    def admin(self, config: Mapping[str, str]) -> Admin:
        return MemoryAdmin(self)

    # -- what a test looks at and does ----------------------------------------------------------------------------

    def create_topic(self, name: str, partitions: int = 1) -> bool:
        """False if it exists already."""
        with self.changed:
            if name in self._topics:
                return False
            self._topics[name] = [[] for _ in range(partitions)]
            self._rebalance(self._groups.values())
            return True

    def topics(self) -> Mapping[str, int]:
        """Topic -> number of partitions."""
        with self.changed:
            return {name: len(logs) for name, logs in self._topics.items()}

    def append(self, topic: str, value: bytes | None, key: bytes | None = None, headers: RawHeaders | None = None,
               partition: int | None = None, timestamp_ms: int | None = None) -> MemoryMessage:
        """Write one record. Raises ConnectError for a topic or partition that does not exist."""
        with self.changed:
            if topic not in self._topics and self._auto_partitions is not None:
                self.create_topic(topic, self._auto_partitions)
            logs = self._topics.get(topic)
            if logs is None:
                raise ConnectError(f"topic {topic} does not exist: create it")
            if partition is None:
                partition = self._choose(key, len(logs))
            if not 0 <= partition < len(logs):
                raise ConnectError(f"topic {topic} has {len(logs)} partitions, none is number {partition}")
            now_ms = time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms
            log = logs[partition]
            message = MemoryMessage(TopicPartition(topic, partition), len(log), value, key, headers, now_ms)
            log.append(message)
            self.changed.notify_all()
            return message

    def _choose(self, key: bytes | None, partitions: int) -> int:
        if key is not None:
            return partition_of(key, partitions)
        self._unkeyed += 1  # Java takes the partition with the least to do; in turn is the same without load
        return (self._unkeyed - 1) % partitions

    def records(self, topic: str) -> Sequence[MemoryMessage]:
        """Return all records of a topic, partition by partition."""
        with self.changed:
            return [message for log in self._topics.get(topic, ()) for message in log]

    def committed(self, group: str) -> Offsets:
        with self.changed:
            return dict(self.group(group).committed)

    def go_away(self) -> None:
        """From now on calls raise RetriableError, and what is sent waits."""
        with self.changed:
            self._away = True
            self.changed.notify_all()

    def come_back(self) -> None:
        """End `go_away`; what was sent meanwhile is delivered now."""
        with self.changed:
            self._away = False
            while self._waiting:
                self._waiting.popleft()()
            self.changed.notify_all()

    def refuse_commits(self, error: Exception | None) -> None:
        """Fail every commit with this error; None = accept them again."""
        with self.changed:
            self._commit_error = error

    def fail_next_delivery(self, error: Exception) -> None:
        """The next record to be delivered fails for good; call again for more."""
        with self.changed:
            self._delivery_errors.append(error)

    def expire(self, group: str) -> None:
        """End the session of every member: each loses its partitions, then joins again."""
        with self.changed:
            state = self.group(group)
            for member in state.members:
                member.lose(frozenset(each for each, owner in state.owners.items() if owner is member))
            state.owners.clear()
            self._rebalance([state])

    # -- what the clients ask; under `changed` --------------------------------------------------------------------

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Hold the broker's lock. Raises RetriableError while it is away."""
        with self.changed:
            if self._away:
                raise BrokersAwayError("the broker in memory is away: it was told to be")
            yield

    def group(self, name: str) -> Group:
        return self._groups.setdefault(name, Group())

    def join(self, group: Group, member: MemoryConsumer, topics: Collection[str],
             pattern: re.Pattern[str] | None) -> None:
        if self._auto_partitions is not None:
            for topic in topics:
                self.create_topic(topic, self._auto_partitions)
        group.members[member] = topics.__contains__ if pattern is None else lambda topic: bool(pattern.fullmatch(topic))
        self._rebalance([group])

    def leave(self, group: Group, member: MemoryConsumer) -> None:
        group.members.pop(member, None)
        group.owners = {each: owner for each, owner in group.owners.items() if owner is not member}
        self._rebalance([group])

    def _rebalance(self, groups: Iterable[Group]) -> None:
        topics = {name: len(logs) for name, logs in self._topics.items()}
        for group in groups:
            group.assign(topics)
        self.changed.notify_all()

    def log(self, partition: TopicPartition) -> Sequence[MemoryMessage]:
        return self._topics[partition.topic][partition.partition]

    def refusal(self, group: Group, member: MemoryConsumer, offsets: Offsets) -> Exception | None:
        """Say why a commit of this member is refused; None = it may."""
        if self._commit_error is not None:
            return self._commit_error
        foreign = [str(each) for each in offsets if group.owners.get(each) is not member]
        if foreign:
            return ConnectError(f"offsets of {', '.join(foreign)} not committed: the group has given them to another "
                                "member, which starts from the last commit")
        return None

    def deliver(self, write: Callable[[Exception | None], None]) -> None:
        """Call `write` now, or when the broker is back; its argument is the error the delivery is to fail with."""

        def now() -> None:
            write(self._delivery_errors.popleft() if self._delivery_errors else None)
            self.changed.notify_all()

        if self._away:
            self._waiting.append(now)
        else:
            now()

    def describe(self, name: str) -> TopicDescription | None:
        logs = self._topics.get(name)
        return None if logs is None else TopicDescription(name, len(logs), 1)
