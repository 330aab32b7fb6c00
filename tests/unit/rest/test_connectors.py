"""REST of connectors against what Kafka Connect 4.3.1 answers in standalone mode."""

from __future__ import annotations

import pytest

from connectrt.worker.messages import State
from tests.unit.herder.scripted import GATES, SINK, eventually, scripts, wait_for
from tests.unit.rest.conftest import Client

RUNNING, PAUSED, FAILED = State.RUNNING, State.PAUSED, State.FAILED
TWO_TASKS = [{"connector": "a", "task": 0}, {"connector": "a", "task": 1}]


def create(rest: Client, config: dict[str, object] | None = None) -> None:
    answer = rest.ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": 2, **(config or {})}})
    assert answer.status == 201, answer.text


class TestCreate:
    def test_tells_the_connector_with_its_name_in_the_config_and_where_it_is(self, rest: Client) -> None:
        answer = rest.ask("POST", "/connectors", {"name": " a ", "config": {**SINK, "tasks.max": 2}})
        assert (answer.status, answer.content_type) == (201, "application/json")
        assert answer.json == {"name": "a", "config": {**SINK, "tasks.max": "2", "name": "a"}, "tasks": TWO_TASKS,
                               "type": "sink"}
        assert answer.headers["location"] == f"http://{rest.address}/connectors/a"

    def test_quotes_the_name_in_the_location(self, rest: Client) -> None:
        answer = rest.ask("POST", "/connectors", {"name": "ż a.b_c-d:e,f@g!h$i'j(k)*~", "config": SINK})
        assert answer.headers["location"].endswith("/connectors/%C5%BC%20a.b_c-d:e,f@g!h$i'j(k)*~")
        assert rest.get("/connectors/%C5%BC%20a.b_c-d%3Ae,f%40g!h$i'j(k)*~").status == 200

    def test_keeps_numbers_as_they_were_written(self, rest: Client) -> None:
        body = ('{"name": "a", "config": {"connector.class": "ScriptedSink", "topics": "t", '
                '"big": 12345678901234567890, "float": 1.50, "exponent": 1e+30, "flag": true, "twice": 1, "twice": 2}}')
        assert rest.ask("POST", "/connectors", body).status == 201
        config = rest.get("/connectors/a/config").json
        assert isinstance(config, dict)
        assert [config[key] for key in ("big", "float", "exponent", "flag", "twice")] == [
            "12345678901234567890", "1.50", "1e+30", "true", "2"]

    @pytest.mark.parametrize("state", ["PAUSED", "stopped"])
    def test_takes_an_initial_state_in_any_letter_case(self, rest: Client, state: str) -> None:
        body = {"name": "a", "config": SINK, "initial_state": state}
        assert rest.ask("POST", "/connectors", body).status == 201
        wait_for(rest.herder, "a", State(state.upper()))

    def test_of_an_existing_name_is_a_conflict(self, rest: Client) -> None:
        create(rest)
        answer = rest.ask("POST", "/connectors", {"name": "a", "config": SINK})
        assert answer.json == {"error_code": 409, "message": "Connector a already exists"}

    @pytest.mark.parametrize("body", [
        "{", "not json", "", "null", "[]", "{}", '"text"', "1", '{"name": "a", "config": {}} trailing', b"\xff\xfe",
        '{"name": {"a": 1}, "config": {}}', '{"name": "a", "config": []}', '{"name": "a", "config": {"a": {"b": 1}}}',
        '{"name": "a", "config": {"a": [1]}}', '{"name": "a", "config": {"a": NaN}}', "[" * 100_000,
        '{"name": "a", "config": {"connector.class": "ScriptedSink"}, "extra": 1}',
        '{"name": "a", "config": {"connector.class": "ScriptedSink"}, "initial_state": "ASLEEP"}'])
    def test_of_a_malformed_body_is_500_as_in_java(self, rest: Client, body: str | bytes) -> None:
        answer = rest.ask("POST", "/connectors", body)
        assert answer.status == 500
        assert isinstance(answer.json, dict)
        assert answer.json["error_code"] == 500
        assert rest.get("/connectors").json == []

    @pytest.mark.parametrize(("name", "config", "message"), [
        ("a", {"topics": "t"}, "contains no connector type"),
        ("a", {**SINK, "connector.class": None}, "contains no connector type"),
        ("a", {**SINK, "name": "b"}, "Connector name configuration (b) doesn't match connector name in the URL (a)"),
        (None, {**SINK, "name": "b"}, "doesn't match connector name in the URL ()"),
        ("", SINK, "Invalid value  for configuration name: String may not be empty"),
        ("a", {**SINK, "x": None}, "Null value can not be supplied as the configuration value."),
        ("a", {**SINK, "connector.class": "Nope"}, "Failed to find any class that implements Connector")])
    def test_of_an_invalid_config_is_400_and_says_why(self, rest: Client, name: str | None, config: dict[str, object],
                                                      message: str) -> None:
        answer = rest.ask("POST", "/connectors", {"name": name, "config": config})
        assert answer.status == 400
        assert isinstance(answer.json, dict)
        assert message in answer.json["message"]

    def test_counts_the_errors_and_points_to_validate(self, rest: Client) -> None:
        answer = rest.ask("POST", "/connectors", {"name": "a", "config": {**SINK, "tasks.max": "0"}})
        assert isinstance(answer.json, dict)
        assert answer.json["message"] == (
            "Connector configuration is invalid and contains the following 1 error(s):\n"
            "Invalid value 0 for configuration tasks.max: Value must be at least 1\n"
            "You can also find the above list of errors at the endpoint "
            "`/connector-plugins/{connectorType}/config/validate`")

    def test_with_a_start_that_raises_is_500_and_keeps_the_connector(self, rest: Client) -> None:
        scripts["a"]["on.start"] = "raise"
        assert rest.ask("POST", "/connectors", {"name": "a", "config": SINK}).status == 500
        status = rest.get("/connectors/a/status").json
        assert isinstance(status, dict)
        assert status["connector"]["state"] == "FAILED"
        assert "start was told to raise" in status["connector"]["trace"]


