"""Everything a worker and its tasks say to each other: commands go in, events come out, nothing else is shared.

Invariant: every message is immutable and can be pickled, so a task may run in a thread or in a process of its own.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class TaskId(NamedTuple):
    """One task of one connector; prints as `pg-sink-0`."""

    connector: str
    number: int

    def __str__(self) -> str:
        return f"{self.connector}-{self.number}"


class State(enum.StrEnum):
    """What a connector or task is doing, in Kafka Connect's words (spec: REST `state`)."""

    UNASSIGNED = "UNASSIGNED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    RESTARTING = "RESTARTING"


class Command(enum.Enum):
    """What a worker asks of a task."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"  #: finish the batch in hand, commit, close
    CANCEL = "cancel"  #: the graceful timeout is over: commit nothing more, give up retries, end
    CATCH_UP = "catch_up"  #: sinks: tell with CaughtUp when all records written until now are committed


@dataclass(frozen=True, slots=True)
class StateChanged:
    task: TaskId
    state: State
    #: FAILED: what happened and what to do, then the stack trace.
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class MetricsTaken:
    """The task's counters and gauges; sent at most once a second, at every state change and at the end."""

    task: TaskId
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TopicUsed:
    """First record of a topic since start: for GET /connectors/{c}/topics (KIP-558)."""

    task: TaskId
    topic: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The source has ended, or the sink has committed all that was in its topics at CATCH_UP."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class DestinationCounted:
    """A sink's own count of what stands at its targets, taken after the last commit."""

    task: TaskId
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """The task's code has returned for good; its last message."""

    task: TaskId


Event = StateChanged | MetricsTaken | TopicUsed | CaughtUp | DestinationCounted | Ended
Emit = Callable[[Event], None]
