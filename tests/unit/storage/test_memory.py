"""Offsets in memory."""

from __future__ import annotations

import pytest

from connectrt.storage.memory import MemoryOffsetStore


def test_what_a_connector_wrote_another_does_not_see() -> None:
    store = MemoryOffsetStore()
    store.write("one", [({"p": 1}, {"id": 1})])
    assert store.read("two", [{"p": 1}]) == [None]
    assert store.list("two") == []


def test_a_stored_offset_does_not_change_with_the_dict_it_came_from() -> None:
    store = MemoryOffsetStore()
    partition, offset = {"p": 1}, {"id": 1}
    store.write("one", [(partition, offset)])
    partition["p"] = offset["id"] = 2
    assert store.list("one") == [({"p": 1}, {"id": 1})]


def test_a_write_that_could_not_be_saved_is_not_read() -> None:
    def refuse(entries: object) -> None:
        raise OSError("full")

    store = MemoryOffsetStore(save=refuse)
    with pytest.raises(OSError, match="full"):
        store.write("one", [({"p": 1}, {"id": 1})])
    assert store.read("one", [{"p": 1}]) == [None]
