"""No damage to an offset file is ever taken for offsets, and what was written is read again."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from connectrt.errors import ConnectError, DataError
from connectrt.storage.file import FileOffsetStore
from connectrt.storage.java_file import MAGIC, read_java_map
from connectrt.storage.offset_store import OffsetKey, decode_key, decode_offset, encode_key, encode_offset

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts | st.floats(
    allow_nan=False, allow_infinity=False)
plain = st.dictionaries(texts, values, max_size=4)
writes = st.lists(st.tuples(st.sampled_from(["one", "two"]), plain, st.none() | plain), max_size=6)

JAVA = (Path(__file__).parents[1] / "vectors" / "storage" / "java_standalone.offsets").read_bytes()


@given(texts, plain)
def test_keys_and_offsets_are_read_as_they_were_written(connector: str, mapping: dict[str, object]) -> None:
    key = OffsetKey(connector, mapping)
    assert decode_key(encode_key(key)) == key
    assert decode_offset(encode_offset(connector, mapping)) == mapping


@given(writes)
def test_a_file_holds_the_last_offset_of_each_partition(writes: list[tuple[str, dict[str, object], None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "offsets"
        expected = {}
        for connector, partition, offset in writes:
            FileOffsetStore(path).write(connector, [(partition, offset)])
            expected[OffsetKey(connector, partition).identity] = connector, partition, offset
        store = FileOffsetStore(path)
        for connector, partition, offset in expected.values():
            assert store.read(connector, [partition]) == [offset]


@given(st.data())
def test_a_file_that_was_cut_or_altered_is_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "offsets"
        FileOffsetStore(path).write("orders", [({"table": "a"}, {"id": 1}), ({"table": "b"}, {"id": 2})])
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged = data.draw(st.sampled_from([
            whole[:at],
            whole[:at] + whole[at + 1 :],
            whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :],
        ]))
        path.write_bytes(damaged)
        with contextlib.suppress(ConnectError):
            store = FileOffsetStore(path)
            assert store.list("orders") == [({"table": "a"}, {"id": 1}), ({"table": "b"}, {"id": 2})]
        assert path.read_bytes() == damaged


@given(st.binary(max_size=200), st.integers(0, len(JAVA)), st.integers(0, len(JAVA)))
def test_foreign_bytes_in_a_java_file_are_a_data_error(noise: bytes, cut: int, skip: int) -> None:
    for stream in (noise, MAGIC + noise, JAVA[:cut] + noise + JAVA[skip:]):
        with contextlib.suppress(DataError):
            read_java_map(stream)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_no_key_and_no_offset(noise: bytes) -> None:
    decode_key(noise)
    with contextlib.suppress(DataError):
        decode_offset(noise)
