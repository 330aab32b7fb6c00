"""Define the keys of the SQL sink: those of the JDBC sinks by Confluent, Aiven and Debezium, and some of our own.

Invariant: an alias has the type and rule of the key it stands for; if both are given, the key itself wins.
"""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectrt.sdk import ConfigDef, ConfigError, ConfigType, Importance, at_least, between, if_given, key, one_of

_HIGH, _LOW = Importance.HIGH, Importance.LOW
_STRING, _INT, _LONG, _BOOLEAN, _LIST = (
    ConfigType.STRING, ConfigType.INT, ConfigType.LONG, ConfigType.BOOLEAN, ConfigType.LIST)

_CONNECTION: Final = "Connection"
_WRITES: Final = "Writes"
_MAPPING: Final = "Data mapping"
_DDL: Final = "Tables"
_ERRORS: Final = "Retries and errors"
_OTHER: Final = "Keys of other sinks"

#: Parameters a driver may be given as `connection.<name>`; all others are left out with a warning.
DRIVER_PARAMETERS: Final = (
    "application_name", "connect_timeout", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
    "options", "sslcert", "sslkey", "sslmode", "sslrootcert", "target_session_attrs", "tcp_user_timeout")


class ZoneRule:
    """Accepts the names of time zones."""

    def __call__(self, name: str, value: object) -> None:
        try:
            ZoneInfo(str(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(name, value, "no such time zone; use a name like Europe/Berlin, or UTC") from None

    def __str__(self) -> str:
        return "name of a time zone"


class NotYetRule:
    """Accepts only false."""

    def __call__(self, name: str, value: object) -> None:
        if value:
            raise ConfigError(name, "true", "not available yet. Without it every record is written at least once; with "
                                            "insert.mode=upsert, or pk.mode=kafka and insert.on.duplicate=ignore, "
                                            "writing it twice changes nothing")

    def __str__(self) -> str:
        return "[false]"


_KEYS: Final = (
    key("connection.url", _STRING, importance=_HIGH, group=_CONNECTION,
        doc="Where the database is: `postgresql://host:5432/database` or a JDBC URL, `jdbc:postgresql://host/database`."),
    key("connection.user", _STRING, None, importance=_HIGH, group=_CONNECTION,
        doc="SQL user; wins over one in the URL."),
    key("connection.password", ConfigType.PASSWORD, None, importance=_HIGH, group=_CONNECTION,
        doc="Password of the SQL user; wins over one in the URL, masked everywhere."),
    key("dialect.name", _STRING, "", importance=_LOW, group=_CONNECTION,
        doc="Empty: taken from the URL. `postgresql` or `PostgreSqlDatabaseDialect`."),
    key("connection.attempts", _INT, 3, valid=at_least(1), importance=_LOW, group=_CONNECTION,
        doc="Fewest attempts to reach a lost database before the task fails, however long each one takes."),
    key("connection.backoff.ms", _LONG, 10_000, valid=at_least(1), importance=_LOW, group=_CONNECTION,
        doc="Longest pause between two attempts to reach a lost database, in milliseconds."),
    key("connection.retry.timeout.ms", _LONG, 900_000, valid=at_least(-1), group=_CONNECTION,
        doc="How long the database may stay away before the task fails, in milliseconds; -1 = for ever."),
    key("connection.prepare", _BOOLEAN, True, importance=_LOW, group=_CONNECTION,
        doc="Prepare statements and use temporary tables; set it to false behind a proxy that pools transactions."),
    *(key(f"connection.{name}", _STRING, None, importance=_LOW, group=_CONNECTION,
          doc=f"Passed to the driver as `{name}`.") for name in DRIVER_PARAMETERS),
    key("insert.mode", _STRING, "insert", valid=one_of("insert", "upsert", "update", "multi"), importance=_HIGH,
        group=_WRITES, doc="`insert`: append rows. `upsert`: insert or, if the key is there, update. `update`: change "
                           "rows that are there. `multi` means `insert`."),
    key("batch.size", _INT, 3000, valid=at_least(0), importance=_HIGH, group=_WRITES,
        doc="Records per transaction. A transaction is committed earlier when the topic is read to its end and at "
            "every offset commit, so this can be larger than `max.poll.records`."),
    key("pk.mode", _STRING, "none", valid=one_of("none", "kafka", "record_key", "record_value", "record_header"),
        importance=_HIGH, group=_WRITES,
        doc="Where the primary key comes from: nowhere, topic/partition/offset, the record's key, value or headers."),
    key("pk.fields", _LIST, "", importance=_HIGH, group=_WRITES,
        doc="Primary key columns. `kafka`: three names. `record_key` with a plain key: one name. Else names of fields; "
            "empty = all fields of the key or value."),
    key("delete.enabled", _BOOLEAN, False, group=_WRITES,
        doc="A record without a value deletes the row of its key; needs `pk.mode=record_key`."),
    key("truncate.enabled", _BOOLEAN, False, importance=_LOW, group=_WRITES,
        doc="A Debezium truncate event empties the table; otherwise it is skipped."),
    key("insert.on.duplicate", _STRING, "fail", valid=one_of("fail", "ignore"), group=_WRITES,
        doc="`insert` mode, a row with this key is there: `fail` = the record is at fault, `ignore` = keep the old "
            "row. `pk.mode=kafka` with `ignore` makes repeated inserts harmless."),
    key("use.reduction.buffer", _BOOLEAN, False, importance=_LOW, group=_WRITES,
        doc="Write only the newest record of each key also into tables with several unique indexes. Tables with one "
            "are always written so."),
    key("behavior.on.null.values", _STRING, "fail", valid=one_of("fail", "ignore"), group=_WRITES,
        doc="A record without a value while `delete.enabled=false`: the record is at fault, or is skipped."),
    key("sql.write.path", _STRING, "auto", valid=one_of("auto", "copy", "unnest", "row"), importance=_LOW,
        group=_WRITES, doc="Which statements write rows; for diagnosis. `row` = one statement per row."),
    key("exactly.once", _BOOLEAN, False, importance=_LOW, group=_WRITES, valid=NotYetRule(),
        doc="Keep the offsets in the database. Not available yet: use `upsert`, or `pk.mode=kafka` with "
            "`insert.on.duplicate=ignore`, which have the same effect."),
    key("table.name.format", _STRING, "${topic}", group=_MAPPING,
        doc="Name of the table: `${topic}`, `${partition}` and `${source.<field>}` of a Debezium event are replaced. A "
            "dot written here separates schema and table; a dot inside a topic's name does not."),
    key("topics.to.tables.mapping", _LIST, "", importance=_LOW, group=_MAPPING,
        doc="`topic:table` pairs; a topic that is not listed follows `table.name.format`."),
    key("table.name.normalize", _BOOLEAN, False, importance=_LOW, group=_MAPPING,
        doc="Replace every character of a topic's name outside A-Z, a-z, 0-9 and _ by _."),
    key("table.naming", _STRING, "as_is", valid=one_of("as_is", "snake_case", "lower", "upper"), importance=_LOW,
        group=_MAPPING, doc="How a topic's name becomes a table's name."),
    key("column.naming", _STRING, "as_is", valid=one_of("as_is", "snake_case", "lower", "upper"), importance=_LOW,
        group=_MAPPING, doc="How a field's name becomes a column's name."),
    key("fields.whitelist", _LIST, "", group=_MAPPING,
        doc="Fields of the value to write; empty = all. Key fields are always written. `topic:field`: for one topic."),
    key("field.exclude.list", _LIST, "", importance=_LOW, group=_MAPPING,
        doc="Fields of the value to leave out; not together with `fields.whitelist`."),
    key("replace.null.with.default", _BOOLEAN, True, group=_MAPPING,
        doc="A null in a field whose schema has a default is written as that default, as Java Connect does; "
            "false = NULL."),
    key("string.output.value.column.name", _STRING, "record_value", importance=_LOW, group=_MAPPING,
        doc="Column of a value that is plain text or bytes."),
    key("schemaless.unknown.fields", _STRING, "fail", valid=one_of("fail", "ignore", "json"), group=_MAPPING,
        doc="A map without schema has a key the table has no column for: the record is at fault (with `auto.evolve` "
            "the column is added), the key is left out, or it goes into `schemaless.json.column`."),
    key("schemaless.json.column", _STRING, "", importance=_LOW, group=_MAPPING,
        doc="Column that collects unknown keys as JSON."),
    key("db.timezone", _STRING, "UTC", group=_MAPPING, valid=ZoneRule(),
        doc="Time zone in which timestamps are written to columns without one."),
    key("date.timezone", _STRING, "utc", valid=one_of("utc", "UTC", "db_timezone", "DB_TIMEZONE"), importance=_LOW,
        group=_MAPPING, doc="`db_timezone`: shift dates by `db.timezone`, as old JDBC sinks do. A date has no zone."),
    key("date.calendar.system", _STRING, "PROLEPTIC_GREGORIAN", importance=_LOW, group=_MAPPING,
        doc="Accepted; dates are always proleptic Gregorian, as in every SQL database."),
    key("timestamp.fields.list", _LIST, "", importance=_LOW, group=_MAPPING,
        doc="INT64 or STRING fields that hold a point in time as a number since 1970."),
    key("timestamp.precision.mode", _STRING, "microseconds", valid=one_of("microseconds", "nanoseconds"),
        importance=_LOW, group=_MAPPING, doc="Unit of `timestamp.fields.list`."),
    key("auto.create", _BOOLEAN, False, importance=_HIGH, group=_DDL,
        doc="Create a missing table from the schema or, without one, from the first batch's values."),
    key("auto.evolve", _BOOLEAN, False, importance=_HIGH, group=_DDL,
        doc="Add missing columns. Nothing else is changed, ever."),
    key("schema.evolution", _STRING, None, valid=if_given(one_of("none", "validate-only", "basic")), importance=_LOW,
        group=_DDL, doc="`basic` = `auto.create` and `auto.evolve`."),
    key("quote.sql.identifiers", _STRING, "always", valid=one_of("always", "ALWAYS", "never", "NEVER"),
        importance=_LOW, group=_DDL, doc="`never`: names are folded as the database folds unquoted ones."),
    key("table.types", _LIST, "TABLE,PARTITIONED TABLE", importance=_LOW, group=_DDL,
        doc="Kinds of relation to write to. `VIEW` must be named; views are never created or altered."),
    key("timestamp.with.timezone", _BOOLEAN, False, importance=_LOW, group=_DDL,
        doc="Created columns for points in time have a time zone."),
    key("max.retries", _INT, 10, valid=at_least(0), group=_ERRORS,
        doc="Consecutive failed writes before the task fails. Lost connections and full disks are not counted."),
    key("retry.backoff.ms", _INT, 3000, valid=at_least(0), group=_ERRORS,
        doc="Pause after a failed write, in milliseconds; doubled each time up to 60 s, with 20 % jitter."),
    key("max.put.ms", _LONG, 240_000, valid=at_least(1), importance=_LOW, group=_ERRORS,
        doc="Immediate retries end after this many milliseconds; must be below the consumer's `max.poll.interval.ms`."),
    key("statement.timeout.ms", _LONG, 120_000, valid=between(0, 2_147_483_647), importance=_LOW, group=_ERRORS,
        doc="The server ends a statement after this many milliseconds; 0 = never."),
    key("bisect.max.failures", _INT, 100, valid=at_least(1), importance=_LOW, group=_ERRORS,
        doc="After this many bad rows in a transaction the others are written one by one."),
)

#: Other sinks' names of our keys.
ALIASES: Final = {
    "connection.username": "connection.user",
    "primary.key.mode": "pk.mode",
    "primary.key.fields": "pk.fields",
    "collection.name.format": "table.name.format",
    "field.include.list": "fields.whitelist",
    "use.time.zone": "db.timezone",
    "flush.max.retries": "max.retries",
    "flush.retry.delay.ms": "retry.backoff.ms",
}

#: Aliases that are booleans: true = always, false = never.
QUOTE_ALIASES: Final = ("sql.quote.identifiers", "quote.identifiers")

#: Keys of other sinks that mean nothing here, and why.
IGNORED: Final = {
    "connection.pool.min_size": "a task has one connection",
    "connection.pool.max_size": "a task has one connection",
    "connection.pool.timeout": "a task has one connection",
    "connection.pool.acquire_increment": "a task has one connection",
    "connection.restart.on.errors": "a lost connection is always replaced",
    "keyed.message.batch.mode": "one record per key is written wherever that is safe",
    "dialect.postgres.unnest.insert.enabled": "the fastest statement is chosen by itself",
    "mssql.use.merge.holdlock": "it is for SQL Server",
    "trim.sensitive.log": "row values are never logged",
    "collection.naming.strategy": "use table.naming",
    "column.naming.strategy": "use column.naming",
    "dialect.postgres.postgis.schema": "there is no support of PostGIS types",
    "exactly.once.table": "exactly.once is not available yet",
}


CONFIG: Final = ConfigDef(
    *_KEYS,
    *(key(alias, ConfigDef(*_KEYS)[of].type, None, importance=_LOW, group=_OTHER, doc=f"Means `{of}`.")
      for alias, of in ALIASES.items()),
    *(key(alias, _BOOLEAN, None, importance=_LOW, group=_OTHER, doc="true = `quote.sql.identifiers=always`.")
      for alias in QUOTE_ALIASES),
    *(key(name, _STRING, None, importance=_LOW, group=_OTHER, doc=f"Accepted and ignored: {why}.")
      for name, why in IGNORED.items()),
)
