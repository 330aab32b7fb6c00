"""The command `connectrt`: parse the command line, run one command, turn every error into words and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from connectrt.cli.signals import ForcedEnd

#: Command -> the one-line help. Each is a module of this package, imported when it is called: `start` needs most of the
#: runtime, `--version` nothing.
COMMANDS = {
    "start": "Run connectors from config files.",
    "validate": "Check config files without connecting to anything.",
    "plugins": "List what is installed, or explain the keys of one plugin.",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"connectrt.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"connectrt {version('connectrt')}")
        context.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Print the version and exit.")
def _connectrt() -> None:
    """Kafka Connect-compatible connectors in Python, with every trace kept."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. This is what the console script calls."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _connectrt.main(given, prog_name="connectrt", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return 1
    except ForcedEnd as forced:
        # Whatever still runs may hang; the operating system ends it.
        sys.stdout.flush()
        os._exit(forced.exit_code)
    except Exception as error:
        from connectrt.cli.exit_codes import exit_code, print_error

        print_error(error, debug="--debug" in given)
        return exit_code(error)
