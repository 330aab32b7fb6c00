"""A single worker's herder: connectors are created and replaced. Numbers are Connect's conformance cases."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from connectrt.errors import AlreadyExistsError, ConnectError
from connectrt.herder.herder import ConnectorType
from connectrt.worker.messages import State, TaskId
from tests.unit.herder.scripted import (
    DEADLINE_S,
    GATES,
    SINK,
    built,
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
            assert herder.kafka_cluster_id().result(DEADLINE_S) == "memory"

    def test_the_cluster_id_is_unknown_while_no_broker_answers_and_asked_for_once(
            self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("connectrt.herder.standalone.CLUSTER_ID_TIMEOUT_S", 0.01)
        with herding() as herder:
            asked, answered = [], threading.Event()

            def silent(config: object) -> object:
                asked.append(config)
                answered.wait(DEADLINE_S)
                raise ConnectError("no broker")

            monkeypatch.setattr(herder._around.clients, "admin", silent)
            assert herder.kafka_cluster_id().result(DEADLINE_S) is None
            assert herder.kafka_cluster_id().result(DEADLINE_S) is None
            assert len(asked) == 1
            answered.set()


def _task_threads(connector: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"task-{connector}-")]
