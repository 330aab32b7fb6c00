"""Read a table's definition from PostgreSQL's catalog.

Two queries of our own and no reflection library: COPY BINARY needs type oids, base types of domains, generated columns,
row security and whether ON CONFLICT can use an index.
"""

from __future__ import annotations

from typing import Final, cast

import psycopg

from connectrt_sql.dialects.base import Column, Table
from connectrt_sql.dialects.postgresql.types import PgType
from connectrt_sql.naming import TableName

_KINDS: Final = {
    "r": "TABLE", "p": "PARTITIONED TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE"}

_COLUMNS: Final = b"""
SELECT c.relkind::text, row_security_active(c.oid), a.attname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
       b.oid::int8, format_type(b.oid, -1), b.typname, b.typcategory = 'A' AND b.typelem <> 0,
       b.typtype = 'e'
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE c.oid = to_regclass($1)
ORDER BY a.attnum
"""

_INDEXES: Final = b"""
SELECT i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid AND i.indimmediate,
       (SELECT array_agg(a.attname::text) FROM pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]))
FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisunique
"""


def quoted(*names: str | None) -> str:
    """Quote the parts of a name; parts that are None are left out."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name is not None)


def table_sql(name: TableName) -> str:
    return quoted(name.catalog, name.schema, name.table)


def introspect(connection: psycopg.Connection[tuple[object, ...]], name: TableName) -> Table | None:
    """Return the definition of a table, None if there is none. Reads within the current transaction."""
    cursor = psycopg.RawCursor(connection)
    rows = cursor.execute(_COLUMNS, (table_sql(name),)).fetchall()
    if not rows:
        return None
    kind, secured = rows[0][0], rows[0][1]
    indexes = cursor.execute(_INDEXES, (table_sql(name),)).fetchall()
    columns = [_column(row[2:]) for row in rows]
    return Table(
        name=name, type=_KINDS.get(str(kind), str(kind)), columns={column.name: column for column in columns},
        unique_keys=[frozenset(cast(list[str], names)) for usable, names in indexes if usable and names],
        unique_indexes=len(indexes),
        # COPY is refused on a table with row security and on a view.
        accepts_streams=kind in ("r", "p") and not secured)


def _column(row: tuple[object, ...]) -> Column:
    name, text, not_null, default, generated, oid, type_name, typname, is_array, is_enum = row
    assert isinstance(oid, int)
    return Column(
        name=str(name), type_text=str(text), nullable=not not_null, has_default=bool(default),
        generated=bool(generated), type=PgType(oid, str(type_name), str(typname), bool(is_array), bool(is_enum)))
