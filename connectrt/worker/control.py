"""Hold one task's side of the conversation with its worker: commands taken, events told, plugin calls timed.

Invariant: states are told in the order they happen, Ended last and exactly once, whatever the plugin does.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from connectrt.errors import ConnectError, TaskCancelledError
from connectrt.metrics.task import TaskMetrics
from connectrt.worker.messages import Command, Emit, Ended, MetricsTaken, State, StateChanged, TaskId, TopicUsed

log = logging.getLogger(__name__)
T = TypeVar("T")

METRICS_EVERY_S = 1.0


class TaskControl:
    """Lives on the task's thread; only `wake` and `stopping` may be used from others."""

    def __init__(self, task: TaskId, commands: SimpleQueue[Command], emit: Emit, clock: Callable[[], float],
                 metrics: TaskMetrics, paused: bool) -> None:
        self.task = task
        self.metrics = metrics
        self.current_call: tuple[str, float] | None = None
        self.paused = paused  #: what the worker wants; the loop brings it about and calls `tell_state`
        self.catching_up = False
        self.cancelled = False
        self._stop = False
        self._commands = commands
        self._emit = emit
        self._clock = clock
        self._woken = threading.Event()
        self._state: State | None = None
        self._metrics_due = clock()
        self._topics: set[str] = set()

    def wake(self) -> None:
        self._woken.set()

    @property
    def stopping(self) -> bool:
        """True once STOP or CANCEL was sent. Takes in all waiting commands."""
        while True:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return self._stop
            if command is Command.PAUSE or command is Command.RESUME:
                self.paused = command is Command.PAUSE
            elif command is Command.CATCH_UP:
                self.catching_up = True
            else:
                self._stop = True
                self.cancelled = self.cancelled or command is Command.CANCEL

    def wait(self, delay_s: float) -> bool:
        """Sleep until delay_s is over or a command came; True if the task is to stop."""
        if self.stopping or delay_s <= 0:
            return self._stop
        self._woken.wait(delay_s)
        self._woken.clear()
        return self.stopping

    def sleep(self, delay_s: float) -> bool:
        """Sleep delay_s, whatever commands come, but not past a stop; True if the task is to stop."""
        until = self._clock() + delay_s
        while not self.stopping and (left_s := until - self._clock()) > 0:
            self.wait(left_s)
        return self._stop

    def call(self, name: str, function: Callable[..., T], *args: object) -> T:
        """Call into the plugin; while it runs, status shows the call and for how long."""
        self.current_call = (name, time.monotonic())
        try:
            return function(*args)
        finally:
            self.current_call = None

    def tell_state(self, state: State, trace: str | None = None) -> None:
        if state is not self._state:
            self._state = state
            self.tell_metrics(at_once=True)
            self._emit(StateChanged(self.task, state, trace))

    def tell_metrics(self, *, at_once: bool = False) -> None:
        """Send the task's figures if a second has passed since the last time."""
        now = self._clock()
        if at_once or now >= self._metrics_due:
            self._metrics_due = now + METRICS_EVERY_S
            self._emit(MetricsTaken(self.task, self.metrics.snapshot()))

    def metrics_due(self) -> bool:
        return self._clock() >= self._metrics_due

    def tell_topic(self, topic: str) -> None:
        if topic not in self._topics:
            self._topics.add(topic)
            self._emit(TopicUsed(self.task, topic))

    def tell(self, event: object) -> None:
        self._emit(event)  # type: ignore[arg-type]

    def run(self, opened: Callable[[], None], turn: Callable[[], None], closed: Callable[[], None]) -> None:
        """Open, turn until a stop, close; a failure closes too and is told as FAILED. Never raises."""
        failure: BaseException | None = None
        try:
            opened()
            while not self.stopping:
                turn()
        except TaskCancelledError:
            pass
        except Exception as error:
            failure = error
        try:
            closed()
        except TaskCancelledError:
            pass
        except Exception as error:
            if failure is None and not self._stop:
                failure = error
            else:
                log.warning("error while the task was closing", exc_info=error, extra={"action": "close_task"})
        if failure is not None:
            self._tell_failure(failure)
        elif not self.cancelled:
            self.tell_state(State.UNASSIGNED)
        self.tell_metrics(at_once=True)
        self._emit(Ended(self.task))

    def _tell_failure(self, error: BaseException) -> None:
        name = f"{type(error).__module__}.{type(error).__qualname__}"
        self.tell_state(State.FAILED, f"{name}: {error}\n" + "".join(traceback.format_exception(error)))
        # What connectrt raises says what happened and what to do; a stack is of use only for a stranger's error.
        stack = None if isinstance(error, ConnectError) else error
        log.error("task failed: %s", error, exc_info=stack, extra={"action": "fail_task", "task": str(self.task)})
