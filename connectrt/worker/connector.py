"""Run one connector instance on one named thread: start, stop, pause, resume, task configs.

Invariant: plugin code runs on this thread only, one call at a time in the order it was asked for, so that a call that
blocks holds up this connector and nothing else. What an abandoned connector still does is not heard of.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

from connectrt.config.definition import ConfigDef
from connectrt.errors import ConnectError
from connectrt.sdk.connector import Connector, ConnectorContext, SourceConnector
from connectrt.sdk.task import OffsetReader
from connectrt.worker.config import SOURCE
from connectrt.worker.messages import State
from connectrt.worker.runner import current_item, stack_of
from connectrt.worker.states import trace_of

log = logging.getLogger(__name__)
T = TypeVar("T")

TaskConfigs = Sequence[Mapping[str, str]]
#: Runs an action on the herder's thread, soon; from any thread.
Post = Callable[[Callable[[], None]], object]

_TASKS_MAX = ConfigDef(SOURCE["tasks.max"], SOURCE["tasks.max.enforce"])


class TooManyTasksError(ConnectError):
    """More task configs than tasks.max. Java: `TooManyTasksException`."""


class ConnectorSpec(Protocol):
    """What makes a connector; called on the connector's thread, and may raise."""

    name: str

    def load(self) -> type[Connector]: ...

    def config(self) -> Mapping[str, str]:
        """Return the connector's config with variables resolved."""

    def offset_reader(self) -> OffsetReader: ...


class Listener(Protocol):
    """Told on the herder's thread."""

    def connector_changed(self, state: State, trace: str | None) -> None: ...
    def task_configs_wanted(self) -> None: ...


class Context:
    """Java: `ConnectorContext`."""

    def __init__(self, runner: ConnectorRunner, offsets: OffsetReader | None) -> None:
        self.name = runner.name
        self._runner = runner
        self._offsets = offsets

    def request_task_reconfiguration(self) -> None:
        if self._runner.closed:
            raise ConnectError(f"{self.name}: the connector was stopped and can no longer ask for task configs")
        self._runner.want_task_configs()

    def raise_error(self, error: Exception) -> None:
        self._runner.fail(error)

    @property
    def offset_reader(self) -> OffsetReader:
        if self._offsets is None:
            raise ConnectError(f"{self.name} is a sink: its offsets are those of its consumer group")
        return self._offsets


