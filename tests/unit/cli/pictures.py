"""Build what the views draw."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

from connectrt.cli.live_table import WorkerLine
from connectrt.herder.herder import ConnectorType, PluginCall, TaskRow
from connectrt.tracing.capture import StoryLine
from connectrt.worker.messages import State


def draw(picture: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines as a terminal of this size shows them, without colours."""
    console = Console(file=StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(picture)
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def row(connector: str = "pg-sink", task: int | None = 0, state: State = State.RUNNING, *, records_in: int = 0,
        records_out: int = 0, per_s: float = 0.0, lag: int | None = None, error: str | None = None,
        call: PluginCall | None = None) -> TaskRow:
    return TaskRow(connector, task, ConnectorType.SINK, state, call, records_in, records_out, per_s, lag, error)


def worker(doing: str = "running", *, spans_to: str | None = "http://localhost:4318", dropped: int = 0) -> WorkerLine:
    return WorkerLine(doing, 62.0, "localhost:9092", "http://127.0.0.1:8083", spans_to, 1234, dropped)


def line(depth: int, name: str, kind: str = "CLIENT", offset_us: int = 0, took_us: int = 100, attached: str = "child",
         trace: str = "a") -> StoryLine:
    assert attached in ("root", "child", "link")
    return StoryLine(depth, name, kind, offset_us * 1000, took_us * 1000, attached, trace * 32)  # type: ignore[arg-type]
