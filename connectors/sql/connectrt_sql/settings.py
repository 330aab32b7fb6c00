"""Turn a parsed config into what the sink works with; find the faults that lie between keys.

Invariant: a Settings that was made is consistent: no later stage checks a key again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from connectrt.sdk import Config, ConfigError, ConfigErrors
from connectrt_sql.config import ALIASES, CONFIG, IGNORED, QUOTE_ALIASES
from connectrt_sql.naming import Naming, fold
from connectrt_sql.url import DatabaseUrl, parse_url

log = logging.getLogger(__name__)


class InsertMode(StrEnum):
    INSERT = "insert"
    UPSERT = "upsert"
    UPDATE = "update"


class KeyMode(StrEnum):
    """Java: `PrimaryKeyMode`."""

    NONE = "none"
    KAFKA = "kafka"
    RECORD_KEY = "record_key"
    RECORD_VALUE = "record_value"
    RECORD_HEADER = "record_header"


class UnknownFields(StrEnum):
    FAIL = "fail"
    IGNORE = "ignore"
    JSON = "json"


#: Column names of pk.mode=kafka unless pk.fields names three others.
KAFKA_COLUMNS = ("__connect_topic", "__connect_partition", "__connect_offset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The config of one sink, durations in seconds."""

    url: DatabaseUrl
    user: str | None
    password: str | None
    parameters: Mapping[str, str]  #: connection.<name>, for the driver
    prepare: bool
    insert_mode: InsertMode
    batch_size: int
    key_mode: KeyMode
    key_fields: tuple[str, ...]
    delete_enabled: bool
    truncate_enabled: bool
    ignore_duplicates: bool
    reduce_always: bool
    ignore_nulls: bool
    write_path: str
    naming: Naming
    include: frozenset[str]
    exclude: frozenset[str]
    replace_null_with_default: bool
    text_column: str
    unknown_fields: UnknownFields
    json_column: str
    zone: ZoneInfo
    shift_dates: bool
    timestamp_fields: frozenset[str]
    timestamp_nanoseconds: bool
    auto_create: bool
    auto_evolve: bool
    table_types: frozenset[str]
    timestamp_with_timezone: bool
    max_retries: int
    retry_backoff_s: float
    max_put_s: float
    statement_timeout_ms: int
    bisect_max_failures: int
    connection_attempts: int
    connection_backoff_s: float
    connection_retry_timeout_s: float | None

    def writes_field(self, topic: str, field: str) -> bool:
        """Whether a field of the value that is no key becomes a column."""
        if self.include:
            return field in self.include or f"{topic}:{field}" in self.include
        return field not in self.exclude and f"{topic}:{field}" not in self.exclude


def read_settings(config: Config) -> Settings:
    """Raises ConfigErrors with every fault that lies between keys."""
    value = _resolver(config)
    faults: list[str] = [str(each) for each in check(config)]
    if faults:
        raise ConfigErrors(faults)
    quoted = str(config["quote.sql.identifiers"]).lower() == "always"
    if "quote.sql.identifiers" not in config.originals:
        quoted = next((bool(config[each]) for each in QUOTE_ALIASES if config[each] is not None), quoted)
    password = config["connection.password"]
    basic = config["schema.evolution"] == "basic"
    timeout_ms = config.get_int("connection.retry.timeout.ms")
    return Settings(
        url=parse_url(config.get_string("connection.url"), config.get_string("dialect.name")),
        user=_text_or_none(value("connection.user")),
        password=None if password is None else config.get_password("connection.password").value,
        parameters=config.with_prefix("connection."), prepare=config.get_boolean("connection.prepare"),
        insert_mode=_insert_mode(config), batch_size=max(1, config.get_int("batch.size")),
        key_mode=KeyMode(str(value("pk.mode"))), key_fields=_names(value("pk.fields")),
        delete_enabled=config.get_boolean("delete.enabled"), truncate_enabled=config.get_boolean("truncate.enabled"),
        ignore_duplicates=config["insert.on.duplicate"] == "ignore",
        reduce_always=config.get_boolean("use.reduction.buffer"),
        ignore_nulls=config["behavior.on.null.values"] == "ignore", write_path=config.get_string("sql.write.path"),
        naming=Naming(
            table_format=str(value("table.name.format")), tables=_table_mapping(config),
            normalize=config.get_boolean("table.name.normalize"),
            table_style=config.get_string("table.naming"), column_style=config.get_string("column.naming"),
            fold=None if quoted else fold),
        include=frozenset(_names(value("fields.whitelist"))), exclude=frozenset(config.get_list("field.exclude.list")),
        replace_null_with_default=config.get_boolean("replace.null.with.default"),
        text_column=config.get_string("string.output.value.column.name"),
        unknown_fields=UnknownFields(config.get_string("schemaless.unknown.fields")),
        json_column=config.get_string("schemaless.json.column"), zone=ZoneInfo(str(value("db.timezone"))),
        shift_dates=config.get_string("date.timezone").lower() == "db_timezone",
        timestamp_fields=frozenset(config.get_list("timestamp.fields.list")),
        timestamp_nanoseconds=config["timestamp.precision.mode"] == "nanoseconds",
        auto_create=config.get_boolean("auto.create") or basic, auto_evolve=config.get_boolean("auto.evolve") or basic,
        table_types=frozenset(each.upper() for each in config.get_list("table.types")),
        timestamp_with_timezone=config.get_boolean("timestamp.with.timezone"),
        max_retries=_number(value("max.retries")), retry_backoff_s=_number(value("retry.backoff.ms")) / 1000,
        max_put_s=config.get_int("max.put.ms") / 1000, statement_timeout_ms=config.get_int("statement.timeout.ms"),
        bisect_max_failures=config.get_int("bisect.max.failures"),
        connection_attempts=config.get_int("connection.attempts"),
        connection_backoff_s=config.get_int("connection.backoff.ms") / 1000,
        connection_retry_timeout_s=None if timeout_ms < 0 else timeout_ms / 1000)


