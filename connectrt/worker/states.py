"""Say which state of a connector or task may follow which, and what status shows of a failure.

Invariant: an item leaves FAILED only by being stopped or restarted; what else it reports then is not believed.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectrt.errors import ConnectError
from connectrt.worker.messages import State

Transitions = Mapping[State | None, frozenset[State]]

_BEGINS: Final = frozenset({State.RUNNING, State.PAUSED, State.FAILED, State.UNASSIGNED})

#: What a task may report next; None: it has reported nothing yet.
TASK: Transitions = {
    None: _BEGINS,
    State.RESTARTING: _BEGINS,
    State.RUNNING: frozenset({State.PAUSED, State.FAILED, State.UNASSIGNED}),
    State.PAUSED: frozenset({State.RUNNING, State.FAILED, State.UNASSIGNED}),
    State.UNASSIGNED: frozenset({State.FAILED}),
    State.FAILED: frozenset(),
}

#: What a connector may report next.
CONNECTOR: Transitions = {
    None: _BEGINS | {State.STOPPED},
    State.RESTARTING: _BEGINS | {State.STOPPED},
    State.RUNNING: frozenset({State.PAUSED, State.STOPPED, State.FAILED, State.UNASSIGNED}),
    State.PAUSED: frozenset({State.RUNNING, State.STOPPED, State.FAILED, State.UNASSIGNED}),
    State.STOPPED: frozenset({State.RUNNING, State.PAUSED, State.FAILED, State.UNASSIGNED}),
    State.UNASSIGNED: frozenset({State.FAILED}),
    State.FAILED: frozenset({State.STOPPED, State.UNASSIGNED}),
}


@dataclass(frozen=True, slots=True)
class Status:
    state: State
    trace: str | None = None


def following(transitions: Transitions, before: Status | None, state: State, trace: str | None = None) -> Status | None:
    """Return the status after `state` was reported; None: it cannot follow, and the status stays as it is."""
    if state not in transitions[before.state if before else None]:
        return None
    return Status(state, trace)


def restarting(before: Status | None) -> Status:
    """The status of an item that is about to be made anew; like Java's it keeps the old trace."""
    return Status(State.RESTARTING, before.trace if before else None)


def trace_of(error: BaseException) -> str:
    """What status shows of a failure: class and message, then the stack."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return f"{name}: {error}\n" + "".join(traceback.format_exception(error))


def first_line(trace: str) -> str:
    """The message of a `trace_of`, without the name of one of our own error classes."""
    line = trace.partition("\n")[0]
    return line.removeprefix(f"{ConnectError.__module__}.")
