"""One run, from the first connector to the summary, with a real herder and connectors that misbehave."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from connectrt.cli.exit_codes import ConnectorsFailed
from connectrt.cli.running import Running
from connectrt.cli.session import Session
from connectrt.cli.summary import Summary
from connectrt.config.settings import ConnectorConfig, Origin, Settings
from connectrt.herder.standalone import StandaloneHerder
from connectrt.tracing.provider import Tracing
from connectrt.worker.messages import State
from tests.unit.herder.scripted import GATES, SINK, eventually, herding, scripts

SOURCE = {"connector.class": "ScriptedSource"}


class Watcher:
    """A view that keeps what it was told to show, and acts when `on` names what is being done."""

    interval_s = 0.001

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.summary: Summary | None = None
        self.on: dict[str, Callable[[], object]] = {}

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None: ...

    def refresh(self, doing: str) -> None:
        if doing not in self.shown:
            self.shown.append(doing)
        if doing in self.on:
            self.on.pop(doing)()

    def finish(self, summary: Summary) -> None:
        self.summary = summary

    @property
    def seen(self) -> Summary:
        assert self.summary is not None, "nothing was shown at the end"
        return self.summary


class Run:
    """A session that is ready to run."""

    def __init__(self, herder: StandaloneHerder, connectors: Mapping[str, Mapping[str, str]], state: str,
                 stop_timeout_s: float) -> None:
        configs = [ConnectorConfig(name, Settings(dict(config)), Origin("test.yaml", 1), state)
                   for name, config in connectors.items()]
        running = Running(herder, Tracing.from_environment({}), configs, kafka="localhost:9092",
                          rest="http://127.0.0.1:8083", spans_to=None, servers=(),
                          stop_timeout_s=stop_timeout_s, capture=None)
        self.herder = herder
        self.view = Watcher()
        self.events: SimpleQueue[object] = SimpleQueue()
        self._session = Session(running, self.view, self.events, time.monotonic())

    def run(self, *, drain: bool = False) -> None:
        self._session.run(drain=drain)

    def stop_when_running(self) -> None:
        self.view.on["running"] = lambda: self.events.put(signal.SIGTERM)


@contextmanager
def a_run(connectors: Mapping[str, Mapping[str, str]], state: str = "RUNNING",
          stop_timeout_s: float = 1.0) -> Iterator[Run]:
    with herding(count_destinations=True) as herder:
        yield Run(herder, connectors, state, stop_timeout_s)


def states(herder: StandaloneHerder) -> set[State]:
    return {row.state for row in herder.snapshot()}


def test_a_signal_stops_the_tasks_and_shows_what_they_did() -> None:
    with a_run({"orders": SOURCE, "pg": SINK}) as run:
        run.stop_when_running()
        run.run()
        assert run.view.seen.how == "stopped"
        assert [total.name for total in run.view.seen.totals] == ["orders", "pg"]
        assert run.view.seen.totals[1].at_destination == {"table": 10}
        assert states(run.herder) == {State.UNASSIGNED}


def test_the_time_to_all_tasks_running_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), a_run({"orders": SOURCE, "pg": SINK | {"tasks.max": "3"}}) as run:
        run.stop_when_running()
        run.run()
    [told] = [record for record in caplog.records if record.message == "all tasks are running"]
    assert vars(told)["tasks"] == 4
    assert 0 < vars(told)["took_s"] < 5


def test_draining_ends_when_sinks_have_caught_up() -> None:
    with a_run({"pg": SINK}) as run:
        run.run(drain=True)
        assert run.view.seen.how == "drained"
        assert (run.view.seen.totals[0].records_in, run.view.seen.totals[0].records_out) == (7, 6)
        assert run.view.seen.totals[0].at_destination == {"table": 10}


def test_a_task_that_failed_before_it_was_drained_fails_the_run_and_is_named() -> None:
    with a_run({"bad": SINK, "good": SINK}) as run:
        scripts["bad"]["task"] = "raise"
        with pytest.raises(ConnectorsFailed, match=r"bad-0 failed: .*told to fail"):
            run.run(drain=True)
        assert run.view.seen.failures["bad-0"].endswith("Traceback ...")
        assert run.view.seen.totals[0].failed == 1


def test_a_failed_task_is_told_at_the_end_of_a_run_that_a_signal_stopped() -> None:
    with a_run({"bad": SINK}) as run:
        scripts["bad"]["task"] = "raise"
        run.stop_when_running()
        run.run()
        assert list(run.view.seen.failures) == ["bad-0"]


def test_a_rejected_connector_stops_the_others_and_fails_the_run() -> None:
    with a_run({"bad": SINK, "good": SINK, "worse": SINK | {"must.be.number": "x"}}) as run:
        scripts["bad"]["on.start"] = "raise"
        with pytest.raises(ConnectorsFailed) as failed:
            run.run()
        assert "bad failed: Failed to start connector bad: start was told to raise" in str(failed.value)
        assert "worse failed: " in str(failed.value)
        assert "good" not in str(failed.value)
        assert State.RUNNING not in states(run.herder)


def test_a_signal_ends_a_run_in_which_a_connector_never_starts() -> None:
    with a_run({"slow": SINK}) as run:
        scripts["slow"]["on.start"] = "block"

        def interrupt() -> None:
            eventually(lambda: "start" in GATES["slow"].calls, "start of the connector")
            run.events.put(signal.SIGINT)

        run.view.on["starting"] = interrupt
        run.run()
        assert run.view.seen.how == "stopped"


def test_ctrl_c_pauses_sources_and_lets_sinks_catch_up_before_all_stop() -> None:
    with a_run({"orders": SOURCE, "pg": SINK | {"tasks.max": "1"}}) as run:
        run.view.on["running"] = lambda: run.events.put(signal.SIGINT)
        run.run()
        assert [call for call in GATES["orders"].calls if call.endswith("-0")] == ["pause-0", "stop-0"]
        assert [call for call in GATES["pg"].calls if call.endswith("-0")] == ["catch_up-0", "stop-0"]


def test_sigterm_stops_without_waiting_for_sinks_to_catch_up() -> None:
    with a_run({"orders": SOURCE, "pg": SINK | {"tasks.max": "1"}}) as run:
        run.stop_when_running()
        run.run()
        assert [call for call in GATES["pg"].calls if call.endswith("-0")] == ["stop-0"]


def test_ctrl_c_waits_for_sinks_no_longer_than_a_stop_may_take(caplog: pytest.LogCaptureFixture) -> None:
    with a_run({"orders": SOURCE, "pg": SINK | {"tasks.max": "1"}}, stop_timeout_s=0.05) as run:
        scripts["pg"]["task"] = "stuck"
        run.view.on["running"] = lambda: run.events.put(signal.SIGINT)
        run.run()
    assert "sinks have not caught up in time" in caplog.text


def test_a_task_that_ignores_the_stop_holds_the_end_up_for_the_graceful_timeout_only() -> None:
    with a_run({"deaf": SINK | {"tasks.max": "1"}}) as run:
        scripts["deaf"]["task"] = "deaf"
        run.stop_when_running()
        run.run()
        assert "cancel-0" in GATES["deaf"].calls


def test_connectors_begin_in_the_state_the_file_says() -> None:
    with a_run({"pg": SINK}, "PAUSED") as run:
        seen: list[set[State]] = []

        def look() -> None:
            seen.append(states(run.herder))
            run.events.put(signal.SIGTERM)

        run.view.on["running"] = look
        run.run()
        assert seen == [{State.PAUSED}]
