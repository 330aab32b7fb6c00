"""Java's serialised offset map, beyond what the recorded file shows."""

from __future__ import annotations

import pytest

from connectrt.errors import DataError
from connectrt.storage.java_file import read_java_map

HEAD = bytes.fromhex("aced0005 73 72 0011") + b"java.util.HashMap" + bytes.fromhex(
    "0507dac1c31660d1 03 0002 46 000a") + b"loadFactor" + bytes.fromhex("49 0009") + b"threshold" + bytes.fromhex(
    "78 70 3f400000 0000000c 77 08 00000010")
ARRAY = bytes.fromhex("75 72 0002") + b"[B" + bytes.fromhex("acf317f8060854e0 02 0000 78 70")


def test_a_value_may_refer_to_an_array_that_came_before() -> None:
    # Handles: 0 HashMap's class, 1 the map, 2 the class of byte[], 3 the array.
    stream = HEAD + bytes.fromhex("00000001") + ARRAY + bytes.fromhex("00000002 6162 71 007e0003 78")
    assert read_java_map(stream) == {b"ab": b"ab"}


def test_null_keys_and_values_are_kept_apart_from_empty_ones() -> None:
    stream = HEAD + bytes.fromhex("00000002 70 70") + ARRAY + bytes.fromhex("00000000 71 007e0003 78")
    assert read_java_map(stream) == {None: None, b"": b""}


@pytest.mark.parametrize(("stream", "why"), [
    (b"\xac\xed\x00\x05", "ends"),
    (HEAD + bytes.fromhex("7fffffff"), "ends"),
    (HEAD + bytes.fromhex("00000001 71 007effff"), "ends or breaks"),
    (HEAD + bytes.fromhex("00000001 71 00000000"), "not the map"),
    (HEAD + bytes.fromhex("00000001 75 71 007e0000"), r"not a \[B"),
    (HEAD + bytes.fromhex("00000000 78 00"), "1 bytes follow"),
    (HEAD.replace(b"HashMap", b"TreeMap"), r"not a java.util.HashMap"),
])
def test_any_other_stream_is_a_data_error(stream: bytes, why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_java_map(stream)
