"""Say where records lie in Kafka: which partitions, from which offset to which."""

from __future__ import annotations

from collections.abc import Sequence

from connectrt.sdk import SinkRecord

#: A partition of a topic, as the consumer names it.
Place = tuple[str, int]


def place_of(record: SinkRecord) -> Place:
    return record.original_topic, record.original_partition


def extents(records: Sequence[SinkRecord]) -> dict[Place, tuple[int, int]]:
    """Return the first and last offset of each partition; records of one partition are in the order of offsets."""
    if (len({each.original_partition for each in records}) == 1
            and len({each.original_topic for each in records}) == 1):  # a usual batch
        return {place_of(records[0]): (records[0].offset, records[-1].offset)}
    last = {(each.original_topic, each.original_partition): each.offset for each in records}
    first = {(each.original_topic, each.original_partition): each.offset for each in reversed(records)}
    return {place: (first[place], last[place]) for place in last}
