"""`connectrt plugins`: list what is installed, or explain the keys of one plugin."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence

import click

from connectrt.config.definition import ConfigDef, ConfigKey
from connectrt.config.parsing import value_text
from connectrt.plugins.discovery import PluginInfo, PluginKind
from connectrt.plugins.loader import Plugins

_KINDS = {kind.label.replace(" ", "_"): kind for kind in PluginKind}
_HEADS = ("KIND", "NAME", "VERSION", "PACKAGE", "ALSO CALLED")


@click.command("plugins")
@click.argument("kind_or_name", metavar="[KIND|NAME]", required=False)
def command(kind_or_name: str | None) -> None:
    """List the installed plugins, or those of one KIND, or explain the config keys of the one called NAME.

    \b
    KIND is one of: sink_connector, source_connector, transformation, predicate, converter,
    header_converter, config_provider.
    NAME may be short or a full (Java) class name.
    """
    plugins = Plugins.discover()
    kind = _KINDS.get((kind_or_name or "").removesuffix("s"))
    if kind_or_name is None or kind is not None:
        rows = [_row(info) for info in plugins.list(kind)]
        click.echo("\n".join(_columns([_HEADS, *rows])))
    else:
        info = _find(plugins, kind_or_name)
        click.echo("\n".join(explain(info, plugins.load(info.kind, info.class_name))))


def explain(info: PluginInfo, plugin: type) -> Iterable[str]:
    """Return the lines that explain one plugin: where it comes from, what it is for, its keys."""
    yield f"{info.display_name} {info.version} ({info.kind.label} of {info.distribution})"
    if plugin.__doc__:
        yield from ("", *textwrap.dedent(plugin.__doc__).strip().splitlines())
    keys = getattr(plugin, "CONFIG", ConfigDef())
    if not len(keys):
        yield "\nIt has no keys of its own."
    for key in keys:
        yield ""
        yield from explain_key(key)


def explain_key(key: ConfigKey) -> Iterable[str]:
    facts = [key.type.lower(), "required" if key.required else f"default {value_text(key.default) or 'none'}"]
    if key.valid is not None and str(key.valid) and not str(key.valid).startswith("<"):
        facts.append(str(key.valid))
    yield f"{key.name}  ({', '.join(facts)})"
    width = min(shutil.get_terminal_size().columns, 100)
    yield from textwrap.wrap(key.doc, width, initial_indent="    ", subsequent_indent="    ")


def _find(plugins: Plugins, name: str) -> PluginInfo:
    """Return the plugin of this name, of any kind. Raises PluginError with the nearest names of connectors."""
    for info in plugins.list():
        if name in info.full_names:
            return info
    return next((info for info in plugins.list() if name in info.short_names), None) or plugins.find_connector(name)


def _row(info: PluginInfo) -> tuple[str, ...]:
    others = [name for name in info.names if name != info.display_name]
    return (info.kind.label, info.display_name, info.version, info.distribution, ", ".join(others))


def _columns(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
