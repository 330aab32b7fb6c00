"""One package per database; `open_dialect` picks it. Nothing else in connectrt_sql knows which database it is."""

from __future__ import annotations

from connectrt.sdk import ConfigError, TaskTracing
from connectrt_sql.dialects.base import Dialect
from connectrt_sql.settings import Settings


def open_dialect(settings: Settings, tracing: TaskTracing, client_name: str) -> Dialect:
    """Return the dialect of the settings' URL; makes no connection. Raises ConfigError for a faulty parameter."""
    # Imported here: validating a config must not load a database driver.
    from connectrt_sql.dialects.postgresql import PostgresDialect

    return PostgresDialect(settings, tracing, client_name)


def check_connection(settings: Settings) -> list[ConfigError]:
    """Return the faults of the connection's parameters. Offline."""
    from connectrt_sql.dialects.postgresql.conninfo import conninfo

    try:
        conninfo(settings, "check")
    except ConfigError as error:
        return [error]
    return []
