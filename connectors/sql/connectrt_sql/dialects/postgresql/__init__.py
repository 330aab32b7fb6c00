"""PostgreSQL through psycopg 3: COPY BINARY, binary arrays, INSERT ... ON CONFLICT."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from connectrt.sdk import TaskTracing
from connectrt_sql.dialects.base import Binding, Column, NewColumn
from connectrt_sql.dialects.postgresql import ddl
from connectrt_sql.dialects.postgresql.conninfo import conninfo
from connectrt_sql.dialects.postgresql.faults import classify
from connectrt_sql.dialects.postgresql.introspect import quoted, table_sql
from connectrt_sql.dialects.postgresql.session import PostgresSession
from connectrt_sql.dialects.postgresql.types import PgBinding, bind
from connectrt_sql.dialects.postgresql.values import Zone
from connectrt_sql.errors import Fault
from connectrt_sql.logical import Prepare
from connectrt_sql.naming import TableName
from connectrt_sql.settings import Settings


class PostgresDialect:
    """PostgreSQL as one task uses it."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)
    longest_name = 63

    def __init__(self, settings: Settings, tracing: TaskTracing, client_name: str) -> None:
        """Raises ConfigError for a connection parameter that must not be left out."""
        self._settings = settings
        self._tracing = tracing
        self._conninfo = conninfo(settings, client_name)
        self._zone = Zone(settings.zone, settings.shift_dates)
        self._with_timezone = settings.timestamp_with_timezone
        self.address = f"PostgreSQL {settings.url!r}"

    def connect(self) -> PostgresSession:
        return PostgresSession(self._conninfo, self._settings, self._tracing)

    def bind(self, column: Column, prepare: Prepare | None) -> PgBinding:
        return bind(column, prepare, self._zone)

    def can_stream(self, columns: Sequence[Binding]) -> bool:
        """Whether all columns have a binary format here; the others need a cast, which COPY does not do."""
        return all(isinstance(binding, PgBinding) and binding.wire.cast is None for binding in columns)

    def classify(self, error: Exception) -> Fault:
        return classify(error, self.address)

    def create_table_sql(self, name: TableName, columns: Sequence[NewColumn]) -> str:
        return ddl.create_table_sql(name, columns, with_timezone=self._with_timezone)

    def add_columns_sql(self, name: TableName, columns: Sequence[NewColumn]) -> str:
        return ddl.add_columns_sql(name, columns, with_timezone=self._with_timezone)

    def create_index_sql(self, name: TableName, columns: Sequence[str]) -> str:
        return f"CREATE UNIQUE INDEX ON {table_sql(name)} ({', '.join(map(quoted, columns))})"
