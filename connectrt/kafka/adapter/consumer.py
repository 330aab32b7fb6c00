"""The consumer: batches that never wait for more than their first record, rebalances without surprises.

Invariant: a record that librdkafka handed out is returned by `consume`, or its partition is read again from there, or
belongs to someone else now. Errors among the records are taken out and raised without losing those around them.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage
from confluent_kafka import TopicPartition as KafkaPartition

from connectrt.data.message import Message
from connectrt.data.topic import TopicPartition
from connectrt.errors import ConfigErrors, ConnectError, RetriableError
from connectrt.kafka.adapter.connection import Connection
from connectrt.kafka.client import Offsets, RebalanceListener
from connectrt.kafka.client_config import Client, metadata_max_age_s

log = logging.getLogger(__name__)

#: librdkafka's consume cannot be interrupted: how long `wake` may take to be seen.
SLICE_S = 0.1
REQUEST_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 0.5
#: Java: exclude.internal.topics.
_INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})
_error_of = KafkaMessage.error


class ConfluentConsumer:
    """See `client.Consumer`."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._connection = Connection(Client.CONSUMER, config)
        settings = self._connection.settings
        self._client: Any = self._connection.build(confluent_kafka.Consumer, on_commit=self._on_commit)
        self._incremental = (settings.get("group.protocol") == "consumer"
                             or settings.get("partition.assignment.strategy") == "cooperative-sticky")
        self._reset = settings["auto.offset.reset"]
        self._listener: RebalanceListener | None = None
        self._pattern: re.Pattern[str] | None = None
        self._matched: list[str] = []
        self._look_at = 0.0
        self._max_age_s = metadata_max_age_s(settings)
        self._joined = False  #: ever
        self.joined = False
        self._unstarted: list[KafkaPartition] = []  # assigned, but where they start is not known yet
        self._owned: dict[TopicPartition, int] = {}  # where each started, or was sought to
        self._ends: dict[TopicPartition, int] = {}  # where the end was when we came to it
        self._ready: list[KafkaMessage] = []
        self._errors: deque[Exception] = deque()
        self._commits: deque[Callable[[Exception | None], None]] = deque()
        self._refused_commits: deque[tuple[Callable[[Exception | None], None], Exception]] = deque()
        self._left = False  #: partitions were taken from us while librdkafka collected records
        self._woken = False

    # -- records --------------------------------------------------------------------------------------------------

    def subscribe(self, topics: Sequence[str] | str, listener: RebalanceListener) -> None:
        self._listener = listener
        if not isinstance(topics, str):
            self._subscribe(list(topics))
            return
        try:
            self._pattern = re.compile(topics)
        except re.error as error:
            raise ConfigErrors([f"topics.regex: {topics} is not a regular expression: {error}"]) from error

    def _subscribe(self, topics: list[str]) -> None:
        self._client.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def consume(self, max_records: int, timeout_s: float) -> Sequence[Message]:
        deadline = time.monotonic() + timeout_s
        self._serve()
        if not self._ready:
            self._receive(max_records, 0)
        while not self._ready and not self._woken and (left_s := deadline - time.monotonic()) > 0:
            # consume(n, t) would wait for all n records or t, so: wait for one, then take what has come with it.
            self._receive(1, min(left_s, SLICE_S))
            if self._ready and max_records > 1:
                self._receive(max_records - 1, 0)
        self._woken = False
        ready, self._ready = self._ready, []
        if not ready:
            self._raise_outage()
        return cast(Sequence[Message], ready)  # the stubs say that every method may return None

    def _serve(self) -> None:
        """Do what is due before records are asked for; what fails here is tried again by the next call."""
        while self._refused_commits:
            done, error = self._refused_commits.popleft()
            done(error)
        if self._errors:
            raise self._errors.popleft()
        self._connection.raise_refusal()
        if self._unstarted:
            self._start()
        if self._pattern is not None and time.monotonic() >= self._look_at:
            self._look_for_topics(self._pattern)

    def _receive(self, max_records: int, timeout_s: float) -> None:
        """Let librdkafka serve callbacks and hand out records."""
        self._left = False
        try:
            messages = self._client.consume(max_records, timeout_s)
        except KafkaException as error:
            raise self._connection.error(error.args[0]) from error
        if any(map(_error_of, messages)):
            messages = [message for message in messages if self._is_record(message)]
        if self._left:
            messages = [message for message in messages if _place(message) in self._owned]
        self._ready += messages
        if self._errors:
            raise self._errors.popleft()

    def _is_record(self, message: KafkaMessage) -> bool:
        error = message.error()
        if error is None:
            return True
        match error.name():
            case "_PARTITION_EOF":
                self._ends[_place(message)] = message.offset() or 0
            case "_MAX_POLL_EXCEEDED":
                log.warning("the group has taken our partitions: nothing was asked for during max.poll.interval.ms; "
                            "raise it or lower max.poll.records", extra={"action": "consume"})
            case _:
                self._errors.append(self._connection.error(error, message.topic() or ""))
        return False

    def _look_for_topics(self, pattern: re.Pattern[str]) -> None:
        """Subscribe to all topics that match now. librdkafka could, but its expressions are not Java's."""
        self._look_at = time.monotonic() + self._max_age_s
        try:
            names = self._client.list_topics(timeout=REQUEST_TIMEOUT_S).topics
        except KafkaException as error:
            self._look_at = time.monotonic() + REQUEST_TIMEOUT_S
            if self._matched:
                return  # those we know go on
            raise self._connection.error(error.args[0]) from error
        matched = sorted(name for name in names if pattern.fullmatch(name) and name not in _INTERNAL_TOPICS)
        if matched != self._matched:
            self._matched = matched
            self._subscribe(matched) if matched else self._client.unsubscribe()
        if not matched:
            log.warning("no topic matches topics.regex=%s", pattern.pattern, extra={"action": "subscribe"})

    def _raise_outage(self) -> None:
        """Nothing came: is that because nobody is there?"""
        outage = self._connection.outage
        error = outage.error(joined=self._joined)
        if error is None:
            return
        if self._joined and self._answered():
            outage.over()
        else:
            raise error

    def _answered(self) -> bool:
        topic = next((each.topic for each in self._owned), None)
        try:
            self._client.list_topics(timeout=PROBE_TIMEOUT_S, **({} if topic is None else {"topic": topic}))
        except KafkaException:
            return False
        return True

    def wake(self) -> None:
        self._woken = True

    # -- rebalances; the callbacks are called by librdkafka, inside consume and close ---------------------------------

    def _on_assign(self, client: object, partitions: list[KafkaPartition]) -> None:
        self._joined = self.joined = True
        self._unstarted = [*self._unstarted, *partitions] if self._incremental else partitions
        try:
            self._start()
        except Exception as error:  # the library has nowhere to raise it
            if self._unstarted:
                self._assign([])  # or it would begin by itself, without telling where
            self._errors.append(error)

    def _assign(self, partitions: list[KafkaPartition]) -> None:
        (self._client.incremental_assign if self._incremental else self._client.assign)(partitions)

    def _start(self) -> None:
        """Begin with what was assigned at the committed offsets, and tell the listener."""
        starts = self._starting_offsets(self._unstarted)
        self._assign(starts)
        self._unstarted = []
        new = {TopicPartition(each.topic, each.partition): each.offset for each in starts}
        self._owned |= new
        if new and self._listener is not None:
            self._listener.on_assigned(sorted(new))

    def _starting_offsets(self, partitions: Sequence[KafkaPartition]) -> list[KafkaPartition]:
        if not partitions:
            return []
        try:
            committed = self._checked(self._client.committed(list(partitions), timeout=REQUEST_TIMEOUT_S))
            found = [each for each in committed if each.offset >= 0]
            fresh = [each for each in committed if each.offset < 0]
            if fresh and self._reset == "error":
                raise ConnectError(f"{_names(fresh)}: no offset is committed and auto.offset.reset=none: set offsets "
                                   "(PATCH /connectors/<name>/offsets), or set it to earliest or latest")
            if fresh:
                edge = confluent_kafka.OFFSET_END if self._reset == "latest" else confluent_kafka.OFFSET_BEGINNING
                asked = [KafkaPartition(each.topic, each.partition, edge) for each in fresh]
                # The two special offsets are also the special timestamps of this request: one round trip for all.
                found += self._checked(self._client.offsets_for_times(asked, timeout=REQUEST_TIMEOUT_S))
        except KafkaException as error:
            raise self._connection.error(error.args[0], partitions[0].topic) from error
        return found

    def _checked(self, partitions: list[KafkaPartition]) -> list[KafkaPartition]:
        for each in partitions:
            if each.error is not None:
                raise self._connection.error(each.error, each.topic)
        return partitions

    def _on_revoke(self, client: object, partitions: list[KafkaPartition]) -> None:
        self.joined = False
        self._leave(partitions, lambda listener, gone: listener.on_revoked(gone))

    def _on_lost(self, client: object, partitions: list[KafkaPartition]) -> None:
        self.joined = False
        self._leave(partitions, lambda listener, gone: listener.on_lost(gone))

    def _leave(self, partitions: list[KafkaPartition],
               tell: Callable[[RebalanceListener, Sequence[TopicPartition]], None]) -> None:
        leaving = {TopicPartition(each.topic, each.partition) for each in partitions}
        self._unstarted = [each for each in self._unstarted if (each.topic, each.partition) not in leaving]
        gone = sorted(leaving & self._owned.keys())
        self._left = True
        self._ready = [message for message in self._ready if _place(message) not in leaving]
        try:
            if gone and self._listener is not None:
                tell(self._listener, gone)
        except Exception as error:  # the library has nowhere to raise it
            self._errors.append(error)
        for each in gone:
            del self._owned[each]
            self._ends.pop(each, None)

    # -- places ---------------------------------------------------------------------------------------------------

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._owned)

    def position(self, partition: TopicPartition) -> int:
        start = self._owned[self._ours(partition)]
        [found] = self._client.position([KafkaPartition(*partition)])
        # Unknown (negative) until the first record after a start or a seek.
        return max(start if found.offset < 0 else int(found.offset), self._ends.get(partition, 0))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._owned[self._ours(partition)] = offset
        self._ends.pop(partition, None)
        self._ready = [message for message in self._ready if _place(message) != partition]
        try:
            self._client.seek(KafkaPartition(*partition, offset))
        except KafkaException as error:
            raise self._connection.error(error.args[0], partition.topic) from error

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        for partition, first in {_place(message): message for message in reversed(self._ready)}.items():
            if partition in partitions:
                self.seek(partition, first.offset() or 0)
        self._client.pause([KafkaPartition(*self._ours(each)) for each in partitions])

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        self._client.resume([KafkaPartition(*self._ours(each)) for each in partitions])

    def _ours(self, partition: TopicPartition) -> TopicPartition:
        if partition not in self._owned:
            raise ConnectError(f"{partition} is not assigned to this consumer")
        return partition

    def end_offset(self, partition: TopicPartition, *, cached: bool = False) -> int:
        asked = KafkaPartition(*partition)
        if cached:
            return max(-1, int(self._client.get_watermark_offsets(asked, cached=True)[1]))
        try:
            found = self._client.get_watermark_offsets(asked, timeout=REQUEST_TIMEOUT_S)
        except KafkaException as error:
            raise self._connection.error(error.args[0], partition.topic) from error
        if found is None:
            raise RetriableError(f"no broker told the end of {partition} within {REQUEST_TIMEOUT_S:g} s")
        return int(found[1])

    # -- commits --------------------------------------------------------------------------------------------------

    def commit(self, offsets: Offsets) -> None:
        if not offsets:
            return
        self._raise_outage()  # the library would wait for a coordinator during session.timeout.ms
        try:
            self._checked(self._client.commit(offsets=_kafka_offsets(offsets), asynchronous=False))
        except KafkaException as error:
            raise self._connection.error(error.args[0]) from error

    def commit_async(self, offsets: Offsets, done: Callable[[Exception | None], None]) -> None:
        try:
            self._client.commit(offsets=_kafka_offsets(offsets), asynchronous=True)
        except KafkaException as error:
            self._refused_commits.append((done, self._connection.error(error.args[0])))
        else:
            self._commits.append(done)

    def _on_commit(self, error: KafkaError | None, partitions: list[KafkaPartition]) -> None:
        """The library's `on_commit`: answers come in the order of the requests, on one connection."""
        failed = error or next((each.error for each in partitions if each.error is not None), None)
        try:
            self._commits.popleft()(None if failed is None else self._connection.error(failed))
        except Exception as raised:  # the library has nowhere to raise it
            self._errors.append(raised)

    def close(self) -> None:
        self._client.close()
        while self._commits:
            self._commits.popleft()(RetriableError("the consumer was closed before the commit was answered"))
        if self._errors:
            raise self._errors.popleft()


def _place(message: KafkaMessage) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0)


def _names(partitions: Iterable[KafkaPartition]) -> str:
    return ", ".join(str(TopicPartition(each.topic, each.partition)) for each in partitions)


def _kafka_offsets(offsets: Offsets) -> list[KafkaPartition]:
    return [KafkaPartition(*partition, offset) for partition, offset in offsets.items()]
