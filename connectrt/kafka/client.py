"""Say what the runtime needs of a Kafka client library, and nothing more.

`connectrt.kafka.adapter` answers with confluent-kafka, `connectrt.kafka.memory` with a broker inside this process.
Every call comes from the thread that made the client, unless it says otherwise. Errors of the broker are raised as
RetriableError if the same call may succeed later, else as ConnectError; both name broker, topic and cure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from connectrt.data.message import Message
from connectrt.data.record import RawHeaders
from connectrt.data.topic import TopicPartition

Offsets = Mapping[TopicPartition, int]


class RebalanceListener(Protocol):
    """Told of partitions, never of none, inside `Consumer.consume` and `close`, on the consumer's thread.

    What it raises comes out there; the rebalance goes on all the same.
    """

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """These came in addition to those already owned (all of them, with an eager protocol)."""

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """These are about to go to another member; offsets may still be committed."""

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """These are gone already; a commit would be refused."""


class Consumer(Protocol):
    joined: bool  #: the group has given this member its share, be it no partition; False again from revoked or lost

    def subscribe(self, topics: Sequence[str] | str, listener: RebalanceListener) -> None:
        """Join the group for a list of topics, or for every topic that a regular expression matches in full."""

    def consume(self, max_records: int, timeout_s: float) -> Sequence[Message]:
        """Return up to max_records that have arrived; if there are none wait for the first, at most timeout_s.

        A broker's error never looks like an empty answer: it is raised; after a RetriableError consuming may go on.
        Serves rebalances and commit callbacks.
        """

    def assignment(self) -> frozenset[TopicPartition]: ...

    def position(self, partition: TopicPartition) -> int:
        """The offset that will be consumed next; committed offset or auto.offset.reset when nothing was consumed yet.

        The latter may take a round trip, so it may raise.
        """

    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def pause(self, partitions: Collection[TopicPartition]) -> None: ...
    def resume(self, partitions: Collection[TopicPartition]) -> None: ...

    def end_offset(self, partition: TopicPartition, *, cached: bool = False) -> int:
        """The offset after the partition's last record.

        `cached`: as the last fetch told it, without a round trip; -1 = not known.
        """

    def commit(self, offsets: Offsets) -> None:
        """Commit and wait for the answer. ConnectError: the group has given the partitions to another member."""

    def commit_async(self, offsets: Offsets, done: Callable[[Exception | None], None]) -> None:
        """Commit; `done` is called inside a later `consume` or `close`, in the order of the calls."""

    def wake(self) -> None:
        """Make the blocked `consume`, or else the next one, return without waiting further. Any thread."""

    def close(self) -> None:
        """Leave the group; calls the listener's on_revoked for what is still owned."""


class Producer(Protocol):
    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: RawHeaders | None,
             partition: int | None, timestamp_ms: int | None,
             acked: Callable[[Exception | None, int, int], None] | None = None) -> None:
        """Queue one record. While the queue is full it waits, some seconds at most, then raises RetriableError.

        `acked(error, partition, offset)` comes inside poll or flush; it needs a producer made with `report_each`.
        Without it only a failure is told, to the producer's `on_error`.
        """

    def poll(self) -> None:
        """Serve callbacks without waiting."""

    def flush(self, timeout_s: float) -> int:
        """Wait until everything queued was acknowledged or has failed; return how many were not by then.

        Brokers that are away raise nothing here: what is queued waits for them until delivery.timeout.ms.
        """

    def outstanding(self) -> int:
        """Records queued or in flight."""

    def close(self, timeout_s: float) -> None:
        """Flush within timeout_s, drop the rest and release the client."""


class TopicDescription(NamedTuple):
    name: str
    partitions: int
    replication_factor: int


class Admin(Protocol):
    """Thread-safe."""

    def cluster_id(self) -> str: ...
    def describe_topics(self, names: Collection[str]) -> Mapping[str, TopicDescription]:
        """Describe those of the named topics that exist."""

    def create_topic(self, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]) -> bool:
        """Create a topic (-1 = the broker's default); False if it existed already."""

    def close(self) -> None: ...


class KafkaClients(Protocol):
    """Makes clients. Configs use Kafka's own (Java) keys; what the library lacks is translated or named in a warning.

    All configs of one client that are wrong are refused together with a ConfigErrors.
    """

    def consumer(self, config: Mapping[str, str]) -> Consumer: ...

    def producer(self, config: Mapping[str, str], on_error: Callable[[Exception, str], None], *,
                 report_each: bool = False) -> Producer:
        """`on_error(error, topic)` is told of records sent without `acked` that failed for good.

        `report_each` tells every record's fate to its `acked`, which costs 1.5 us per record.
        """

    def admin(self, config: Mapping[str, str]) -> Admin: ...
