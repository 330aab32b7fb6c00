"""Write the SQL that puts rows into a table: from a staging table or from arrays, one text for any number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectrt_sql.dialects.base import Kind, Table
from connectrt_sql.dialects.postgresql.introspect import quoted, table_sql
from connectrt_sql.dialects.postgresql.types import PgBinding

#: SQL names of the staged columns: c0, c1, ...
_STAGED: Final = "c{}"


def copy_sql(table: str, columns: Sequence[str]) -> str:
    return f"COPY {table} ({', '.join(map(quoted, columns))}) FROM STDIN (FORMAT binary)"


def staging_columns(columns: Sequence[PgBinding]) -> list[str]:
    return [_STAGED.format(index) for index in range(len(columns))]


def create_staging_sql(name: str, columns: Sequence[PgBinding]) -> str:
    definitions = [f"{staged} {binding.staged_type}"
                   for staged, binding in zip(staging_columns(columns), columns, strict=True)]
    return f"CREATE TEMP TABLE IF NOT EXISTS {name} ({', '.join(definitions)}) ON COMMIT DELETE ROWS"


def unnest_sql(columns: Sequence[PgBinding]) -> str:
    """Rows from one array per column; `x` and its columns as in a staging table."""
    arrays = [f"${index}::{binding.staged_type}[]" for index, binding in enumerate(columns, 1)]
    return f"unnest({', '.join(arrays)}) AS x({', '.join(staging_columns(columns))})"


def write_sql(kind: Kind, table: Table, columns: Sequence[PgBinding], keys: int, source: str) -> str:
    """One statement that writes what `source`, named x, holds."""
    target = table_sql(table.name)
    names = [quoted(binding.column.name) for binding in columns]
    values = [_value(binding, staged) for binding, staged in zip(columns, staging_columns(columns), strict=True)]
    same_key = " AND ".join(f"t.{name} = {value}" for name, value in zip(names[:keys], values[:keys], strict=True))
    if kind is Kind.DELETE:
        return f"DELETE FROM {target} AS t USING {source} WHERE {same_key}"
    if kind is Kind.UPDATE:
        changes = ", ".join(f"{name} = {value}" for name, value in zip(names[keys:], values[keys:], strict=True))
        return f"UPDATE {target} AS t SET {changes} FROM {source} WHERE {same_key}"
    insert = (f"INSERT INTO {target} ({', '.join(names)}) OVERRIDING SYSTEM VALUE "
              f"SELECT {', '.join(values)} FROM {source}")
    if kind is Kind.INSERT:
        return insert
    if kind is Kind.INSERT_IGNORE:
        return f"{insert} ON CONFLICT DO NOTHING"
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in names[keys:])
    return f"{insert} ON CONFLICT ({', '.join(names[:keys])}) DO " + (f"UPDATE SET {changes}" if changes else "NOTHING")


def _value(binding: PgBinding, staged: str) -> str:
    cast = binding.wire.cast
    return f"x.{staged}" if cast is None else f"x.{staged}::{cast}"