def check(config: Config) -> list[ConfigError]:
    """Return the faults that no single key's rule can see. Offline."""
    faults = _check_aliases(config)
    if faults:
        return faults
    for rule in (_check_url, _check_key, _check_fields, _check_tables, _check_refused):
        try:
            rule(config)
        except ConfigError as error:
            faults.append(error)
    return faults


def warn_of_ignored(config: Config) -> None:
    """Log one warning for each key that is accepted and does nothing."""
    for name, why in IGNORED.items():
        if name in config.originals:
            log.warning("config key is ignored", extra={"action": "configure", "key": name, "why": why})
    if config.originals.get("date.calendar.system", "").upper() == "LEGACY":
        log.warning("dates are always proleptic Gregorian",
                    extra={"action": "configure", "key": "date.calendar.system"})


def _resolver(config: Config) -> Callable[[str], object]:
    """Return a getter that looks at the aliases of a key that is not given itself."""
    given = {of: alias for alias, of in ALIASES.items() if of not in config.originals and config[alias] is not None}
    return lambda name: config[given.get(name, name)]


def _check_aliases(config: Config) -> list[ConfigError]:
    faults: list[ConfigError] = []
    for alias, of in ALIASES.items():
        if (valid := CONFIG[of].valid) is not None and config[alias] is not None:
            try:
                valid(alias, config[alias])
            except ConfigError as error:
                faults.append(error)
    return faults


def _check_url(config: Config) -> None:
    parse_url(config.get_string("connection.url"), config.get_string("dialect.name"))


def _check_key(config: Config) -> None:
    value = _resolver(config)
    mode, fields, insert = KeyMode(str(value("pk.mode"))), _names(value("pk.fields")), _insert_mode(config)
    if mode is KeyMode.NONE and insert is not InsertMode.INSERT:
        raise ConfigError("pk.mode", "none", f"insert.mode={insert} finds rows by their key; set pk.mode to "
                                             "record_key, record_value, record_header or kafka")
    if mode is not KeyMode.RECORD_KEY and config.get_boolean("delete.enabled"):
        raise ConfigError("delete.enabled", "true", "a record without a value has nothing but its key to say which row "
                                                    "to delete; set pk.mode=record_key")
    if mode is KeyMode.KAFKA and len(fields) not in (0, 3):
        raise ConfigError("pk.fields", ",".join(fields),
                          "pk.mode=kafka needs three names: for topic, partition and offset")
    if mode is KeyMode.RECORD_HEADER and not fields:
        raise ConfigError("pk.fields", "", "pk.mode=record_header needs the names of the headers")


def _check_fields(config: Config) -> None:
    if config["field.exclude.list"] and _resolver(config)("fields.whitelist"):
        raise ConfigError("field.exclude.list", config.originals["field.exclude.list"],
                          "fields.whitelist is set too; keep one of the two")
    if config["schemaless.unknown.fields"] == UnknownFields.JSON and not config["schemaless.json.column"]:
        raise ConfigError("schemaless.json.column", "", "schemaless.unknown.fields=json needs the name of a column")


def _check_tables(config: Config) -> None:
    for topic, table in _table_mapping(config).items():
        if not topic or not table:
            raise ConfigError("topics.to.tables.mapping", config.originals["topics.to.tables.mapping"],
                              "must be pairs topic:table, separated by commas")


def _check_refused(config: Config) -> None:
    if config.originals.get("jdbc.credentials.provider.class"):
        raise ConfigError("jdbc.credentials.provider.class", config.originals["jdbc.credentials.provider.class"],
                          "Java classes cannot be used here; take the password from a config provider: "
                          "connection.password=${file:/path/to/secrets.properties:password}")


def _insert_mode(config: Config) -> InsertMode:
    mode = config.get_string("insert.mode")
    return InsertMode.INSERT if mode == "multi" else InsertMode(mode)


def _table_mapping(config: Config) -> dict[str, str]:
    pairs = (each.partition(":") for each in config.get_list("topics.to.tables.mapping"))
    return {topic.strip(): table.strip() for topic, _, table in pairs}


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
