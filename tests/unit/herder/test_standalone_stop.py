"""A single worker's herder: stopping in time, draining. Numbers are Connect's conformance cases."""

from __future__ import annotations

import threading
import time

import pytest

from connectrt.errors import ConnectError
from connectrt.herder.herder import Failure
from connectrt.herder.standalone import StandaloneHerder
from connectrt.worker.messages import CaughtUp, State, TaskId
from tests.unit.herder.scripted import (
    DEADLINE_S,
    GATES,
    SINK,
    create,
    eventually,
    herding,
    scripts,
    wait_for,
)

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


class TestStopInTime:
    def test_a_task_deaf_to_stop_is_cancelled(self) -> None:
        with herding() as herder:
            scripts["a"]["task"] = "deaf"
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            herder.delete("a").result(DEADLINE_S)
            assert sorted(call for call in GATES["a"].calls if "cancel" in call) == ["cancel-0", "cancel-1"]

    def test_a_task_that_hangs_is_given_up_and_not_heard_of_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """25"""
        monkeypatch.setattr("connectrt.worker.worker.CANCEL_TIMEOUT_S", 0.05)
        with herding() as herder:
            scripts["a"]["task"] = "stuck"
            create(herder, "a", tasks_max="1")
            wait_for(herder, "a", RUNNING, RUNNING)
            scripts["a"].clear()
            herder.restart_task(TaskId("a", 0)).result(DEADLINE_S)
            wait_for(herder, "a", RUNNING, RUNNING)
            GATES["a"].open("task")
            eventually(lambda: len(_task_threads("a")) == 1, "the old thread has ended")
            assert herder.health().result(DEADLINE_S).ready
            wait_for(herder, "a", RUNNING, RUNNING)

    def test_shutdown_takes_no_longer_than_it_may_with_everything_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """25"""
        monkeypatch.setattr("connectrt.worker.worker.CANCEL_TIMEOUT_S", 0.05)
        with herding() as herder:
            scripts["a"]["on.stop"] = "block"
            scripts["a"]["task"] = "stuck"
            create(herder, "a")
            scripts["b"]["on.start"] = "block"
            started = herder.put_connector_config("b", SINK)
            eventually(lambda: "start" in GATES["b"].calls, "b starts")
            began = time.monotonic()
            herder.shutdown(0.1)
            assert time.monotonic() - began < 1
            with pytest.raises(ConnectError, match="Worker is shutting down"):
                started.result(DEADLINE_S)

    def test_two_shutdowns_at_once_both_end_with_everything_stopped(self) -> None:
        with herding() as herder:
            scripts["a"]["task"] = "deaf"
            create(herder, "a")
            second = threading.Thread(target=herder.shutdown, args=(0.1,))
            second.start()
            herder.shutdown(0.1)
            second.join(DEADLINE_S)
            assert _task_threads("a") == []

    def test_after_shutdown_reads_answer_and_requests_are_refused(self) -> None:
        with herding(count_destinations=True) as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            herder.shutdown(1.0)
            herder.shutdown(1.0)
            assert herder.destination_counts()["a"]["table"] in (10, 11)  # what the task that ended last has counted
            assert [row.state for row in herder.snapshot()] == [State.UNASSIGNED, State.UNASSIGNED]
            with pytest.raises(ConnectError, match="Worker is shutting down"):
                herder.pause("a").result(DEADLINE_S)
            assert _task_threads("a") == []


class TestDrain:
    def test_waits_for_sources_to_end_and_then_for_sinks_to_catch_up(self) -> None:
        with herding() as herder:
            create(herder, "in", connector_class="ScriptedSource", tasks_max="1")
            create(herder, "out", tasks_max="1")
            wait_for(herder, "out", RUNNING, RUNNING)
            drained = herder.drain()
            assert herder.health().result(DEADLINE_S).ready
            assert "catch_up-0" not in GATES["out"].calls
            _end_source(herder, "in")
            assert drained.result(DEADLINE_S) == ()
            row = next(row for row in herder.snapshot() if row.connector == "out")
            assert (row.records_in, row.records_out, row.lag) == (7, 6, 0)

    def test_tells_what_has_failed_and_does_not_wait_for_it(self) -> None:
        with herding() as herder:
            scripts["a"]["task"] = "raise"
            create(herder, "a", tasks_max="1")
            create(herder, "b", PAUSED)
            wait_for(herder, "a", RUNNING, FAILED)
            [failure] = herder.drain().result(DEADLINE_S)
            assert failure == Failure("a", 0, "connectrt.errors.ConnectError: told to fail\nTraceback ...")


def _task_threads(connector: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"task-{connector}-")]


def _end_source(herder: StandaloneHerder, name: str) -> None:
    task = TaskId(name, 0)
    herder._worker.tasks[task].runner._emit(CaughtUp(task))
