"""Run one task on one named thread: commands in, events out.

Invariant: Ended is the last the worker hears of a task, and comes once, whatever the task's code does; of an abandoned
task it hears nothing more. Nobody but this file knows that a task is a thread: `call`, `stack`, `send` and `abandon`
can as well be those of a process.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from queue import SimpleQueue

from connectrt.errors import ConnectError
from connectrt.worker.messages import Command, Emit, Ended, Event, State, StateChanged, TaskId
from connectrt.worker.states import trace_of
from connectrt.worker.task import TaskCode

log = logging.getLogger(__name__)

#: The connector (`pg-sink`) or task (`pg-sink-0`) whose code this thread runs; a log formatter may show it.
current_item: ContextVar[str | None] = ContextVar("current_item", default=None)

BuildCode = Callable[[SimpleQueue[Command], Emit], TaskCode]


class TaskRunner:
    """One task, from `start` to Ended. Thread-safe."""

    def __init__(self, task: TaskId, build: BuildCode, emit: Emit) -> None:
        """`build` is called on the task's thread; what it raises makes the task FAILED."""
        self.task = task
        self._build = build
        self._told = emit
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._code: TaskCode | None = None
        self._ended = False
        self._abandoned = False
        # A daemon: an abandoned task must not keep the process from ending.
        self._thread = threading.Thread(target=self._main, name=f"task-{task}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, command: Command) -> None:
        self._commands.put(command)
        if self._code is not None:
            self._code.wake()

    def abandon(self) -> None:
        """Hear no more of the task. Its thread goes on until its code returns."""
        self._abandoned = True

    @property
    def call(self) -> tuple[str, float] | None:
        """The plugin call the task is in and time.monotonic() when it began."""
        return self._code.current_call if self._code is not None else None

    def stack(self) -> str:
        """Where the task's code is now; empty if it has ended."""
        return stack_of(self._thread)

    def _emit(self, event: Event) -> None:
        self._ended = self._ended or isinstance(event, Ended)
        if not self._abandoned:
            self._told(event)

    def _main(self) -> None:
        current_item.set(str(self.task))
        try:
            self._code = self._build(self._commands, self._emit)
            self._code.run()
        except BaseException as error:  # SystemExit too: the worker must hear of it
            stack = None if isinstance(error, ConnectError) else error  # ours say all that is to be said
            log.error("task failed: %s", error, exc_info=stack, extra={"action": "fail_task", "task": str(self.task)})
            if not self._ended:
                self._emit(StateChanged(self.task, State.FAILED, trace_of(error)))
        if not self._ended:
            self._emit(Ended(self.task))


def stack_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame is not None else ""
