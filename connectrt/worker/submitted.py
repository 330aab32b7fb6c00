"""Track which source offsets are safe to commit.

Invariant: an offset is committable only once every earlier record of its source partition is acked or dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping

from connectrt.sdk.task import SourceOffset, SourcePartition

CommittableOffsets = list[tuple[SourcePartition, SourceOffset]]


class Submitted:
    """One record, or a run of records, handed to the producer. `acked` may be set on any thread."""

    __slots__ = ("acked", "offset", "partition")

    def __init__(self, partition: SourcePartition, offset: SourceOffset) -> None:
        self.partition = partition
        self.offset = offset
        self.acked = False


class SubmittedRecords:
    """Queues per source partition, in the order of sending. Task thread only. Java: `SubmittedRecords`."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[Submitted]] = {}

    def submit(self, partition: SourcePartition, offset: SourceOffset) -> Submitted:
        """Remember that everything up to `offset` was sent; set `acked` on the result once that is acknowledged."""
        submitted = Submitted(partition, offset)
        self._queues.setdefault(_key(partition), deque()).append(submitted)
        return submitted

    def ack_all(self) -> None:
        """The producer has nothing outstanding: all that was submitted is acknowledged."""
        for queue in self._queues.values():
            for submitted in queue:
                submitted.acked = True

    def committable(self) -> CommittableOffsets:
        """Take out the acked head of each queue and return its last offset; what follows an unacked record stays."""
        found: CommittableOffsets = []
        for key, queue in list(self._queues.items()):
            last = None
            while queue and queue[0].acked:
                last = queue.popleft()
            if last is not None:
                found.append((last.partition, last.offset))
            if not queue:
                del self._queues[key]
        return found

    def restore(self, offsets: CommittableOffsets) -> None:
        """Put back offsets whose write failed, ahead of what was sent since."""
        for partition, offset in offsets:
            submitted = Submitted(partition, offset)
            submitted.acked = True
            self._queues.setdefault(_key(partition), deque()).appendleft(submitted)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))


def _key(partition: Mapping[str, object]) -> Hashable:
    return tuple(sorted(partition.items()))
