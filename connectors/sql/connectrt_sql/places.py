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
    found: dict[Place, tuple[int, int]] = {}
    for each in records:
        place = place_of(each)
        found[place] = (found[place][0] if place in found else each.offset), each.offset
    return found
