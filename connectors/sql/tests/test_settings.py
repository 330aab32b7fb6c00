"""The config: aliases, faults that lie between keys, keys that are accepted and ignored."""

from __future__ import annotations

import logging

import pytest
from connectrt_sql.config import ALIASES, CONFIG, IGNORED
from connectrt_sql.settings import InsertMode, KeyMode, Settings, read_settings, warn_of_ignored
from connectrt_sql.sink import SqlSinkConnector

from connectrt.sdk import ConfigErrors

URL = {"connection.url": "postgresql://h/db"}


def settings(**config: str) -> Settings:
    return read_settings(CONFIG.parse(URL | {name.replace("__", "."): text for name, text in config.items()}))


def faults(config: dict[str, str]) -> dict[str, str]:
    return {key: " ".join(texts) for key, texts in SqlSinkConnector.validate(URL | config).items()}


@pytest.mark.parametrize(("config", "key", "text"), [
    ({"insert.mode": "upsert"}, "pk.mode", "record_key"),
    ({"insert.mode": "update"}, "pk.mode", "record_value"),
    ({"delete.enabled": "true"}, "delete.enabled", "pk.mode=record_key"),
    ({"delete.enabled": "true", "pk.mode": "record_value"}, "delete.enabled", "pk.mode=record_key"),
    ({"pk.mode": "kafka", "pk.fields": "a,b"}, "pk.fields", "three names"),
    ({"pk.mode": "record_header"}, "pk.fields", "headers"),
    ({"connection.url": "mysqlx://h/db"}, "connection.url", "supported"),
    ({"dialect.name": "Db2DatabaseDialect"}, "dialect.name", "supported"),
    ({"connection.url": "jdbc:postgresql://h/db?sslfactory=x"}, "connection.url", "security"),
    ({"fields.whitelist": "a", "field.exclude.list": "b"}, "field.exclude.list", "fields.whitelist"),
    ({"schemaless.unknown.fields": "json"}, "schemaless.json.column", "column"),
    ({"topics.to.tables.mapping": "a"}, "topics.to.tables.mapping", "topic:table"),
    ({"jdbc.credentials.provider.class": "x.Y"}, "jdbc.credentials.provider.class", "config provider"),
    ({"primary.key.mode": "sideways"}, "primary.key.mode", "one of"),
    ({"use.time.zone": "Mars/Olympus"}, "use.time.zone", "no such time zone"),
])
def test_a_fault_is_found_offline_under_its_key(config: dict[str, str], key: str, text: str) -> None:
    found = faults(config)
    assert list(found) == [key]
    assert text in found[key]


@pytest.mark.parametrize(("config", "text"), [
    ({"exactly.once": "true"}, "not available yet"), ({"db.timezone": "Mars/Olympus"}, "no such time zone"),
    ({"insert.mode": "replace"}, "one of"), ({"batch.size": "-1"}, "at least 0")])
def test_a_faulty_value_is_refused_by_the_rule_of_its_key(config: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigErrors, match=text):
        CONFIG.parse(URL | config)


def test_faults_of_several_keys_are_reported_together() -> None:
    assert set(faults({"insert.mode": "upsert", "fields.whitelist": "a", "field.exclude.list": "b"})) == {
        "pk.mode", "field.exclude.list"}


def test_a_sound_config_has_no_faults() -> None:
    assert not faults({"insert.mode": "upsert", "pk.mode": "record_key", "delete.enabled": "true"})


def test_keys_of_debezium_are_aliases() -> None:
    found = settings(**{"primary.key.mode": "record_key", "primary.key.fields": "a,b", "insert.mode": "upsert",
                        "collection.name.format": "x_${topic}", "field.include.list": "c", "flush.max.retries": "2",
                        "use.time.zone": "Europe/Berlin", "schema.evolution": "basic", "flush.retry.delay.ms": "500"})
    assert (found.key_mode, found.key_fields, found.insert_mode) == (KeyMode.RECORD_KEY, ("a", "b"), InsertMode.UPSERT)
    assert (found.auto_create, found.auto_evolve, found.max_retries, found.retry_backoff_s) == (True, True, 2, 0.5)
    assert (found.zone.key, found.include, found.naming.table_format) == (
        "Europe/Berlin", frozenset({"c"}), "x_${topic}")


def test_the_key_itself_wins_over_its_alias() -> None:
    assert settings(**{"pk.mode": "kafka", "primary.key.mode": "record_key"}).key_mode is KeyMode.KAFKA


@pytest.mark.parametrize(("config", "folds"), [
    ({}, False), ({"quote.sql.identifiers": "NEVER"}, True), ({"quote.identifiers": "false"}, True),
    ({"sql.quote.identifiers": "true"}, False),
    ({"quote.sql.identifiers": "always", "quote.identifiers": "false"}, False)])
def test_all_spellings_of_quoting_are_read(config: dict[str, str], folds: bool) -> None:
    assert (settings(**config).naming.fold is not None) is folds


def test_multi_means_insert() -> None:
    assert settings(**{"insert.mode": "multi"}).insert_mode is InsertMode.INSERT


def test_fields_are_chosen_by_name_and_topic() -> None:
    assert settings(**{"fields.whitelist": "a,orders:b"}).writes_field("orders", "b")
    assert not settings(**{"fields.whitelist": "a,orders:b"}).writes_field("users", "b")
    assert not settings(**{"field.exclude.list": "a"}).writes_field("orders", "a")


def test_every_ignored_key_is_accepted_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    config = CONFIG.parse(URL | dict.fromkeys(IGNORED, "1"))
    with caplog.at_level(logging.WARNING):
        warn_of_ignored(config)
    assert [each.__dict__["key"] for each in caplog.records] == list(IGNORED)


def test_every_alias_stands_for_a_key() -> None:
    assert all(of in CONFIG for of in ALIASES.values())
