"""Draw what a worker does at this moment: one line per task, problems in full width below.

Colours are the terminal's own sixteen and never white or black, so they read on light and on dark backgrounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connectrt.cli.figures import clock, count, rate
from connectrt.herder.herder import TaskRow
from connectrt.worker.messages import State

_STYLES = {State.RUNNING: "green", State.PAUSED: "yellow", State.STOPPED: "yellow", State.FAILED: "bold red"}
#: Lines of the view that are not tasks: title, heads, spans, blanks and some problems.
_OTHER_LINES = 10
#: On a wider screen the numbers would stand too far from their names.
_WIDEST = 108


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """What is said of the worker as a whole."""

    doing: str  #: "running", "stopping: ..."
    seconds: float  #: since its start
    kafka: str
    rest: str | None
    spans_to: str | None  #: where spans go; None: nowhere
    spans_exported: int
    spans_dropped: int


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One picture of the worker, to be drawn again a few times a second."""

    rows: Sequence[TaskRow]
    worker: WorkerLine

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        shown = _most_urgent(self.rows, max(3, console.height - _OTHER_LINES))
        parts: list[RenderableType] = [_title(self.worker), Text(), _table(shown, min(options.max_width - 2, _WIDEST))]
        if hidden := len(self.rows) - len(shown):
            parts.append(Text(f"  and {hidden} more", style="dim"))
        if problems := [_problem(row, options.max_width - 2) for row in shown if row.error or _is_stalled(row)]:
            parts += [Text(), *problems]
        yield Padding(Group(*parts, Text(), _spans(self.worker)), (1, 1, 0, 1))


def _title(worker: WorkerLine) -> Text:
    title = Text(no_wrap=True, overflow="ellipsis")
    title.append("connectrt ", "bold")
    title.append(f"{worker.doing} ", "cyan")
    title.append(clock(worker.seconds))
    places = [f"kafka {worker.kafka}", *([f"rest {worker.rest}"] if worker.rest else [])]
    title.append("   " + "   ".join(places), "dim")
    return title


def _table(rows: Sequence[TaskRow], width: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", width=width)
    table.add_column("CONNECTOR", no_wrap=True, overflow="ellipsis", ratio=1, min_width=10)
    table.add_column("TASK", justify="right", no_wrap=True)
    table.add_column("STATE", no_wrap=True, min_width=9)
    for head in ("RECORDS IN", "RECORDS OUT", "RECORDS/S", "LAG"):
        table.add_column(head, justify="right", no_wrap=True, min_width=max(len(head), 6))
    for row in rows:
        table.add_row(
            Text(row.connector), "" if row.task is None else str(row.task), _state(row), count(row.records_in),
            count(row.records_out), rate(row.records_per_s), count(row.lag))
    return table


def _state(row: TaskRow) -> Text:
    if _is_stalled(row):
        return Text("STALLED", "bold yellow")
    return Text(str(row.state), _STYLES.get(row.state, "dim"))


def _is_stalled(row: TaskRow) -> bool:
    return row.call is not None and row.call.stalled


def _problem(row: TaskRow, width: int) -> Text:
    name = row.connector if row.task is None else f"{row.connector}-{row.task}"
    why = row.error
    if why is None and row.call is not None:
        why = f"{row.call.name} has not returned for {clock(row.call.seconds)}"
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append("✗ ", "red" if row.error else "yellow")
    line.append(f"{name}: ", "bold")
    line.append(why or "")
    line.truncate(width, overflow="ellipsis")
    return line


def _spans(worker: WorkerLine) -> Text:
    if worker.spans_to is None:
        return Text("spans are not exported: set OTEL_EXPORTER_OTLP_ENDPOINT to send them to a tracing backend", "dim",
                    no_wrap=True, overflow="ellipsis")
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"spans exported {count(worker.spans_exported)}")
    text.append(f", dropped {count(worker.spans_dropped)}", "bold red" if worker.spans_dropped else "dim")
    text.append(f"   to {worker.spans_to}", "dim")
    return text


def _most_urgent(rows: Sequence[TaskRow], most: int) -> Sequence[TaskRow]:
    """All rows, or those that fit: what does not run first."""
    if len(rows) <= most:
        return rows
    return sorted(rows, key=lambda row: row.state is State.RUNNING and not _is_stalled(row))[:most]
