"""Turn what ended the command into its exit code and into words for a person.

Invariant: this is the one table of exit codes; `connectrt start --help` prints it.
"""

from __future__ import annotations

import enum
import sys
import traceback

from connectrt.errors import ConfigError, ConfigErrors, ConnectError, PluginError


class ExitCode(enum.IntEnum):
    OK = 0
    USAGE = 1
    ERROR = 2
    FAILED = 3


#: What each means. Apart from these: 128 + the signal's number.
MEANINGS = (
    ("0", "stopped by a signal or drained; everything written is committed"),
    ("1", "wrong usage, or a config is invalid"),
    ("2", "the worker could not start, or another error"),
    ("3", "a connector was rejected at start, or a task or connector failed in --drain"),
    ("128+n", "a second signal n forced the end (130: Ctrl-C twice, 143: SIGTERM twice)"),
)


class ConnectorsFailed(ConnectError):
    """Connectors were rejected at start, or failed before --drain was done; the text says which and why."""


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (  # the first class that fits
    (ConfigErrors, ExitCode.USAGE),
    (ConfigError, ExitCode.USAGE),
    (PluginError, ExitCode.USAGE),
    (ConnectorsFailed, ExitCode.FAILED),
    (Exception, ExitCode.ERROR),
)


def exit_code(error: Exception) -> ExitCode:
    return next(code for kind, code in _CODES if isinstance(error, kind))


def print_error(error: Exception, *, debug: bool) -> None:
    """Print an error to standard error: its text if it is ours, else class and text; with `debug` the stack too."""
    if debug:
        traceback.print_exception(error)
    elif isinstance(error, ConnectError):
        print(f"connectrt: {error}", file=sys.stderr)
    else:
        print(f"connectrt: {type(error).__name__}: {error}\nThis is not a fault of the config. "
              "The same command with --debug shows where it happened.", file=sys.stderr)
