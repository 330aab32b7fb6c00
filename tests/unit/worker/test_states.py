"""The whole table of states: what may follow what, and what is not believed."""

from __future__ import annotations

import itertools

import pytest

from connectrt.errors import ConnectError
from connectrt.worker.messages import State
from connectrt.worker.states import CONNECTOR, TASK, Status, Transitions, first_line, following, restarting, trace_of

UNASSIGNED, RUNNING, PAUSED, STOPPED, FAILED, RESTARTING = (
    State.UNASSIGNED, State.RUNNING, State.PAUSED, State.STOPPED, State.FAILED, State.RESTARTING)

# Columns: what is reported; "x" = believed.
TASK_TABLE = """
             UNASSIGNED RUNNING PAUSED STOPPED FAILED RESTARTING
None         x          x       x      .       x      .
UNASSIGNED   .          .       .      .       x      .
RUNNING      x          .       x      .       x      .
PAUSED       x          x       .      .       x      .
FAILED       .          .       .      .       .      .
RESTARTING   x          x       x      .       x      .
"""
CONNECTOR_TABLE = """
             UNASSIGNED RUNNING PAUSED STOPPED FAILED RESTARTING
None         x          x       x      x       x      .
UNASSIGNED   .          .       .      .       x      .
RUNNING      x          .       x      x       x      .
PAUSED       x          x       .      x       x      .
STOPPED      x          x       x      .       x      .
FAILED       x          .       .      x       .      .
RESTARTING   x          x       x      x       x      .
"""


def believed(table: str) -> set[tuple[State | None, State]]:
    head, *rows = table.strip("\n").splitlines()
    columns = [State(name) for name in head.split()]
    cells = ((row.split()[0], row.split()[1:]) for row in rows)
    return {(None if name == "None" else State(name), state)
            for name, marks in cells for state, mark in zip(columns, marks, strict=True) if mark == "x"}


@pytest.mark.parametrize(("transitions", "table"), [(TASK, TASK_TABLE), (CONNECTOR, CONNECTOR_TABLE)],
                         ids=["task", "connector"])
def test_every_pair_of_states_is_believed_or_not_as_the_table_says(transitions: Transitions, table: str) -> None:
    for before, reported in itertools.product(transitions, State):
        after = following(transitions, Status(before) if before else None, reported, "why")
        expected = Status(reported, "why") if (before, reported) in believed(table) else None
        assert after == expected, (before, reported)


def test_a_failure_is_believed_in_every_state_that_is_not_a_failure() -> None:
    for transitions in (TASK, CONNECTOR):
        for before in transitions:
            assert (following(transitions, Status(before) if before else None, FAILED) is None) == (before is FAILED)


def test_an_item_that_restarts_keeps_its_trace_until_it_reports() -> None:
    failed = Status(FAILED, "why")
    again = restarting(failed)
    assert again == Status(RESTARTING, "why")
    assert following(TASK, again, RUNNING) == Status(RUNNING, None)
    assert restarting(None) == Status(RESTARTING, None)


def test_a_trace_begins_with_class_and_message_and_holds_the_stack() -> None:
    try:
        raise ConnectError("no broker\nsecond line")
    except ConnectError as error:
        trace = trace_of(error)
    assert trace.startswith("connectrt.errors.ConnectError: no broker\nsecond line\nTraceback (most recent call last):")
    assert "test_a_trace_begins_with" in trace
    assert first_line(trace) == "ConnectError: no broker"
