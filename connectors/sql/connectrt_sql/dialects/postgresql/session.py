"""Own one connection to PostgreSQL: what is sent on it, in which transaction, and the span of each statement.

Invariant: at most one COPY is open; any other statement ends it first. Autocommit is off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Final, cast

import psycopg
from psycopg.adapt import Dumper
from psycopg.conninfo import make_conninfo
from psycopg.pq import Format, TransactionStatus

from connectrt.sdk import Attributes, TaskTracing
from connectrt_sql.dialects.base import Binding, Kind, NewColumn, NotRepresentable, Row, Table, Unfit
from connectrt_sql.dialects.postgresql import ddl
from connectrt_sql.dialects.postgresql.copy_stream import BinaryCopy, Encoders
from connectrt_sql.dialects.postgresql.introspect import introspect, table_sql
from connectrt_sql.dialects.postgresql.statements import (
    copy_sql,
    create_staging_sql,
    staging_columns,
    unnest_sql,
    write_sql,
)
from connectrt_sql.dialects.postgresql.types import PgBinding, array_parameter
from connectrt_sql.naming import TableName
from connectrt_sql.settings import Settings

#: From this many rows on a COPY into a temporary table is faster than arrays (measured).
STAGING_FROM_ROWS: Final = 2000
CANCEL_TIMEOUT_S: Final = 5.0
_OPERATIONS: Final = {Kind.INSERT_IGNORE: "INSERT", Kind.UPSERT: "INSERT"}


class OpenCopy:
    """A COPY that takes rows. Implements `Stream`."""

    def __init__(self, copy: BinaryCopy, target: str, began_ns: int, end: Callable[[], None]) -> None:
        self.copy = copy
        self.target = target
        self.began_ns = began_ns
        self.rows = 0
        self.end = end

    def write(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        self.copy.write(rows)


class PostgresSession:
    """One connection. Use from one thread, but for `cancel`."""

    def __init__(self, conninfo: dict[str, str], settings: Settings, tracing: TaskTracing) -> None:
        """Raises psycopg.Error."""
        self._settings = settings
        self._tracing = tracing
        self._connection: psycopg.Connection[Row] = psycopg.connect(
            make_conninfo("", **conninfo), prepare_threshold=None)
        try:
            self._set_up()
        except BaseException:
            self._connection.close()
            raise
        info = self._connection.info
        self._attributes: Attributes = {
            "db.system.name": "postgresql", "db.namespace": info.dbname, "server.address": info.host,
            "server.port": info.port}
        self._copy: OpenCopy | None = None
        self._staged: set[str] = set()  #: staging tables that hold rows of this transaction
        self._last_used = time.monotonic()

    def _set_up(self) -> None:
        # Not in the startup packet: poolers refuse most of it there.
        self._connection.execute(
            "SELECT set_config('timezone', 'UTC', false), set_config('statement_timeout', %s, false), "
            "set_config('lock_timeout', '30s', false), "
            "set_config('idle_in_transaction_session_timeout', '60s', false)",
            (str(self._settings.statement_timeout_ms),))
        self._connection.commit()
        adapters = self._connection.adapters
        adapters.register_dumper(_Array, _ArrayDumper)
        self._encoders = Encoders(adapters)

    @property
    def idle_s(self) -> float:
        return time.monotonic() - self._last_used

    def check(self) -> None:
        self._connection.execute("")
        self._connection.rollback()
        self._last_used = time.monotonic()

    # -- definitions ----------------------------------------------------------------------------------------------

    def introspect(self, name: TableName) -> Table | None:
        try:
            return introspect(self._connection, name)
        finally:
            self._connection.rollback()

    def create_table(self, name: TableName, columns: Sequence[NewColumn]) -> Table:
        with_timezone = self._settings.timestamp_with_timezone
        return self._define("CREATE TABLE", name, lambda table: None if table is not None else ddl.create_table_sql(
            name, columns, with_timezone=with_timezone))

    def add_columns(self, name: TableName, columns: Sequence[NewColumn]) -> Table:
        def missing(table: Table | None) -> str | None:
            new = [column for column in columns if table is None or column.name not in table.columns]
            return ddl.add_columns_sql(name, new, with_timezone=self._settings.timestamp_with_timezone) if new else None

        return self._define("ALTER TABLE", name, missing)

    def _define(self, operation: str, name: TableName, sql: Callable[[Table | None], str | None]) -> Table:
        """Run what `sql` returns for the table as it is once all other tasks are done with it."""
        try:
            self._execute("SELECT pg_advisory_xact_lock(hashtext('connectrt'), hashtext($1))", (str(name),))
            statement = sql(introspect(self._connection, name))
            if statement is not None:
                with self._span(operation, str(name)):
                    self._execute(statement)
            table = introspect(self._connection, name)
            self._connection.commit()
        except BaseException:
            with suppress(psycopg.Error):
                self._connection.rollback()
            raise
        assert table is not None
        return table

    # -- rows -----------------------------------------------------------------------------------------------------

    def open_stream(self, table: Table, columns: Sequence[Binding], *, exact: bool) -> OpenCopy:
        names = [binding.column.name for binding in columns]
        return self._open_copy(copy_sql(table_sql(table.name), names), str(table.name), columns, exact=exact)

    def _open_copy(self, sql: str, target: str, columns: Sequence[Binding], *, exact: bool) -> OpenCopy:
        self._end_copy()
        began_ns = time.time_ns()
        copy = BinaryCopy(self._connection, sql, _own(columns), self._encoders, exact=exact)
        self._copy = OpenCopy(copy, target, began_ns, self._end_copy)
        return self._copy

    def _end_copy(self) -> None:
        """Wait until the server has taken all rows; the span began with the first one."""
        if (opened := self._copy) is not None:
            self._copy = None
            with self._span("COPY", opened.target, rows=opened.rows, start_ns=opened.began_ns):
                opened.copy.end()

    def write(self, kind: Kind, table: Table, columns: Sequence[Binding], keys: int, rows: Sequence[Row], *,
              exact: bool) -> int:
        self._end_copy()
        path = self._settings.write_path
        if kind is Kind.UPDATE and len(columns) == keys:
            return 0
        if path == "row":
            return sum(self._write_arrays(kind, table, columns, keys, [row]) for row in rows)
        if path == "copy" or (path == "auto" and len(rows) >= STAGING_FROM_ROWS and kind is not Kind.DELETE
                              and self._settings.prepare):
            return self._write_staged(kind, table, columns, keys, rows, exact=exact)
        return self._write_arrays(kind, table, columns, keys, rows)

    def _write_arrays(self, kind: Kind, table: Table, columns: Sequence[Binding], keys: int,
                      rows: Sequence[Row]) -> int:
        own = _own(columns)
        try:
            arrays = [_Array(array_parameter(binding.staged_oid, [
                None if value is None else cast(bytes, binding.encode(value)) for value in column]))
                for binding, column in zip(own, zip(*rows, strict=True), strict=True)]
        except NotRepresentable as error:
            raise Unfit from error
        sql = write_sql(kind, table, own, keys, unnest_sql(own))
        with self._span(_OPERATIONS.get(kind, kind.value), str(table.name), rows=len(rows), sql=sql):
            return self._execute(sql, arrays, prepare=self._settings.prepare).rowcount

    def _write_staged(self, kind: Kind, table: Table, columns: Sequence[Binding], keys: int, rows: Sequence[Row], *,
                      exact: bool) -> int:
        own = _own(columns)
        staging = self._stage(table.name, own)
        self._open_copy(copy_sql(staging, staging_columns(own)), str(table.name), own, exact=exact).write(rows)
        self._end_copy()
        sql = write_sql(kind, table, own, keys, f"{staging} AS x")
        with self._span(_OPERATIONS.get(kind, kind.value), str(table.name), rows=len(rows), sql=sql):
            return self._execute(sql).rowcount

    def _stage(self, name: TableName, columns: Sequence[PgBinding]) -> str:
        """Return an empty staging table; it stays for later transactions, its rows do not."""
        types = ",".join(binding.staged_type for binding in columns)
        staging = "pg_temp.connectrt_" + blake2b(f"{name}:{types}".encode(), digest_size=8).hexdigest()
        if staging in self._staged:
            self._execute(f"TRUNCATE {staging}")
        else:
            self._execute(create_staging_sql(staging, columns))
            self._staged.add(staging)
        return staging

    def truncate(self, table: Table) -> None:
        self._end_copy()
        with self._span("TRUNCATE", str(table.name)):
            self._execute(f"TRUNCATE {table_sql(table.name)}")

    def count(self, name: TableName) -> int:
        try:
            row = self._execute(f"SELECT count(*) FROM {table_sql(name)}").fetchone()
        finally:
            self._connection.rollback()
        return cast(int, row[0]) if row is not None else 0

    # -- transaction ----------------------------------------------------------------------------------------------

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._end_copy()
        # Deferred constraints would otherwise fail at COMMIT, when no row can be named any more.
        self._execute("SAVEPOINT attempt; SET CONSTRAINTS ALL IMMEDIATE")
        staged = set(self._staged)
        try:
            yield
            self._end_copy()
        except (psycopg.Error, Unfit):
            self._give_up_copy()
            self._execute("ROLLBACK TO SAVEPOINT attempt")
            self._staged = staged
            raise
        self._execute("RELEASE SAVEPOINT attempt")

    def commit(self) -> None:
        self._end_copy()
        with self._span("COMMIT", None):
            self._connection.commit()
        self._staged.clear()
        self._last_used = time.monotonic()

    def rollback(self) -> None:
        self._give_up_copy()
        self._staged.clear()
        self._connection.rollback()

    def _give_up_copy(self) -> None:
        if (opened := self._copy) is not None:
            self._copy = None
            opened.copy.give_up()

    def cancel(self) -> None:
        if self._connection.info.transaction_status is TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._give_up_copy()
        with suppress(psycopg.Error):
            self._connection.close()

    def _execute(self, sql: str, parameters: Sequence[object] | None = None, *,
                 prepare: bool = False) -> psycopg.RawCursor[Row]:
        return psycopg.RawCursor(self._connection).execute(sql.encode(), parameters, prepare=prepare)

    @contextmanager
    def _span(self, operation: str, target: str | None, *, rows: int = 0, sql: str | None = None,
              start_ns: int | None = None) -> Iterator[None]:
        """One CLIENT span. (OpenTelemetry semantic conventions: database client spans)"""
        attributes = {**self._attributes, "db.operation.name": operation}
        if target is not None:
            attributes["db.collection.name"] = target
        if rows > 1:
            attributes["db.operation.batch.size"] = rows
        if sql is not None:
            attributes["db.query.text"] = sql
        name = operation if target is None else f"{operation} {target}"
        with self._tracing.client(name, attributes, start_ns=start_ns) as span:
            try:
                yield
            except psycopg.Error as error:
                if error.sqlstate is not None:
                    span.set({"db.response.status_code": error.sqlstate, "error.type": error.sqlstate})
                raise


class _Array(bytes):
    """One column of rows, in binary format; the statement casts it to its type."""


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


def _own(columns: Sequence[Binding]) -> Sequence[PgBinding]:
    """The bindings this dialect made."""
    return cast(Sequence[PgBinding], columns)
