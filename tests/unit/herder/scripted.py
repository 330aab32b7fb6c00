"""Connectors and task code that do what their config says: raise, block, ignore. For tests of those who host them.

`on.start`, `on.stop`, `on.initialize`, `on.task_configs`: `raise`, `exit`, `block` (until the gate of that name opens).
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import ClassVar

from connectrt.config.definition import Config, ConfigDef, Type, key
from connectrt.errors import ConnectError
from connectrt.herder.herder import ConnectorStatus
from connectrt.herder.standalone import StandaloneHerder
from connectrt.kafka.memory import MemoryBroker
from connectrt.plugins.discovery import PluginInfo, PluginKind, discover
from connectrt.plugins.loader import Plugins
from connectrt.sdk import (
    ConnectorContext,
    Converter,
    HeaderConverter,
    Schema,
    SchemaAndValue,
    SinkConnector,
    SinkRecord,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
)
from connectrt.storage.memory import MemoryOffsetStore
from connectrt.worker.config import parse_worker
from connectrt.worker.messages import (
    CaughtUp,
    Command,
    DestinationCounted,
    Emit,
    Ended,
    MetricsTaken,
    State,
    StateChanged,
)
from connectrt.worker.task import Surroundings, TaskCode, TaskSpec

DEADLINE_S = 5.0


class Gates:
    """Where scripted code waits; each opens for good."""

    def __init__(self) -> None:
        self._gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.calls: list[str] = []

    def pass_through(self, call: str, script: str | None) -> None:
        self.calls.append(call)
        if script == "raise":
            raise ConnectError(f"{call} was told to raise")
        if script == "exit":
            raise SystemExit(3)
        if script == "block":
            assert self._gates[call].wait(30), f"gate {call} was never opened"

    def open(self, call: str) -> None:
        self._gates[call].set()

    def open_all(self) -> None:
        for gate in self._gates.values():
            gate.set()


#: By connector name, since a plugin's class is all that its code and a test share.
GATES: defaultdict[str, Gates] = defaultdict(Gates)


class _Scripted:
    CONFIG = ConfigDef(key("password", Type.PASSWORD, None), key("must.be.number", Type.INT, 1))
    config: Config
    context: ConnectorContext
    version: ClassVar[str | None] = "7.1"

    def initialize(self, context: ConnectorContext) -> None:
        self.context = context
        contexts[context.name] = context
        GATES[context.name].pass_through("initialize", scripts[context.name].get("on.initialize"))

    def start(self, config: Config) -> None:
        self.config = config
        self._pass("start")

    def stop(self) -> None:
        self._pass("stop")

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        self._pass("task_configs")
        number = int(scripts[self.context.name].get("tasks", max_tasks))
        return [{**self.config.originals, "part": str(each)} for each in range(number)]

    @classmethod
    def validate(cls, config: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        GATES[config["name"]].pass_through("validate", scripts[config["name"]].get("on.validate"))
        return {}

    def _pass(self, call: str) -> None:
        GATES[self.context.name].pass_through(call, scripts[self.context.name].get(f"on.{call}"))


#: By connector name: what its code is to do. Tests may change it while it runs.
scripts: defaultdict[str, dict[str, str]] = defaultdict(dict)
contexts: dict[str, ConnectorContext] = {}


class ScriptedSinkTask(SinkTask):
    def put(self, records: Sequence[SinkRecord]) -> None: ...


class ScriptedSourceTask(SourceTask):
    def poll(self) -> Sequence[SourceRecord] | None: ...


class ScriptedConverter(Converter, HeaderConverter):
    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None: ...

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, data)

    def from_connect_header(self, topic: str, name: str, schema: Schema | None, value: object) -> bytes | None: ...

    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, data)

    def configure(self, config: Mapping[str, str], is_key: bool = False) -> None: ...


class ScriptedSink(_Scripted, SinkConnector):
    task_class = ScriptedSinkTask


class ScriptedSource(_Scripted, SourceConnector):
    task_class = ScriptedSourceTask


CAUGHT_UP = {"sink_record_read_total": 7, "sink_record_send_total": 6, "task_lag_records": 0}


class ScriptedCode:
    """Task code that obeys commands, or not: `task` in its connector's script is `raise`, `deaf` (ends on CANCEL only),
    `stuck` (ends when the gate `task` opens)."""

    def __init__(self, spec: TaskSpec, commands: SimpleQueue[Command], emit: Emit) -> None:
        self.spec = spec
        self.current_call: tuple[str, float] | None = None
        self._commands = commands
        self._emit = emit

    def wake(self) -> None: ...

    def run(self) -> None:
        task, emit = self.spec.id, self._emit
        script = scripts[task.connector].get("task", "")
        if script == "raise":
            emit(StateChanged(task, State.FAILED, "connectrt.errors.ConnectError: told to fail\nTraceback ..."))
            emit(Ended(task))
            return
        emit(StateChanged(task, self.spec.initial_state))
        if script == "stuck":
            self.current_call = ("put", time.monotonic())
            GATES[task.connector].pass_through("task", "block")
            self.current_call = None
        while self._obey(self._commands.get(), script):
            pass
        if self.spec.count_destination:
            emit(DestinationCounted(task, {"table": 10 + task.number}))
        emit(StateChanged(task, State.UNASSIGNED))
        emit(Ended(task))

    def _obey(self, command: Command, script: str) -> bool:
        task = self.spec.id
        GATES[task.connector].calls.append(f"{command.value}-{task.number}")
        if command is Command.PAUSE or command is Command.RESUME:
            self._emit(StateChanged(task, State.PAUSED if command is Command.PAUSE else State.RUNNING))
        elif command is Command.CATCH_UP:
            self._emit(MetricsTaken(task, CAUGHT_UP))
            self._emit(CaughtUp(task))
        return command is not Command.CANCEL and (command is not Command.STOP or script == "deaf")


built: list[TaskSpec] = []


def build(spec: TaskSpec, around: Surroundings, commands: SimpleQueue[Command], emit: Emit) -> TaskCode:
    GATES[spec.id.connector].pass_through("build", scripts[spec.id.connector].get("on.build"))
    built.append(spec)
    return ScriptedCode(spec, commands, emit)


def plugins() -> Plugins:
    return Plugins([
        PluginInfo(PluginKind.SINK_CONNECTOR, f"{__name__}:ScriptedSink", ("ScriptedSink",), "tests", "1.0"),
        PluginInfo(PluginKind.SOURCE_CONNECTOR, f"{__name__}:ScriptedSource", ("ScriptedSource",), "tests", "1.0"),
        *(PluginInfo(kind, f"{__name__}:ScriptedConverter", ("ScriptedConverter",), "tests", "1.0")
          for kind in (PluginKind.CONVERTER, PluginKind.HEADER_CONVERTER)),
        *discover(),
    ])


def surroundings() -> Surroundings:
    return Surroundings(MemoryBroker(), plugins(), None, MemoryOffsetStore())


WORKER = {"task.shutdown.graceful.timeout.ms": "100", "key.converter": "ScriptedConverter",
          "value.converter": "ScriptedConverter", "header.converter": "ScriptedConverter"}
SINK = {"connector.class": "ScriptedSink", "topics": "t"}


@contextmanager
def herding(worker: Mapping[str, str] | None = None, *, count_destinations: bool = False) -> Iterator[StandaloneHerder]:
    """A herder of scripted connectors; whatever still blocks at the end is let go."""
    config = parse_worker({**WORKER, **(worker or {})})
    herder = StandaloneHerder(config, surroundings(), worker_id="127.0.0.1:8083", build=build,
                              count_destinations=count_destinations)
    herder.start()
    herder.ready()
    try:
        yield herder
    finally:
        for gates in GATES.values():
            gates.open_all()
        herder.shutdown(1.0)
        for thread in threading.enumerate():
            if thread.name.startswith("task-"):
                thread.join(5)  # an abandoned task, let go just now, must not speak in the next test
        GATES.clear()
        scripts.clear()
        built.clear()


def create(herder: StandaloneHerder, name: str, state: State | None = None, **config: str) -> None:
    """Create a sink of two tasks, or what `config` says (`tasks_max="1"` is tasks.max), and wait for it."""
    texts = SINK | {"tasks.max": "2"} | {key.replace("_", "."): value for key, value in config.items()}
    herder.put_connector_config(name, texts, state).result(DEADLINE_S)


def eventually(test: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not test():
        assert time.monotonic() < deadline, f"not in time: {what}"
        pause.wait(0.002)


def wait_for(herder: StandaloneHerder, name: str, connector: State, *tasks: State) -> ConnectorStatus:
    """Wait until the connector and its tasks, in order, are in these states."""
    def reached() -> bool:
        try:
            status = herder.status(name)
        except ConnectError:
            return False
        return status.connector.state is connector and [each.state for each in status.tasks.values()] == list(tasks)

    eventually(reached, f"{name} {connector} with tasks {tasks}")
    return herder.status(name)
