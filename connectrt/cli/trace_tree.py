"""Draw one record's way through all its spans as a tree, with times; ↪ marks a step that hangs on a link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from connectrt.cli.figures import duration
from connectrt.tracing.capture import StoryLine

_TRACE_FROM_WIDTH, _KIND_FROM_WIDTH, _BAR_FROM_WIDTH, _WIDEST = 60, 76, 104, 130
_BAR_WIDTH = 30
_KIND_STYLES = {"PRODUCER": "green", "CONSUMER": "magenta", "CLIENT": "blue", "INTERNAL": "cyan"}


class TraceTree:
    """A picture of `story(...)`; columns are left out where the terminal is narrow."""

    def __init__(self, lines: Sequence[StoryLine]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = min(options.max_width - 2, _WIDEST)
        end_ns = max(line.offset_ns + line.duration_ns for line in self._lines)
        traces = len({line.trace_id for line in self._lines})
        in_traces = f"in {traces} linked traces" if traces > 1 else "in one trace"
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append("one record's way", "bold").append(f"  {duration(end_ns)} {in_traces}")
        yield Padding(head, (1, 1, 0, 1))
        yield Padding(self._table(width, end_ns), (0, 1, 0, 1))

    def _table(self, width: int, end_ns: int) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False, width=width)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        optional = (width >= _KIND_FROM_WIDTH, width >= _TRACE_FROM_WIDTH, width >= _BAR_FROM_WIDTH)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for _ in compress(optional, optional):
            table.add_column(no_wrap=True)
        before: str | None = None
        for guide, line in zip(guides([line.depth for line in self._lines]), self._lines, strict=True):
            style = _KIND_STYLES.get(line.kind, "")
            trace = "" if line.trace_id == before else f"trace {line.trace_id[:8]}…"
            before = line.trace_id
            place = bar(line.offset_ns, line.duration_ns, end_ns)
            extra = (Text(line.kind, style), Text(trace, "dim"), Text(place, style))
            table.add_row(_name(guide, line), Text(f"+{duration(line.offset_ns)}", "dim"),
                          duration(line.duration_ns), *compress(extra, optional))
        return table


def guides(depths: Sequence[int]) -> list[str]:
    """Return the tree's lines left of each name: `├─ `, `│  └─ `."""
    drawn: list[str] = []
    for at, depth in enumerate(depths):
        text = ""
        for level in range(1, depth + 1):
            # A branch of this level goes on if it comes back before the tree leaves its parent.
            later = next((other for other in depths[at + 1:] if other <= level), -1)
            if level == depth:
                text += "├─ " if later == level else "└─ "
            else:
                text += "│  " if later == level else "   "
        drawn.append(text)
    return drawn


def bar(offset_ns: int, duration_ns: int, end_ns: int, width: int = _BAR_WIDTH) -> str:
    """Return the span's place between 0 and `end_ns`, at least one character long."""
    scale = width / max(end_ns, 1)
    start = min(int(offset_ns * scale), width - 1)
    length = max(1, round(duration_ns * scale))
    return " " * start + "━" * min(length, width - start)


def _name(guide: str, line: StoryLine) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(guide, "dim")
    if line.attached == "link":
        text.append("↪ ", "yellow")
    text.append(line.name, "" if line.depth else "bold")
    return text
