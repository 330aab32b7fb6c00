"""A single worker's herder: states, task configs, restarts. Numbers are Connect's conformance cases."""

from __future__ import annotations

import itertools

import pytest

from connectrt.errors import ConnectError, NotFoundError
from connectrt.worker.messages import State, TaskId
from tests.unit.herder.scripted import (
    DEADLINE_S,
    GATES,
    built,
    contexts,
    create,
    eventually,
    herding,
    scripts,
    wait_for,
)

RUNNING, PAUSED, STOPPED, FAILED = State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED


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