class ConnectorRunner:
    """One connector instance. Its methods belong to the herder's thread; none of them waits, what they return does."""

    def __init__(self, spec: ConnectorSpec, listener: Listener, post: Post) -> None:
        self.name = spec.name
        #: The plugin call the connector is in and time.monotonic() when it began.
        self.call: tuple[str, float] | None = None
        #: True: told to end, or abandoned; it may ask for nothing more.
        self.closed = False
        self._spec = spec
        self._listener = listener
        self._post = post
        self._operations: SimpleQueue[Callable[[], bool]] = SimpleQueue()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._target: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._main, name=f"connector-{self.name}", daemon=True)
        self._instance: Connector | None = None
        self._config: Mapping[str, str] = {}
        self._started = False  # start was called, stop is owed
        self._failed = False
        self._gave_tasks = False

    def start(self, target: State) -> asyncio.Future[None]:
        """Make the instance and bring it to `target`: RUNNING, PAUSED or STOPPED."""
        self._thread.start()
        return self._ask(partial(self._open, target))

    def move_to(self, target: State) -> asyncio.Future[None]:
        """Pause, resume or stop. The future of an earlier request is cancelled, and what has not begun is left out.

        Raises ConnectError if the connector has failed, unless it is to be STOPPED.
        """
        if self._target is not None:
            self._target.cancel()
        self._target = self._ask(partial(self._move, target))
        return self._target

    def task_configs(self) -> asyncio.Future[TaskConfigs | None]:
        """Return one config per task; None: the connector is not running.

        A connector that gives too many is FAILED, and so is one that raises before it has ever given any.
        """
        return self._ask(self._task_configs)

    def shutdown(self) -> asyncio.Future[None]:
        """Stop for good."""
        self.closed = True
        return self._ask(self._close, last=True)

    def abandon(self) -> None:
        """Give up on a connector that does not end: what was asked of it fails, its thread is left alone."""
        self.closed = True
        call = self.call
        doing = f"its {call[0]} had not returned" if call else "it had not ended"
        for future in self._waiting:
            if not future.done():
                future.set_exception(ConnectError(f"{self.name}: the connector was given up because {doing} in time"))
                future.exception()  # nobody may be waiting any more
        self._waiting.clear()
        self._post = lambda action: None

    def stack(self) -> str:
        """Where the connector's code is now."""
        return stack_of(self._thread)

    def want_task_configs(self) -> None:
        """Any thread."""
        self._post(self._listener.task_configs_wanted)

    def fail(self, error: BaseException) -> None:
        """Any thread: the connector is FAILED; its tasks go on."""
        if not self.closed:
            self._failed = True
            stack = None if isinstance(error, ConnectError) else error  # ours say all that is to be said
            log.error("connector failed: %s", error, exc_info=stack,
                      extra={"action": "fail_connector", "connector": self.name})
            self._tell(State.FAILED, trace_of(error))

    def _ask(self, function: Callable[[], T], last: bool = False) -> asyncio.Future[T]:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self.closed and not last:
            future.set_exception(ConnectError(f"{self.name}: the connector was stopped"))
            return future
        self._waiting.add(future)

        def settle(outcome: Callable[[], None]) -> None:
            self._waiting.discard(future)
            if not future.done():
                outcome()

        def operate() -> bool:
            if not future.cancelled():
                try:
                    outcome = partial(future.set_result, function())
                except Exception as error:
                    outcome = partial(future.set_exception, error)
                self._post(partial(settle, outcome))
            return not last

        self._operations.put(operate)
        return future

    # -- on the connector's thread ------------------------------------------------------------------------------------

    def _main(self) -> None:
        current_item.set(self.name)
        while self._operations.get()():
            pass

    def _open(self, target: State) -> None:
        try:
            connector_class = self._calling("load", self._spec.load)
            self._config = self._calling("config", self._spec.config)
            instance = connector_class()
            offsets = self._spec.offset_reader() if issubclass(connector_class, SourceConnector) else None
            context: ConnectorContext = Context(self, offsets)
            self._calling("initialize", instance.initialize, context)
            self._instance = instance
            if target is State.RUNNING:
                self._start(instance)
        except Exception as error:
            self.fail(error)
            raise
        self._tell(target)

    def _start(self, instance: Connector) -> None:
        config = instance.CONFIG.parse(self._config)
        self._started = True
        self._calling("start", instance.start, config)

    def _move(self, target: State) -> None:
        if self._failed and target is not State.STOPPED:
            raise ConnectError(f"{self.name} cannot transition connector to {target} since it has failed; restart it")
        if self._instance is None:
            if target is State.RUNNING:
                return self._open(target)
        elif target is State.RUNNING:
            if not self._started:
                self._or_fail(partial(self._start, self._instance))
        elif target is State.PAUSED:
            self._or_fail(self._stop)
        else:
            self._stop_anyhow()
        self._failed = False
        return self._tell(target)

    def _or_fail(self, operation: Callable[[], None]) -> None:
        try:
            operation()
        except Exception as error:
            self.fail(error)
            raise

    def _stop(self) -> None:
        if self._started and self._instance is not None:
            self._started = False
            self._calling("stop", self._instance.stop)

    def _stop_anyhow(self) -> None:
        try:
            self._stop()
        except Exception as error:
            log.error("connector raised while stopping: %s", error, exc_info=error,
                      extra={"action": "stop_connector", "connector": self.name})

    def _close(self) -> None:
        self._stop_anyhow()
        self._tell(State.UNASSIGNED)

    def _task_configs(self) -> TaskConfigs | None:
        if not self._started or self._failed or self._instance is None:
            return None
        try:
            limits = _TASKS_MAX.parse(self._config)
            most = limits.get_int("tasks.max")
            configs = self._calling("task_configs", self._instance.task_configs, most)
            _check_texts(self.name, configs)
            _check_number(self.name, len(configs), most, limits.get_boolean("tasks.max.enforce"))
        except Exception as error:
            if not self._gave_tasks or isinstance(error, TooManyTasksError):
                self.fail(error)
            raise
        self._gave_tasks = True
        return configs

    def _calling(self, name: str, function: Callable[..., T], *args: object) -> T:
        self.call = (name, time.monotonic())
        try:
            return function(*args)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                raise
            raise ConnectError(f"{self.name}: {name} raised {type(error).__name__} {error}") from error
        finally:
            self.call = None

    def _tell(self, state: State, trace: str | None = None) -> None:
        self._post(partial(self._listener.connector_changed, state, trace))


def _check_texts(name: str, configs: TaskConfigs) -> None:
    if not isinstance(configs, Sequence):
        raise ConnectError(f"{name}: task_configs returned {type(configs).__name__}, not a list with a config per task")
    for number, config in enumerate(configs):
        wrong = next((key for key, value in config.items() if not isinstance(value, str)), None)
        if wrong is not None:
            raise ConnectError(f"{name}: task_configs gave task {number} a {wrong} that is no text, but "
                               f"{type(config[wrong]).__name__}; every value of a task config must be text")


def _check_number(name: str, number: int, most: int, enforce: bool) -> None:
    if number <= most:
        return
    text = (f"The connector {name} has generated {number} tasks, which is greater than {most}, the maximum number of "
            "tasks it is configured to create. ")
    if enforce:
        raise TooManyTasksError(text + "Set tasks.max higher, or tasks.max.enforce=false to let it have them all.")
    log.warning("%sIt has them all because tasks.max.enforce=false.", text, extra={"connector": name})
