"""Log lines, for people and as JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest

from connectrt.cli.logs import LEVELS, JsonFormatter, TextFormatter, set_up_logging
from connectrt.worker.runner import current_item

log = logging.getLogger("connectrt.test")


@pytest.fixture(autouse=True)
def _root_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers, logging.root.level
    yield
    logging.root.handlers = handlers
    logging.root.setLevel(level)


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    return log.makeRecord(log.name, logging.INFO, "file", 1, message, args, None, extra=extra)


def test_a_line_for_people_has_time_level_task_message_and_what_varies() -> None:
    token = current_item.set("pg-sink-0")
    line = TextFormatter().format(record("offsets committed", action="commit", records=500, took_s=0.00412, why="a b"))
    current_item.reset(token)
    at, _, rest = line.partition(" ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", at)
    assert rest == "INFO    pg-sink-0: offsets committed records=500 took_s=0.00412 why='a b'"


def test_a_json_line_has_the_same_as_keys() -> None:
    line = json.loads(JsonFormatter().format(record("batch of %d put", 3, action="put", records=3, message_id=object)))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "logger": "connectrt.test", "message": "batch of 3 put", "action": "put",
                    "records": 3, "message_id": "<class 'object'>"}


def test_extras_never_hide_what_every_line_has() -> None:
    line = json.loads(JsonFormatter().format(record("real", level="fake", time="fake")))
    assert (line["message"], line["level"]) == ("real", "INFO")
    assert line["time"] != "fake"


def test_an_exception_follows_its_line() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        one = log.makeRecord(log.name, logging.ERROR, "file", 1, "failed", (), sys.exc_info())
    assert TextFormatter().format(one).splitlines()[-1] == "ValueError: bad"
    assert json.loads(JsonFormatter().format(one))["exception"].endswith("ValueError: bad")


def test_lines_go_to_what_standard_error_is_at_that_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_logging("INFO", "text")
    replaced = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replaced)
    log.info("seen")
    log.debug("not seen")
    assert replaced.getvalue().endswith("seen\n")
    assert "not seen" not in replaced.getvalue()


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_of_log4j_is_understood(level: str) -> None:
    set_up_logging(level, "json")
    assert logging.root.level == LEVELS[level]
