"""What holds for every path: methods, media types, malformed targets, errors nobody foresaw."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrt.rest.errors import MalformedRequestError
from connectrt.rest.paths import clean_path
from tests.unit.rest.conftest import Client


class TestMethods:
    @pytest.mark.parametrize("path", ["/nope", "/connectors/a/nope", "/Connectors", "/connectors/a/tasks/0",
                                      "/connectors/a/tasks-config", "/favicon.ico"])
    def test_an_unknown_path_is_404_without_a_content_type(self, rest: Client, path: str) -> None:
        answer = rest.get(path)
        assert (answer.status, answer.content_type) == (404, None)
        assert answer.json == {"error_code": 404, "message": "HTTP 404 Not Found"}

    @pytest.mark.parametrize(("method", "path"), [
        ("PUT", "/connectors"), ("DELETE", "/connectors"), ("POST", "/"), ("POST", "/health"),
        ("POST", "/connectors/a"), ("GET", "/connectors/a/restart"), ("GET", "/connectors/a/pause"),
        ("POST", "/connectors/a/stop")])
    def test_a_wrong_method_is_405_without_allow(self, rest: Client, method: str, path: str) -> None:
        answer = rest.ask(method, path)
        assert (answer.status, answer.content_type, answer.headers.get("allow")) == (405, None, None)
        assert answer.json == {"error_code": 405, "message": "HTTP 405 Method Not Allowed"}

    def test_options_lists_the_methods_and_head_works_where_get_does(self, rest: Client) -> None:
        answer = rest.ask("OPTIONS", "/connectors")
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert answer.headers["allow"] == "GET,HEAD,OPTIONS,POST"
        head = rest.ask("HEAD", "/connectors")
        assert (head.status, head.content_type) == (200, "application/json")

    def test_a_trailing_slash_and_path_parameters_are_ignored(self, rest: Client) -> None:
        assert rest.get("/connectors/").json == []
        assert rest.get("/connectors;v=1").json == []
        assert rest.get("/connectors/a%3Bb").json == {"error_code": 404, "message": "Connector a;b not found"}


class TestMediaTypes:
    @pytest.mark.parametrize(("given", "status", "content_type"), [
        ("text/plain", 415, None), ("application/vnd.kafka+json", 415, None), ("", 415, "application/json"),
        ("nonsense", 400, "text/html;charset=iso-8859-1"),
        ("application/json; charset=utf-8", 400, "application/json")])
    def test_a_body_must_be_json(self, rest: Client, given: str, status: int, content_type: str | None) -> None:
        answer = rest.ask("POST", "/connectors", '{"name": "a", "config": {}}', Content_Type=given)
        assert (answer.status, answer.content_type) == (status, content_type)

    def test_the_check_also_hits_paths_that_take_no_body(self, rest: Client) -> None:
        assert rest.ask("PUT", "/connectors/a/resume", "x", Content_Type="text/plain").status == 415

    def test_who_does_not_accept_json_gets_406(self, rest: Client) -> None:
        assert rest.ask("GET", "/connectors", Accept="text/html").status == 406
        assert rest.ask("GET", "/connectors", Accept="text/html, */*;q=0.1").status == 200
        assert rest.ask("GET", "/metrics", Accept="text/plain").status == 200


class TestPaths:
    @pytest.mark.parametrize("path", [
        "//", "/connectors/a%2Fb", "/connectors/a%25b", "/connectors/a%5Cb", "/connectors/%2E%2E", "/connectors/%2e",
        "/connectors/a%", "/connectors/a%zz", "/connectors/a%0Ab", "/connectors/a%00b", "/connectors/%FF%FE"])
    def test_a_path_java_refuses_is_a_page_for_get_and_nothing_for_others(self, rest: Client, path: str) -> None:
        page = rest.get(path)
        assert (page.status, page.content_type) == (400, "text/html;charset=iso-8859-1")
        nothing = rest.ask("DELETE", path)
        assert (nothing.status, nothing.text) == (400, "")

    def test_a_path_that_is_too_long_is_414(self, rest: Client) -> None:
        assert rest.get("/connectors/" + "a" * 9000).status == 414

    @given(st.binary())
    def test_any_bytes_are_a_path_or_refused(self, raw: bytes) -> None:
        try:
            path = clean_path(raw)
        except MalformedRequestError:
            return
        assert path == "/" or not path.endswith("/")

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/%\\;.")))
    def test_a_quoted_name_comes_out_as_it_was(self, name: str) -> None:
        assert clean_path(f"/connectors/{quote(name, safe='')}".encode()) == f"/connectors/{name}".rstrip("/")


def test_an_error_nobody_foresaw_is_500_with_its_message(rest: Client, monkeypatch: pytest.MonkeyPatch,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> object:
        raise ValueError("broken")

    monkeypatch.setattr(rest.herder, "connectors", broken)
    assert rest.get("/connectors").json == {"error_code": 500, "message": "broken"}
    assert "a request failed" in caplog.text
