"""Write CREATE TABLE and ALTER TABLE for Connect schemas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import sql
from psycopg.types.json import Jsonb

from connectrt.sdk import DATE, TIME, TIMESTAMP, Schema, Type, decimal_schema
from connectrt_sql.dialects.base import NewColumn
from connectrt_sql.dialects.postgresql.introspect import quoted, table_sql
from connectrt_sql.naming import TableName

_PLAIN: Final[Mapping[Type, str]] = {
    Type.INT8: "SMALLINT", Type.INT16: "SMALLINT", Type.INT32: "INT", Type.INT64: "BIGINT", Type.FLOAT32: "REAL",
    Type.FLOAT64: "DOUBLE PRECISION", Type.BOOLEAN: "BOOLEAN", Type.STRING: "TEXT", Type.BYTES: "BYTEA",
    Type.MAP: "JSONB", Type.STRUCT: "JSONB"}

_DECIMAL: Final = decimal_schema(0).name

_POINT_IN_TIME: Final = frozenset((
    TIMESTAMP.name, "io.debezium.time.Timestamp", "io.debezium.time.MicroTimestamp", "io.debezium.time.NanoTimestamp"))

_NAMED: Final[Mapping[str | None, str]] = {
    DATE.name: "DATE", TIME.name: "TIME", "io.debezium.time.Date": "DATE", "io.debezium.time.Time": "TIME",
    "io.debezium.time.MicroTime": "TIME", "io.debezium.time.NanoTime": "TIME",
    "io.debezium.time.ZonedTimestamp": "TIMESTAMPTZ", "io.debezium.time.ZonedTime": "TIMETZ",
    "io.debezium.time.Interval": "INTERVAL", "io.debezium.data.Json": "JSONB", "io.debezium.data.Uuid": "UUID",
    "io.debezium.data.Xml": "XML", "io.debezium.data.Ltree": "LTREE", "io.debezium.data.Tsvector": "TSVECTOR",
    "io.debezium.data.Bits": "BIT VARYING", "io.debezium.data.VariableScaleDecimal": "NUMERIC"}

#: Parameters Debezium adds for `column.propagate.source.type`; lengths mean the same in every database.
_SOURCE: Final = "__debezium.source.column."


def type_sql(column: NewColumn, *, with_timezone: bool) -> str:
    """The type of a new column (spec: Connect's types and Debezium's)."""
    schema = column.schema
    name, parameters = schema.name, schema.parameters or {}
    if column.timestamp or name in _POINT_IN_TIME:
        return "TIMESTAMPTZ" if with_timezone else "TIMESTAMP"
    if name == _DECIMAL:
        return _decimal(parameters)
    if name is not None and name in _NAMED:
        return _NAMED[name]
    if schema.type is Type.STRING and parameters.get(_SOURCE + "type", "").upper() in ("VARCHAR", "CHARACTER VARYING"):
        length = parameters.get(_SOURCE + "length", "")
        return f"VARCHAR({length})" if length.isdigit() and 0 < int(length) <= 10_485_760 else "TEXT"
    if schema.type is Type.ARRAY:
        return _array(schema.value_schema)
    return _PLAIN[schema.type]


def create_table_sql(name: TableName, columns: Sequence[NewColumn], *, with_timezone: bool) -> str:
    lines = [_column_sql(column, with_timezone=with_timezone) for column in columns]
    if keys := [column.name for column in columns if column.key]:
        lines.append(f"PRIMARY KEY ({', '.join(map(quoted, keys))})")
    return f"CREATE TABLE IF NOT EXISTS {table_sql(name)} (\n  " + ",\n  ".join(lines) + ")"


def add_columns_sql(name: TableName, columns: Sequence[NewColumn], *, with_timezone: bool) -> str:
    parts = [f"ADD COLUMN IF NOT EXISTS {_column_sql(column, with_timezone=with_timezone)}" for column in columns]
    return f"ALTER TABLE {table_sql(name)} " + ", ".join(parts)


def _column_sql(column: NewColumn, *, with_timezone: bool) -> str:
    schema, type_ = column.schema, type_sql(column, with_timezone=with_timezone)
    text = f"{quoted(column.name)} {type_}"
    if schema.default is not None:
        default = Jsonb(schema.default) if type_ == "JSONB" else schema.default
        return f"{text} DEFAULT {sql.Literal(default).as_string(None)}"
    return text if schema.optional and not column.key else f"{text} NOT NULL"


def _decimal(parameters: Mapping[str, str]) -> str:
    precision = parameters.get("connect.decimal.precision") or parameters.get(_SOURCE + "length", "")
    scale = parameters.get("scale", "0")
    if precision.isdigit() and 0 < int(precision) <= 1000 and scale.isdigit():
        return f"NUMERIC({precision}, {scale})"
    return "NUMERIC"


def _array(element: Schema | None) -> str:
    if element is None or not element.type.is_primitive or element.type is Type.BYTES or element.name is not None:
        return "JSONB"
    return _PLAIN[element.type] + "[]"
