"""Keep how far a sink task has come in each partition it owns: delivered, safe, committed.

Invariant: an offset is committed only if `put` accepted every record before it and the task's pre_commit then called it
safe. All offsets are those of the next record, as Kafka commits them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from connectrt.data.topic import TopicPartition

log = logging.getLogger(__name__)
Offsets = Mapping[TopicPartition, int]


class SinkProgress:
    """Task thread only; pure bookkeeping."""

    def __init__(self) -> None:
        self._delivered: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}  #: or where we started
        self._seen: dict[TopicPartition, int] = {}  #: highest delivered ever, to tell a redelivery

    def assign(self, positions: Offsets) -> None:
        self._delivered.update(positions)
        self._committed.update(positions)

    def release(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._delivered.pop(partition, None)
            self._committed.pop(partition, None)
            self._seen.pop(partition, None)

    def deliver(self, offsets: Offsets) -> None:
        """`put` accepted everything before these offsets. Partitions we no longer own are left out."""
        for partition, offset in offsets.items():
            if partition in self._delivered:
                self._delivered[partition] = offset
                self._seen[partition] = max(offset, self._seen.get(partition, 0))

    def rewind(self, offsets: Offsets) -> Offsets:
        """Records from these offsets on will be delivered again; return the ones that are ours.

        What was committed stays known: an offset below it is committed too, if the task calls it safe.
        """
        mine = {partition: offset for partition, offset in offsets.items() if partition in self._delivered}
        for partition in offsets.keys() - mine.keys():
            log.warning("rewind of %s ignored: the partition is not assigned to this task", partition,
                        extra={"action": "rewind"})
        self._delivered.update(mine)
        return mine

    def rewind_to_committed(self) -> Offsets:
        """Deliver again what was not committed; return where to seek."""
        moved = {each: offset for each, offset in self._committed.items() if self._delivered[each] != offset}
        self._delivered.update(moved)
        return moved

    def redelivered(self, partition: TopicPartition, offset: int) -> bool:
        return offset < self._seen.get(partition, 0)

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        return frozenset(self._delivered)

    def delivered(self, partitions: Iterable[TopicPartition] | None = None) -> dict[TopicPartition, int]:
        """What pre_commit is offered: the next offset of each of these (of all) partitions."""
        if partitions is None:
            return dict(self._delivered)
        return {each: self._delivered[each] for each in partitions if each in self._delivered}

    def to_commit(self, offered: Offsets, safe: Offsets) -> dict[TopicPartition, int]:
        """Return what of a task's pre_commit answer may and needs to be committed."""
        moved = {}
        for partition, offset in safe.items():
            if partition not in offered:
                log.warning("offset %d of %s ignored: pre_commit was not offered this partition", offset, partition,
                            extra={"action": "commit_offsets"})
            elif offset > offered[partition]:
                log.warning("offset %d of %s ignored: only records before %d were delivered", offset, partition,
                            offered[partition], extra={"action": "commit_offsets"})
            elif offset != self._committed.get(partition):
                moved[partition] = offset
        return moved

    def commit(self, offsets: Offsets) -> None:
        """The broker has these."""
        self._committed.update({each: offset for each, offset in offsets.items() if each in self._committed})

    def all_committed(self) -> bool:
        return self._delivered == self._committed
