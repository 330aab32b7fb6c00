"""Choose the partition of a keyed record as Java's default partitioner does, so that a key is always in one place.

librdkafka has the same as `partitioner=murmur2_random`; this one serves the broker in memory.
"""

from __future__ import annotations

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit hash, unsigned. Java: `Utils.murmur2`."""
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of this key among so many. Java: `BuiltInPartitioner.partitionForKey`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
