from __future__ import annotations

import threading

import pytest

from connectrt.worker.watchdog import Watchdog


class Item:
    def __init__(self, call: tuple[str, float] | None) -> None:
        self.call = call
        self.looked_at = threading.Event()

    def stack(self) -> str:
        self.looked_at.set()
        return "in wait_for_lock"


def test_the_stack_of_a_stuck_call_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    items = {"task a-0": Item(("put", 100.0)), "task a-1": Item(None), "task a-2": Item(("put", 155.0))}
    dog = Watchdog(lambda: items, 60.0)
    told = dog.look(159.9, frozenset())
    assert caplog.records == []
    told = dog.look(160.0, told)
    told = dog.look(200.0, told)
    [record] = caplog.records
    assert "in wait_for_lock" in record.getMessage()
    assert (record.item, record.call, record.took_s) == ("task a-0", "put", 60.0)  # type: ignore[attr-defined]
    items["task a-0"].call = ("put", 170.0)
    told = dog.look(201.0, told)
    dog.look(230.0, told)
    assert len(caplog.records) == 3  # a-2 after 60 s, and the next call of a-0


def test_it_looks_by_itself_until_it_is_stopped() -> None:
    item = Item(("start", 0.0))
    dog = Watchdog(lambda: {"connector a": item}, 0.001)
    dog.start()
    assert item.looked_at.wait(5)
    dog.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "watchdog"]
