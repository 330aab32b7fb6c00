"""`connectrt validate`: check config files without connecting to anything."""

from __future__ import annotations

import os
from pathlib import Path

import click

from connectrt.cli.config import read_and_check
from connectrt.errors import ConfigErrors
from connectrt.plugins.loader import Plugins


@click.command("validate")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a key; see `connectrt start --help`.")
def command(files: tuple[Path, ...], sets: tuple[str, ...]) -> None:
    """Check config FILES, or all files of folders, and tell all faults at once, each with its file and line.

    Nothing is connected to. Exit code 0: they can be started; 1: they cannot. Warnings alone are no fault.
    """
    read, checked = read_and_check(files, sets, os.environ, Plugins.discover())
    for warning in checked.warnings:
        click.echo(f"warning: {warning}", err=True)
    if checked.faults:
        raise ConfigErrors(checked.faults)
    for connector in read.connectors:
        click.echo(f"{connector.origin}: {connector.name}: valid {connector.settings.props['connector.class']}")
