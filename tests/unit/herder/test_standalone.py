"""A single worker's herder, with connectors and tasks that misbehave. Numbers are Kafka Connect's conformance cases."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import wait

import pytest

from connectrt.errors import AlreadyExistsError, ConnectError, NotFoundError
from connectrt.herder.herder import ConnectorType, Failure
from connectrt.herder.standalone import StandaloneHerder
from connectrt.worker.messages import State, TaskId
from tests.unit.herder.scripted import (
    DEADLINE_S,
    GATES,
    SINK,
    built,
    contexts,
    create,
    eventually,
    herding,
    scripts,
    wait_for,
)

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


class TestCreate:
    def test_tells_of_tasks_and_type_when_they_are_on_their_way(self) -> None:
        with herding() as herder:
            result = herder.put_connector_config("a", {**SINK, "tasks.max": "2"}).result(5)
            assert result.created
            assert result.info.tasks == (TaskId("a", 0), TaskId("a", 1))
            assert result.info.type is ConnectorType.SINK
            assert result.info.config == {**SINK, "tasks.max": "2", "name": "a"}
            status = wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            assert (status.connector.worker_id, status.connector.version) == ("127.0.0.1:8083", "7.1")

    def test_of_a_name_that_exists_is_refused_if_it_may_not_replace(self) -> None:
        with herding() as herder:
            create(herder, "a")
            again = herder.put_connector_config("a", SINK, allow_replace=False)
            with pytest.raises(AlreadyExistsError, match="Connector a already exists"):
                again.result(DEADLINE_S)

    def test_with_a_start_that_raises_is_kept_as_failed_with_the_trace(self) -> None:
        with herding() as herder:
            scripts["a"]["on.start"] = "raise"
            with pytest.raises(ConnectError, match="Failed to start connector a: start was told to raise"):
                create(herder, "a")
            status = wait_for(herder, "a", FAILED)
            assert status.connector.trace is not None
            assert status.connector.trace.startswith("connectrt.errors.ConnectError: start was told to raise\nTrace")

    @pytest.mark.parametrize(("config", "fault"), [
        ({"topics": "t"}, "contains no connector type"), ({**SINK, "connector.class": "ScriptedSnik"}, "ScriptedSnik"),
        ({**SINK, "must.be.number": "x"}, r"must\.be\.number"), ({**SINK, "some.null": None}, "Null value")])
    def test_of_a_faulty_config_leaves_nothing_behind(self, config: dict[str, str | None], fault: str) -> None:
        with herding() as herder:
            with pytest.raises(ConnectError, match=fault):
                herder.put_connector_config("a", config).result(DEADLINE_S)
            assert herder.connectors() == ()
            assert "initialize" not in GATES["a"].calls

    @pytest.mark.parametrize("state", [PAUSED, STOPPED])
    def test_in_a_state_starts_no_task_until_it_is_resumed(self, state: State) -> None:
        """17"""
        with herding() as herder:
            create(herder, "a", state)
            wait_for(herder, "a", state)
            assert "start" not in GATES["a"].calls
            herder.resume("a").result(DEADLINE_S)
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)

    def test_is_not_held_up_by_another_that_blocks(self) -> None:
        """25"""
        for call in ("validate", "initialize", "start", "task_configs"):
            with herding() as herder:
                scripts["stuck"][f"on.{call}"] = "block"
                stuck = herder.put_connector_config("stuck", SINK)
                eventually(lambda: call in GATES["stuck"].calls, f"stuck in {call}")  # noqa: B023
                create(herder, "a")
                wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
                assert not stuck.done()
                GATES["stuck"].open(call)
                assert stuck.result(DEADLINE_S).created

    def test_lets_a_task_whose_build_raises_fail_alone(self) -> None:
        with herding() as herder:
            scripts["a"]["on.build"] = "raise"
            create(herder, "a")
            trace = wait_for(herder, "a", RUNNING, FAILED, FAILED).tasks[1].trace
            assert trace is not None
            assert "build was told to raise" in trace

    def test_gives_tasks_their_class_topics_and_resolved_secrets_and_shows_them_raw(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PASSWORD", "s3cret")
        with herding() as herder:
            create(herder, "a", password="${env:PASSWORD}", tasks_max="1")
            wait_for(herder, "a", RUNNING, RUNNING)
            assert built[0].connector_config["password"] == built[0].task_config["password"] == "s3cret"
            shown = herder.task_configs("a")[0].config
            assert shown["password"] == herder.connector_config("a")["password"] == "${env:PASSWORD}"
            assert shown["task.class"].endswith("scripted.ScriptedSinkTask")
            assert (shown["topics"], shown["part"]) == ("t", "0")


class TestReplace:
    def test_restarts_the_connector_and_its_tasks_with_the_new_config(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            result = herder.put_connector_config("a", {**SINK, "tasks.max": "3", "x": "y"})
            assert not result.result(DEADLINE_S).created
            assert len(result.result().info.tasks) == 3
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING, RUNNING)
            assert [spec.task_config.get("x") for spec in built] == [None, None, "y", "y", "y"]

    def test_restarts_tasks_though_their_configs_are_the_same(self) -> None:
        """23: a converter may have changed."""
        with herding() as herder:
            scripts["a"]["tasks"] = "1"
            create(herder, "a")
            create(herder, "a", value_converter="ScriptedConverter")
            wait_for(herder, "a", RUNNING, RUNNING)
            assert len(built) == 2

    def test_with_the_same_config_leaves_tasks_alone(self) -> None:
        with herding() as herder:
            create(herder, "a")
            create(herder, "a")
            assert len(built) == 2

    def test_keeps_the_state_it_was_put_in(self) -> None:
        with herding() as herder:
            create(herder, "a")
            herder.pause("a").result(DEADLINE_S)
            wait_for(herder, "a", PAUSED, PAUSED, PAUSED)
            create(herder, "a", x="y")
            wait_for(herder, "a", PAUSED, PAUSED, PAUSED)
            herder.resume("a").result(DEADLINE_S)
            eventually(lambda: [spec.task_config.get("x") for spec in built] == [None, None, "y", "y"], "new tasks")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)

    def test_that_fails_to_start_lets_the_old_tasks_go_on(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            scripts["a"]["on.start"] = "raise"
            with pytest.raises(ConnectError):
                create(herder, "a", x="y")
            wait_for(herder, "a", FAILED, RUNNING, RUNNING)

    def test_of_one_that_blocks_for_ever_gives_the_old_one_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """25"""
        monkeypatch.setattr("connectrt.worker.worker.CONNECTOR_STOP_TIMEOUT_S", 0.05)
        with herding() as herder:
            scripts["a"]["on.start"] = "block"
            first = herder.put_connector_config("a", SINK)
            eventually(lambda: "start" in GATES["a"].calls, "start")
            del scripts["a"]["on.start"]
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            with pytest.raises(ConnectError, match="given up because its start had not returned"):
                first.result(DEADLINE_S)

    def test_many_times_at_once_ends_with_the_last(self) -> None:
        """13"""
        with herding() as herder:
            puts = [herder.put_connector_config("a", {**SINK, "tasks.max": str(number)})
                    for number in (1, 5, 3)]
            wait(puts, DEADLINE_S)
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING, RUNNING)
            eventually(lambda: len(_task_threads("a")) == 3, "no task left over")


class TestStates:
    @pytest.mark.parametrize("order", list(itertools.permutations(["pause", "stop", "resume"])))
    def test_pause_stop_and_resume_in_any_order_each_twice(self, order: tuple[str, ...]) -> None:
        """15"""
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            tasks = 2
            for request in (*order, *order):
                for _ in range(2):
                    getattr(herder, request)("a").result(DEADLINE_S)
                    state = {"pause": PAUSED, "stop": STOPPED, "resume": RUNNING}[request]
                    tasks = {"pause": tasks, "stop": 0, "resume": 2}[request]
                    wait_for(herder, "a", state, *[state] * tasks)
                assert len(herder.task_configs("a")) == tasks

    @pytest.mark.parametrize("call", ["start", "stop", "initialize"])
    def test_a_connector_that_raises_can_be_stopped_resumed_and_deleted(self, call: str) -> None:
        """16"""
        with herding() as herder:
            scripts["a"][f"on.{call}"] = "raise"
            if call == "stop":
                create(herder, "a")
            else:
                with pytest.raises(ConnectError):
                    create(herder, "a")
            herder.stop("a").result(DEADLINE_S)
            wait_for(herder, "a", STOPPED)
            herder.resume("a").result(DEADLINE_S)
            wait_for(herder, "a", *([RUNNING, RUNNING, RUNNING] if call == "stop" else [FAILED]))
            herder.delete("a").result(DEADLINE_S)
            assert herder.connectors() == ()

    def test_a_failed_connector_is_not_resumed_by_anything_but_a_restart(self) -> None:
        with herding() as herder:
            scripts["a"]["on.start"] = "raise"
            with pytest.raises(ConnectError):
                create(herder, "a")
            scripts["a"].clear()
            herder.pause("a").result(DEADLINE_S)
            herder.resume("a").result(DEADLINE_S)
            assert herder.status("a").connector.state is FAILED
            assert herder.restart("a").result(DEADLINE_S).connector.state is RUNNING
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)

    def test_pausing_leaves_a_failed_task_failed(self) -> None:
        with herding() as herder:
            scripts["a"]["task"] = "raise"
            create(herder, "a", tasks_max="1")
            wait_for(herder, "a", RUNNING, FAILED)
            herder.pause("a").result(DEADLINE_S)
            wait_for(herder, "a", PAUSED, FAILED)

    def test_unknown_connectors_are_told_as_java_tells_them(self) -> None:
        with herding() as herder:
            for request in (herder.pause, herder.resume):
                with pytest.raises(NotFoundError, match="Unknown connector x"):
                    request("x").result(DEADLINE_S)
            with pytest.raises(ConnectError, match="No connector `x` configured") as stop:
                herder.stop("x").result(DEADLINE_S)
            assert not isinstance(stop.value, NotFoundError)
            for read in (herder.connector_info, herder.connector_config, herder.task_configs):
                with pytest.raises(NotFoundError, match="Connector x not found"):
                    read("x")
            with pytest.raises(NotFoundError, match="No status found for connector x"):
                herder.status("x")
            with pytest.raises(NotFoundError, match="No status found for task x-1"):
                herder.task_status(TaskId("x", 1))
            with pytest.raises(NotFoundError, match="Unknown connector: x"):
                herder.restart("x", include_tasks=True).result(DEADLINE_S)

    def test_an_error_raised_by_the_connector_fails_it_and_its_tasks_go_on(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            contexts["a"].raise_error(ValueError("the table is gone"))
            status = wait_for(herder, "a", FAILED, RUNNING, RUNNING)
            assert status.connector.trace is not None
            assert status.connector.trace.startswith("builtins.ValueError: the table is gone")


class TestTaskConfigs:
    def test_more_than_allowed_fail_the_connector_and_leave_its_tasks(self) -> None:
        """21"""
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            scripts["a"]["tasks"] = "7"
            contexts["a"].request_task_reconfiguration()
            status = wait_for(herder, "a", FAILED, RUNNING, RUNNING)
            assert status.connector.trace is not None
            assert "has generated 7 tasks, which is greater than 2" in status.connector.trace
            create(herder, "a", tasks_max_enforce="false")
            wait_for(herder, "a", RUNNING, *[RUNNING] * 7)

    def test_that_are_new_replace_the_tasks(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            scripts["a"]["tasks"] = "1"
            contexts["a"].request_task_reconfiguration()
            wait_for(herder, "a", RUNNING, RUNNING)

    def test_that_cannot_be_had_fail_a_connector_that_never_gave_any(self) -> None:
        with herding() as herder:
            scripts["a"]["on.task_configs"] = "raise"
            with pytest.raises(ConnectError, match="task_configs was told to raise"):
                create(herder, "a")
            wait_for(herder, "a", FAILED)

    def test_that_cannot_be_had_again_leave_connector_and_tasks_as_they_are(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            scripts["a"]["on.task_configs"] = "raise"
            contexts["a"].request_task_reconfiguration()
            eventually(lambda: GATES["a"].calls.count("task_configs") == 2, "asked again")
            assert herder.health().result(DEADLINE_S).ready
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)

    def test_cannot_be_asked_for_by_a_connector_that_was_deleted(self) -> None:
        with herding() as herder:
            create(herder, "a")
            herder.delete("a").result(DEADLINE_S)
            with pytest.raises(ConnectError, match="was stopped"):
                contexts["a"].request_task_reconfiguration()


class TestRestart:
    def test_of_the_connector_leaves_its_tasks_running(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            assert herder.restart("a").result(DEADLINE_S).connector.state is RUNNING
            assert [call for call in GATES["a"].calls if call in ("start", "stop")] == ["start", "stop", "start"]
            assert len(built) == 2

    def test_that_fails_is_told(self) -> None:
        with herding() as herder:
            create(herder, "a")
            scripts["a"]["on.start"] = "raise"
            with pytest.raises(ConnectError, match="Failed to start connector a"):
                herder.restart("a").result(DEADLINE_S)

    @pytest.mark.parametrize(("include_tasks", "only_failed", "fail_task", "restarted"), [
        (True, False, False, "a 0 1"), (False, True, False, ""), (True, True, False, ""), (True, True, True, "0"),
        (False, True, True, "")])
    def test_restarts_what_was_selected_and_says_so(self, include_tasks: bool, only_failed: bool, fail_task: bool,
                                                    restarted: str) -> None:
        """26"""
        with herding() as herder:
            if fail_task:
                scripts["a"] |= {"task": "raise", "tasks": "1"}
            create(herder, "a")
            states = [FAILED] if fail_task else [RUNNING, RUNNING]
            wait_for(herder, "a", RUNNING, *states)
            scripts["a"].pop("task", None)
            before = len(built)
            planned = herder.restart("a", include_tasks, only_failed).result(DEADLINE_S)
            items = {"a": planned.connector, **{str(number): item for number, item in planned.tasks.items()}}
            assert {name for name, item in items.items() if item.state is State.RESTARTING} == set(restarted.split())
            after = [RUNNING if str(number) in restarted else state for number, state in enumerate(states)]
            wait_for(herder, "a", RUNNING, *after)
            assert len(built) - before == len([name for name in restarted.split() if name != "a"])
            if fail_task and restarted:
                assert planned.tasks[0].trace is not None  # Java keeps it too

    def test_of_a_task_makes_it_anew_in_any_state(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            herder.restart_task(TaskId("a", 1)).result(DEADLINE_S)
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            assert [spec.id.number for spec in built] == [0, 1, 1]

    def test_of_an_unknown_task_says_which(self) -> None:
        with herding() as herder:
            create(herder, "a")
            with pytest.raises(NotFoundError, match="Task a-7 not found"):
                herder.restart_task(TaskId("a", 7)).result(DEADLINE_S)
            with pytest.raises(ConnectError, match="Failed to start task x-0 since it is not a recognizable type"):
                herder.restart_task(TaskId("x", 0)).result(DEADLINE_S)


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


class TestShown:
    def test_the_call_a_task_is_stuck_in_stands_in_status_and_row(self) -> None:
        with herding({"task.stuck.timeout.ms": "1"}) as herder:
            scripts["a"]["task"] = "stuck"
            create(herder, "a", tasks_max="1")

            def stalled() -> bool:
                call = herder.status("a").tasks[0].call if 0 in herder.status("a").tasks else None
                return call is not None and call.stalled

            eventually(stalled, "stalled")
            call = herder.snapshot()[0].call
            assert call is not None
            assert call.name == "put"
            assert herder.status("a").tasks[0].state is RUNNING  # STALLED is no state of Connect's

    def test_a_failed_connector_has_a_row_of_its_own(self) -> None:
        with herding() as herder:
            scripts["a"]["on.start"] = "raise"
            with pytest.raises(ConnectError):
                create(herder, "a")
            [row] = herder.snapshot()
            assert (row.task, row.state, row.error) == (None, FAILED, "ConnectError: start was told to raise")

    def test_worker_metrics_count_starts(self) -> None:
        with herding() as herder:
            create(herder, "a")
            wait_for(herder, "a", RUNNING, RUNNING, RUNNING)
            scripts["b"]["on.start"] = "raise"
            with pytest.raises(ConnectError):
                create(herder, "b")
            values = herder.worker_metrics()
            assert values["connector_count"] == 2
            assert values["connector_startup_attempts_total"] == 2
            assert values["connector_startup_failure_percentage"] == 0.5
            assert values["task_startup_success_total"] == 2

    def test_health_is_starting_until_the_connectors_of_the_command_line_exist(self) -> None:
        with herding() as herder:
            herder._ready = False
            assert not herder.health().result(DEADLINE_S).ready
            herder.ready()
            assert herder.health().result(DEADLINE_S).ready

    def test_the_cluster_id_is_that_of_the_brokers(self) -> None:
        with herding() as herder:
            assert herder.kafka_cluster_id().result(DEADLINE_S)


def _task_threads(connector: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"task-{connector}-")]


def _end_source(herder: StandaloneHerder, name: str) -> None:
    from connectrt.worker.messages import CaughtUp

    task = TaskId(name, 0)
    herder._worker.tasks[task].runner._emit(CaughtUp(task))
