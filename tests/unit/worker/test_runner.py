"""One task on its thread, whatever its code does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from connectrt.worker.messages import Command, Emit, Ended, Event, State, StateChanged, TaskId
from connectrt.worker.runner import TaskRunner, current_item
from connectrt.worker.task import TaskCode

TASK = TaskId("pg-sink", 0)


class Code:
    """Runs the function it is given."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.current_call: tuple[str, float] | None = None
        self.run = run
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()


class Told:
    """Collects events; `ended` waits for the last."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._ended = threading.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Ended):
            self._ended.set()

    def ended(self) -> list[Event]:
        assert self._ended.wait(5)
        thread = next((each for each in threading.enumerate() if each.name == "task-pg-sink-0"), None)
        if thread is not None:
            thread.join(5)
        return self.events


def test_the_thread_has_the_tasks_name_and_log_lines_know_it() -> None:
    seen: list[str | None] = []
    told = Told()
    TaskRunner(TASK, lambda commands, emit: Code(
        lambda: seen.extend([threading.current_thread().name, current_item.get()])), told).start()
    assert told.ended() == [Ended(TASK)]
    assert seen == ["task-pg-sink-0", "pg-sink-0"]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_code_that_cannot_be_built_is_a_failed_task(error: BaseException) -> None:
    def build(commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
        raise error

    told = Told()
    TaskRunner(TASK, build, told).start()
    failed, ended = told.ended()
    assert isinstance(failed, StateChanged)
    assert failed.state is State.FAILED
    assert failed.trace is not None
    assert "in build" in failed.trace
    assert ended == Ended(TASK)


def test_ended_comes_once_also_from_code_that_says_it_itself_and_raises_after_it() -> None:
    def build(commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
        def run() -> None:
            emit(Ended(TASK))
            raise RuntimeError("after the end")

        return Code(run)

    told = Told()
    TaskRunner(TASK, build, told).start()
    assert told.ended() == [Ended(TASK)]


def test_a_command_wakes_the_code_and_waits_for_code_that_is_still_being_built() -> None:
    may_build, taken = threading.Event(), SimpleQueue[Command]()

    def build(commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
        may_build.wait(5)
        def run() -> None:
            taken.put(commands.get())
            code.woken.wait(5)
            taken.put(commands.get())

        code = Code(run)
        return code

    told = Told()
    runner = TaskRunner(TASK, build, told)
    runner.start()
    runner.send(Command.PAUSE)
    may_build.set()
    assert taken.get(timeout=5) is Command.PAUSE
    runner.send(Command.STOP)
    assert taken.get(timeout=5) is Command.STOP
    told.ended()


def test_an_abandoned_task_is_not_heard_of_and_its_stack_can_be_seen() -> None:
    go_on, done = threading.Event(), threading.Event()

    def build(commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
        def hangs_in_put() -> None:
            go_on.wait(5)
            emit(StateChanged(TASK, State.RUNNING))
            done.set()

        code = Code(hangs_in_put)
        code.current_call = ("put", time.monotonic())
        return code

    told = Told()
    runner = TaskRunner(TASK, build, told)
    runner.start()
    while "hangs_in_put" not in runner.stack():
        pass
    assert runner.call is not None
    assert runner.call[0] == "put"
    runner.abandon()
    go_on.set()
    assert done.wait(5)
    assert told.events == []


def test_a_thread_that_has_not_begun_has_no_stack() -> None:
    assert TaskRunner(TASK, lambda commands, emit: Code(lambda: None), Told()).stack() == ""
