"""Run one task against the broker in memory, on a thread of its own as in a worker, and wait for what it tells.

Waiting is for events, with a deadline; nothing sleeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

from connectrt.kafka.memory import MemoryBroker
from connectrt.plugins.loader import Plugins
from connectrt.sdk import SinkConnector, SinkTask, SourceConnector, SourceTask
from connectrt.storage.memory import MemoryOffsetStore
from connectrt.worker.config import parse_worker
from connectrt.worker.messages import Command, Ended, Event, State, StateChanged, TaskId
from connectrt.worker.task import Surroundings, TaskSpec, build_task

E = TypeVar("E")
DEADLINE_S = 5.0

PLUGINS = Plugins.discover()
WORKER = {"key.converter": "StringConverter", "value.converter": "JsonConverter",
          "value.converter.schemas.enable": "false", "offset.flush.interval.ms": "3600000"}


class Running:
    """A task at work. Events are kept in the order they came."""

    def __init__(self, broker: MemoryBroker, offsets: MemoryOffsetStore, task_class: type[SinkTask] | type[SourceTask],
                 config: Mapping[str, str], worker: Mapping[str, str]) -> None:
        base = SinkConnector if issubclass(task_class, SinkTask) else SourceConnector
        connector = type("Connector", (base,), {"task_class": task_class})
        text = {"name": "c", "connector.class": "Connector", **config}
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._changed = threading.Condition()
        self.events: list[Event] = []
        spec = TaskSpec(TaskId("c", 0), connector, task_class, text, text, parse_worker({**WORKER, **worker}),
                        count_destination=True)
        self._code = build_task(spec, Surroundings(broker, PLUGINS, None, offsets), self._commands, self._told)
        self._thread = threading.Thread(target=self._code.run, name="task-c-0", daemon=True)
        self._thread.start()

    def _told(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def send(self, command: Command) -> None:
        self._commands.put(command)
        self._code.wake()

    def wait_for(self, kind: type[E], test: Callable[[E], bool] = lambda _: True) -> E:
        """Return the first event of this kind that passes the test."""
        def found() -> E | None:
            return next((each for each in self.events if isinstance(each, kind) and test(each)), None)

        with self._changed:
            if not self._changed.wait_for(lambda: found() is not None, DEADLINE_S):
                raise AssertionError(f"no {kind.__name__} came, but {self.events}")
            event = found()
            assert event is not None
            return event

    def wait_for_state(self, state: State) -> StateChanged:
        return self.wait_for(StateChanged, lambda event: event.state is state)

    @property
    def states(self) -> list[State]:
        return [each.state for each in self.events if isinstance(each, StateChanged)]

    def stop(self) -> None:
        self.send(Command.STOP)
        self.wait_for(Ended)
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


@contextmanager
def running(broker: MemoryBroker, task_class: type[SinkTask] | type[SourceTask],
            config: Mapping[str, str] | None = None, worker: Mapping[str, str] | None = None,
            offsets: MemoryOffsetStore | None = None) -> Iterator[Running]:
    """Run the task; stop it at the end."""
    task = Running(broker, offsets or MemoryOffsetStore(), task_class, config or {}, worker or {})
    try:
        yield task
    finally:
        task.stop()


def eventually(test: Callable[[], bool], what: str) -> None:
    """Wait until the broker in memory shows it; it has no event for what a test looks at."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not test():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in time: {what}")
        pause.wait(0.002)
