"""The offset file: what stands in it, what a Java worker left behind, and what happens when writing fails."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from connectrt.errors import ConnectError, DataError
from connectrt.storage.file import FileOffsetStore

VECTORS = Path(__file__).parents[2] / "vectors" / "storage"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connect.offsets"


def test_offsets_are_there_after_a_restart(path: Path) -> None:
    FileOffsetStore(path).write("orders", [({"table": "a"}, {"id": 1}), ({"table": "b"}, {"id": 2})])
    assert FileOffsetStore(path).read("orders", [{"table": "b"}, {"table": "c"}, {"table": "a"}]) == [
        {"id": 2}, None, {"id": 1},
    ]


def test_keys_stand_in_the_file_as_connect_writes_them(path: Path) -> None:
    FileOffsetStore(path).write("orders", [({"b": 1, "a": "ö"}, {"z": None, "y": True})])
    header, line = path.read_text().splitlines()
    assert line == '[["orders",{"b":1,"a":"ö"}],{"z":null,"y":true}]'
    assert json.loads(header)["entries"] == 1


def test_a_partition_is_found_and_kept_once_whatever_the_order_of_its_keys(path: Path) -> None:
    store = FileOffsetStore(path)
    store.write("orders", [({"b": 1, "a": 2}, {"id": 1})])
    store.write("orders", [({"a": 2, "b": 1}, {"id": 7})])
    assert store.read("orders", [{"a": 2, "b": 1}, {"b": 1, "a": 2}]) == [{"id": 7}, {"id": 7}]
    assert path.read_text().splitlines()[1:] == ['[["orders",{"b":1,"a":2}],{"id":7}]']


def test_partitions_that_differ_only_in_type_are_different(path: Path) -> None:
    store = FileOffsetStore(path)
    store.write("orders", [({"p": 1}, {"of": "int"}), ({"p": True}, {"of": "bool"}), ({"p": 1.0}, {"of": "float"})])
    assert FileOffsetStore(path).read("orders", [{"p": True}, {"p": 1.0}, {"p": 1}]) == [
        {"of": "bool"}, {"of": "float"}, {"of": "int"},
    ]


def test_none_forgets_one_partition_of_one_connector(path: Path) -> None:
    store = FileOffsetStore(path)
    for connector in ("one", "two"):
        store.write(connector, [({"p": 1}, {"id": 1}), ({"p": 2}, {"id": 2})])
    store.write("one", [({"p": 1}, None)])
    again = FileOffsetStore(path)
    assert again.list("one") == [({"p": 2}, {"id": 2})]
    assert again.list("two") == [({"p": 1}, {"id": 1}), ({"p": 2}, {"id": 2})]


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x", float("nan"), float("inf"), "\ud800"])
def test_what_connect_cannot_store_is_refused_before_anything_is_changed(path: Path, value: object) -> None:
    store = FileOffsetStore(path)
    store.write("orders", [({"p": 1}, {"id": 1})])
    before = path.read_bytes()
    with pytest.raises(DataError, match="orders"):
        store.write("orders", [({"p": 1}, {"id": 2}), ({"p": 2}, {"id": value})])
    with pytest.raises(DataError, match="orders"):
        store.read("orders", [{"p": value}])
    assert path.read_bytes() == before
    assert store.read("orders", [{"p": 1}]) == [{"id": 1}]


def test_a_failed_write_changes_neither_the_file_nor_what_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileOffsetStore(path)
    store.write("orders", [({"p": 1}, {"id": 1})])
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConnectError, match=r"connect\.offsets: No space left"):
        store.write("orders", [({"p": 1}, {"id": 2})])
    assert path.read_bytes() == before
    assert store.read("orders", [{"p": 1}]) == [{"id": 1}]


def test_a_worker_killed_while_it_wrote_leaves_the_old_offsets(path: Path) -> None:
    FileOffsetStore(path).write("orders", [({"p": 1}, {"id": 1})])
    path.with_name("connect.offsets.new").write_bytes(path.read_bytes()[:20])
    store = FileOffsetStore(path)
    assert store.read("orders", [{"p": 1}]) == [{"id": 1}]
    store.write("orders", [({"p": 1}, {"id": 2})])
    assert [each.name for each in path.parent.iterdir()] == ["connect.offsets"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path.symlink_to(tmp_path / "data" / "offsets")
    FileOffsetStore(path).write("orders", [({"p": 1}, {"id": 1})])
    assert path.is_symlink()
    assert (tmp_path / "data" / "offsets").is_file()


def test_a_missing_folder_is_named_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match=r"offset\.storage\.file\.filename=.*create its folder .*absent"):
        FileOffsetStore(tmp_path / "absent" / "offsets")


@pytest.mark.parametrize("data", [
    b"", b"garbage", b"\xff\xfe", b"{}\n", b'{"format":"x","version":1}\n', b"[" * 100_000,
])
def test_a_file_that_is_none_of_ours_is_refused_with_its_name_and_the_cure(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(ConnectError, match=r"connect\.offsets is damaged: .*Restore it"):
        FileOffsetStore(path)
    assert path.read_bytes() == data


def test_a_java_workers_offsets_carry_on(path: Path) -> None:
    shutil.copy(VECTORS / "java_standalone.offsets", path)
    store = FileOffsetStore(path)
    assert store.read("file-source", [{"filename": "/var/log/app.log"}]) == [{"position": 1234567890123}]
    assert store.read("orders-source", [{"table": "orders", "schema": "öffentlich"}]) == [
        {"id": 1042, "snapshot": False, "ts": 1.5},
    ]
    assert store.list("gone") == []
    assert store.list("empty") == [({}, {})]


def test_the_first_write_keeps_the_java_workers_file_beside_the_new_one(path: Path) -> None:
    shutil.copy(VECTORS / "java_standalone.offsets", path)
    FileOffsetStore(path).write("new", [({}, {"id": 1})])
    again = FileOffsetStore(path)
    assert again.list("new") == [({}, {"id": 1})]
    assert again.read("file-source", [{"filename": "/var/log/app.log"}]) == [{"position": 1234567890123}]
    kept = path.with_name("connect.offsets.java")
    assert kept.read_bytes() == (VECTORS / "java_standalone.offsets").read_bytes()
