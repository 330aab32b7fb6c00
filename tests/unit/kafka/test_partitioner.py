"""Java's own hashes and partitions (kafka-clients 4.3.1: Utils.murmur2, BuiltInPartitioner.partitionForKey)."""

from __future__ import annotations

import pytest

from connectrt.kafka.partitioner import murmur2, partition_of

JAVA = [
    ("", 275646681, 2, 9),
    ("61", 2731586172, 5, 4),
    ("6162", 316155434, 0, 2),
    ("616263", 479470107, 4, 3),
    ("61626364", 2971317748, 5, 8),
    ("3231", 3321034988, 3, 0),
    ("666f6f626172", 3504634814, 0, 6),
    ("612d6c6974746c652d6269742d6c6f6e672d737472696e67", 3308985760, 1, 8),
    ("612d6c6974746c652d6269742d6c6f6e6765722d737472696e67", 2808662467, 0, 11),
    ("c3b6c3a4c3bc", 877811323, 4, 7),
    ("6f726465722d31303432", 155902638, 3, 6),
    ("00c3bfe7bfbf", 3678307126, 2, 2),
]


@pytest.mark.parametrize(("key", "hash_", "of_7", "of_12"), JAVA)
def test_a_key_lands_where_java_puts_it(key: str, hash_: int, of_7: int, of_12: int) -> None:
    data = bytes.fromhex(key)
    assert murmur2(data) == hash_
    assert (partition_of(data, 7), partition_of(data, 12)) == (of_7, of_12)
