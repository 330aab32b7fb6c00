"""`connectrt start`: run connectors from config files until a signal, or until they are drained."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import click

from connectrt.cli.exit_codes import MEANINGS
from connectrt.cli.logs import FORMATS, LEVELS, set_up_logging
from connectrt.cli.signals import StopSignals

if TYPE_CHECKING:
    from connectrt.cli.running import Running
    from connectrt.cli.views import View

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<6} {meaning}" for code, meaning in MEANINGS)


@click.command("start", epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dev", is_flag=True, help="Start the broker and the PostgreSQL that the config expects on this machine "
                                          "and that nobody offers; they and their data are gone at the end.")
@click.option("--drain", is_flag=True, help="End when all sources have ended and the sinks have written everything "
                                            "that was in their topics by then.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE",
              help="Set a key of the worker, or connectors.NAME.KEY. Wins over CONNECT_... variables and files.")
@click.option("--plain", is_flag=True, help="Log lines only, also on a terminal.")
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--log-level", type=click.Choice(list(LEVELS), case_sensitive=False),
              envvar="CONNECT_LOG4J_ROOT_LOGLEVEL", help="Default: INFO; WARN below a live table.")
@click.option("--debug", is_flag=True, help="Log everything of connectrt, and show where errors happened.")
def command(files: tuple[Path, ...], dev: bool, drain: bool, sets: tuple[str, ...], plain: bool, log_format: str,
            log_level: str | None, debug: bool) -> None:
    """Run the connectors of config FILES, or of all files of folders.

    A file holds one connector, or the sections worker: and connectors:, as YAML, JSON or Java .properties.

    SIGTERM stops: what is under way is finished and committed. Ctrl-C does so as well, after the sinks have written
    what the sources of this worker sent. A second one of either ends at once.
    """
    began = time.monotonic()
    on_terminal = sys.stdout.isatty() and not plain
    set_up_logging("DEBUG" if debug else log_level or ("WARN" if on_terminal else "INFO"), log_format)
    events: SimpleQueue[object] = SimpleQueue()
    with StopSignals(events), ExitStack() as stack:
        from connectrt.cli.running import open_worker
        from connectrt.cli.session import Session

        running = stack.enter_context(open_worker(
            files, sets, os.environ, dev=dev, keep_spans=on_terminal, count_destinations=on_terminal or drain))
        view = stack.enter_context(_view(running, on_terminal, began))
        Session(running, view, events, began).run(drain=drain)


def _view(running: Running, on_terminal: bool, began: float) -> View:
    if running.capture is None or not on_terminal:
        from connectrt.cli.views import LogView

        return LogView(running.herder.snapshot)
    from rich.console import Console

    from connectrt.cli.live_table import WorkerLine
    from connectrt.cli.terminal import TerminalView

    def worker(doing: str) -> WorkerLine:
        return WorkerLine(doing, time.monotonic() - began, running.kafka, running.rest, running.spans_to,
                          running.tracing.spans_exported(), running.tracing.spans_dropped())

    return TerminalView(Console(), running.herder.snapshot, worker, running.capture, running.servers)
