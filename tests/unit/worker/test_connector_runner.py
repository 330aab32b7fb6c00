"""One connector instance on its thread: order of calls, what raises. What blocks: herder/test_standalone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from connectrt.errors import ConnectError
from connectrt.sdk import Config, Connector, ConnectorContext, SinkConnector, SourceConnector
from connectrt.sdk.task import OffsetReader
from connectrt.storage.memory import MemoryOffsetStore
from connectrt.worker.connector import ConnectorRunner
from connectrt.worker.messages import State
from connectrt.worker.source_setup import ConnectorOffsets


class Recorder:
    """A ConnectorSpec and Listener for one class; keeps what it was told."""

    name = "c"

    def __init__(self, connector: type[Connector], **config: str) -> None:
        self.connector = connector
        self.texts = {"name": "c", "connector.class": "C", **config}
        self.told: list[State] = []
        self.traces: list[str | None] = []
        self.wanted = 0

    def load(self) -> type[Connector]:
        return self.connector

    def config(self) -> Mapping[str, str]:
        return self.texts

    def offset_reader(self) -> OffsetReader:
        return ConnectorOffsets("c", MemoryOffsetStore())

    def connector_changed(self, state: State, trace: str | None) -> None:
        self.told.append(state)
        self.traces.append(trace)

    def task_configs_wanted(self) -> None:
        self.wanted += 1


def drive(recorder: Recorder, script: Callable[[ConnectorRunner], Awaitable[object]]) -> None:
    """Run a script against a started runner, and shut it down."""
    async def main() -> None:
        loop = asyncio.get_running_loop()
        runner = ConnectorRunner(recorder, recorder, loop.call_soon_threadsafe)
        await script(runner)
        await runner.shutdown()

    asyncio.run(asyncio.wait_for(main(), 5))


calls: list[str] = []


@pytest.fixture(autouse=True)
def no_calls() -> Iterator[None]:
    yield
    calls.clear()


class Logged(SinkConnector):
    raises: tuple[str, ...] = ()

    def initialize(self, context: ConnectorContext) -> None:
        super().initialize(context)
        self._call("initialize")

    def start(self, config: Config) -> None:
        super().start(config)
        self._call("start")

    def stop(self) -> None:
        self._call("stop")

    def _call(self, name: str) -> None:
        calls.append(name)
        if name in self.raises:
            raise ValueError(f"{name} raised")


def test_stop_is_owed_once_per_start_and_the_instance_is_kept_over_a_pause() -> None:
    async def script(runner: ConnectorRunner) -> None:
        for state in (State.PAUSED, State.PAUSED, State.RUNNING, State.RUNNING, State.STOPPED):
            await (runner.move_to(state) if recorder.told else runner.start(state))

    recorder = Recorder(Logged)
    drive(recorder, script)
    assert calls == ["initialize", "start", "stop"]
    assert recorder.told == [State.PAUSED, State.PAUSED, State.RUNNING, State.RUNNING, State.STOPPED, State.UNASSIGNED]


def test_stop_is_called_also_after_start_has_raised() -> None:
    async def script(runner: ConnectorRunner) -> None:
        with pytest.raises(ValueError, match="start raised"):
            await runner.start(State.RUNNING)

    recorder = Recorder(type("Raises", (Logged,), {"raises": ("start",)}))
    drive(recorder, script)
    assert calls == ["initialize", "start", "stop"]
    assert recorder.told == [State.FAILED, State.UNASSIGNED]
    assert recorder.traces[0] is not None


def test_a_stop_that_raises_fails_a_pause_and_is_only_logged_at_the_end() -> None:
    async def script(runner: ConnectorRunner) -> None:
        await runner.start(State.RUNNING)
        with pytest.raises(ValueError, match="stop raised"):
            await runner.move_to(State.PAUSED)
        with pytest.raises(ConnectError, match="cannot transition connector to RUNNING since it has failed"):
            await runner.move_to(State.RUNNING)

    recorder = Recorder(type("Raises", (Logged,), {"raises": ("stop",)}))
    drive(recorder, script)
    assert recorder.told == [State.RUNNING, State.FAILED, State.UNASSIGNED]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()])
def test_a_connector_that_tries_to_end_the_process_fails_itself(error: BaseException) -> None:
    class Exits(SinkConnector):
        def start(self, config: Config) -> None:
            raise error

    async def script(runner: ConnectorRunner) -> None:
        with pytest.raises(ConnectError, match=f"c: start raised {type(error).__name__}"):
            await runner.start(State.RUNNING)

    recorder = Recorder(Exits)
    drive(recorder, script)
    assert recorder.told[0] is State.FAILED


def test_a_newer_target_replaces_one_that_has_not_begun() -> None:
    async def script(runner: ConnectorRunner) -> None:
        starting = runner.start(State.RUNNING)
        first, second = runner.move_to(State.PAUSED), runner.move_to(State.STOPPED)
        assert first.cancelled()
        await starting
        await second

    recorder = Recorder(Logged)
    drive(recorder, script)
    assert State.PAUSED not in recorder.told


@pytest.mark.parametrize(("configs", "message"), [
    (None, "task_configs returned NoneType, not a list"),
    ([{"port": 5432}], "gave task 0 a port that is no text, but int"),
    ([{}, {"a": None}], "gave task 1 a a that is no text")])
def test_task_configs_that_are_no_texts_are_refused(configs: Any, message: str) -> None:
    class Gives(SourceConnector):
        def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
            gives: Sequence[Mapping[str, str]] = configs
            return gives

    async def script(runner: ConnectorRunner) -> None:
        await runner.start(State.RUNNING)
        with pytest.raises(ConnectError, match=message):
            await runner.task_configs()

    drive(Recorder(Gives, **{"tasks.max": "9"}), script)


def test_a_connector_that_does_not_run_has_no_task_configs() -> None:
    async def script(runner: ConnectorRunner) -> None:
        await runner.start(State.PAUSED)
        assert await runner.task_configs() is None

    drive(Recorder(Logged), script)


def test_a_source_reads_its_offsets_and_a_sink_is_told_that_it_has_none() -> None:
    contexts: list[ConnectorContext] = []

    def started(base: type[Connector]) -> None:
        class Keeps(base):  # type: ignore[valid-type,misc]
            def initialize(self, context: ConnectorContext) -> None:
                contexts.append(context)

        drive(Recorder(Keeps), lambda runner: runner.start(State.RUNNING))

    started(SourceConnector)
    assert contexts[0].offset_reader.offset({"table": "t"}) is None
    started(SinkConnector)
    with pytest.raises(ConnectError, match="c is a sink"):
        _ = contexts[1].offset_reader


def test_a_connector_that_was_shut_down_takes_no_further_request() -> None:
    async def script(runner: ConnectorRunner) -> None:
        await runner.start(State.RUNNING)
        await runner.shutdown()
        with pytest.raises(ConnectError, match="was stopped"):
            await runner.move_to(State.PAUSED)

    async def main() -> None:
        recorder = Recorder(Logged)
        loop = asyncio.get_running_loop()
        await script(ConnectorRunner(recorder, recorder, loop.call_soon_threadsafe))

    asyncio.run(asyncio.wait_for(main(), 5))
