"""Show a running worker on a terminal: the live table at the bottom, above it one record's trace and what is logged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

from connectrt.cli.live_table import LiveTable, WorkerLine
from connectrt.cli.summary import Summary
from connectrt.cli.trace_tree import TraceTree
from connectrt.cli.views import Rows
from connectrt.tracing.capture import Capture, story


class TerminalView:
    """Redraws in place; when it is left, the live table is gone and the terminal is as it was."""

    interval_s = 0.25

    def __init__(self, console: Console, rows: Rows, worker: Callable[[str], WorkerLine], capture: Capture,
                 servers: Sequence[str] = ()) -> None:
        """`worker` tells of the worker as a whole; `servers` were started for this run."""
        self._console = console
        self._rows = rows
        self._worker = worker
        self._servers = servers
        self._capture: Capture | None = capture
        # Log lines go above the table, unless standard error is not this terminal.
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=sys.stderr.isatty())

    def __enter__(self) -> TerminalView:
        for server in self._servers:
            self._console.print(f" started for this run: {server}", style="dim", highlight=False)
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def refresh(self, doing: str) -> None:
        if self._capture is not None and (lines := story(self._capture.spans())):
            self._console.print(TraceTree(lines))
            self._capture = None
        self._live.update(LiveTable(self._rows(), self._worker(doing)), refresh=True)

    def finish(self, summary: Summary) -> None:
        self._live.stop()
        self._console.print(summary)