class TestPut:
    def test_creates_and_then_replaces(self, rest: Client) -> None:
        first = rest.ask("PUT", "/connectors/a/config", SINK)
        assert (first.status, first.headers["location"]) == (201, f"http://{rest.address}/connectors/a")
        second = rest.ask("PUT", "/connectors/a/config", {**SINK, "tasks.max": "2", "name": "a"})
        assert (second.status, "location" in second.headers) == (200, False)
        assert second.json == {"name": "a", "config": {**SINK, "tasks.max": "2", "name": "a"}, "tasks": TWO_TASKS,
                               "type": "sink"}

    def test_under_another_name_is_400(self, rest: Client) -> None:
        answer = rest.ask("PUT", "/connectors/a/config", {**SINK, "name": "b"})
        assert answer.status == 400


class TestRead:
    def test_status_names_worker_version_and_tasks(self, rest: Client) -> None:
        create(rest)
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        item = {"state": "RUNNING", "worker_id": "127.0.0.1:8083", "version": "7.1"}
        assert rest.get("/connectors/a/status").json == {
            "name": "a", "connector": item, "tasks": [{"id": 0, **item}, {"id": 1, **item}], "type": "sink"}
        assert rest.get("/connectors/a/tasks/01/status").json == {"id": 1, **item}

    def test_what_java_does_not_have_stands_under_one_key(self, rest: Client) -> None:
        scripts["a"]["task"] = "stuck"
        create(rest, {"tasks.max": 1})
        eventually(lambda: "connectrt" in rest.get("/connectors/a/tasks/0/status").text, "a call")
        status = rest.get("/connectors/a/tasks/0/status").json
        assert isinstance(status, dict)
        assert status.keys() == {"id", "state", "worker_id", "version", "connectrt"}
        assert status["connectrt"]["call"]["name"] == "put"
        assert status["connectrt"]["health"] == "BUSY"

    def test_secrets_are_never_resolved_in_an_answer(self, rest: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PASSWORD", "s3cret")
        create(rest, {"password": "${env:PASSWORD}"})
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        for path in ("connectors/a", "connectors/a/config", "connectors/a/tasks", "connectors?expand=info", "metrics"):
            assert "s3cret" not in rest.get(f"/{path}").text
        assert "${env:PASSWORD}" in rest.get("/connectors/a/tasks").text

    def test_list_expands_what_is_asked_for(self, rest: Client) -> None:
        create(rest)
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        assert rest.get("/connectors").json == ["a"]
        info, status = rest.get("/connectors/a").json, rest.get("/connectors/a/status").json
        assert rest.get("/connectors?expand=info").json == {"a": {"info": info}}
        assert rest.get("/connectors?expand=info&expand=status").json == {"a": {"info": info, "status": status}}
        for unknown in ("expand=", "expand", "expand=STATUS", "expand=status,info"):
            assert rest.get(f"/connectors?{unknown}").json == {"a": {}}

    def test_a_connector_without_status_is_left_out_of_expand_status_only(self, rest: Client) -> None:
        scripts["a"]["on.start"] = "block"
        rest.herder.put_connector_config("a", SINK)
        eventually(lambda: "start" in GATES["a"].calls, "start")
        assert rest.get("/connectors?expand=status").json == {}
        assert rest.get("/connectors/a/status").status == 404
        assert isinstance(rest.get("/connectors?expand=info").json, dict)

    @pytest.mark.parametrize(("method", "path", "status", "message"), [
        ("GET", "/connectors/x", 404, "Connector x not found"),
        ("GET", "/connectors/x/config", 404, "Connector x not found"),
        ("GET", "/connectors/x/tasks", 404, "Connector x not found"),
        ("GET", "/connectors/x/status", 404, "No status found for connector x"),
        ("GET", "/connectors/x/tasks/-1/status", 404, "No status found for task x--1"),
        ("DELETE", "/connectors/x", 404, "Connector x not found"),
        ("PUT", "/connectors/x/pause", 404, "Unknown connector x"),
        ("PUT", "/connectors/x/resume", 404, "Unknown connector x"),
        ("PUT", "/connectors/x/stop", 500, "No connector `x` configured"),
        ("POST", "/connectors/x/restart", 500, "Connector x not found"),
        ("POST", "/connectors/x/restart?onlyFailed=TRUE", 404, "Unknown connector: x"),
        ("POST", "/connectors/x/tasks/0/restart", 500, "Failed to start task x-0 since it is not a recognizable type")])
    def test_an_unknown_name_is_told_as_java_tells_it(self, rest: Client, method: str, path: str, status: int,
                                                      message: str) -> None:
        answer = rest.ask(method, path)
        assert (answer.status, answer.content_type) == (status, "application/json")
        assert isinstance(answer.json, dict)
        assert answer.json["error_code"] == status
        assert answer.json["message"].startswith(message)

    @pytest.mark.parametrize("number", ["abc", "1.0", "99999999999", "2147483648", "", "9" * 5000])
    def test_a_task_number_that_is_no_java_int_is_no_path(self, rest: Client, number: str) -> None:
        answer = rest.get(f"/connectors/a/tasks/{number}/status")
        assert answer.status in (400, 404)
        if answer.status == 404:
            assert (answer.content_type, answer.json) == (None, {"error_code": 404, "message": "HTTP 404 Not Found"})


class TestChange:
    def test_pause_resume_stop_and_delete_answer_without_a_body(self, rest: Client) -> None:
        create(rest)
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        for request, status, states in (("pause", 202, [PAUSED] * 3), ("resume", 202, [RUNNING] * 3),
                                        ("stop", 204, [State.STOPPED])):
            answer = rest.ask("PUT", f"/connectors/a/{request}")
            assert (answer.status, answer.text, answer.content_type) == (status, "", None)
            wait_for(rest.herder, "a", *states)
        assert rest.get("/connectors/a/tasks").json == []
        assert rest.ask("DELETE", "/connectors/a").status == 204
        assert rest.get("/connectors").json == []

    def test_restart_is_synchronous_without_parameters_and_tells_a_plan_with_them(self, rest: Client) -> None:
        create(rest)
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        assert rest.ask("POST", "/connectors/a/restart?includeTasks=false").status == 204
        answer = rest.ask("POST", "/connectors/a/restart?includeTasks=True")
        assert answer.status == 202
        assert isinstance(answer.json, dict)
        assert answer.json["connector"]["state"] == answer.json["tasks"][1]["state"] == "RESTARTING"
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
        assert rest.ask("POST", "/connectors/a/tasks/0/restart").status == 204
        assert rest.ask("POST", "/connectors/a/tasks/7/restart").status == 404
        wait_for(rest.herder, "a", RUNNING, RUNNING, RUNNING)
