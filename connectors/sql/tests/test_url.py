"""Connection URLs, and what becomes of their parameters."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
from connectrt_sql.config import CONFIG
from connectrt_sql.dialects.postgresql.conninfo import conninfo
from connectrt_sql.settings import read_settings
from connectrt_sql.url import Host, parse_url
from hypothesis import given
from hypothesis import strategies as st

from connectrt.sdk import ConfigError


def parameters(url: str, config: Mapping[str, str] | None = None) -> dict[str, str]:
    return conninfo(read_settings(CONFIG.parse({"connection.url": url, **(config or {})})), "connectrt:sql/0")


@pytest.mark.parametrize(("text", "hosts", "database"), [
    ("jdbc:postgresql://h1:5433,h2/db?k=v", (Host("h1", 5433), Host("h2", None)), "db"),
    ("jdbc:postgresql:db", (Host("localhost", None),), "db"),
    ("jdbc:postgresql:/", (Host("localhost", None),), ""),
    ("jdbc:postgresql://[::1]:5433/db", (Host("::1", 5433),), "db"),
    ("postgresql://u:p%40ss@h/db", (Host("h", None),), "db"),
    ("postgresql+psycopg://h:1/db", (Host("h", 1),), "db"),
    ("postgres:///db", (Host("localhost", None),), "db"),
    ("postgresql://%2Fvar%2Frun/db", (Host("/var/run", None),), "db"),
])
def test_a_url_is_taken_apart(text: str, hosts: tuple[Host, ...], database: str) -> None:
    url = parse_url(text)
    assert (url.dialect, url.hosts, url.database) == ("postgresql", hosts, database)


def test_user_and_password_of_a_url_are_unquoted() -> None:
    url = parse_url("postgresql://u%3A:p%40s%2Fs@h/db")
    assert (url.user, url.password) == ("u:", "p@s/s")


def test_a_url_is_printed_without_user_password_and_parameters() -> None:
    url = parse_url("postgresql://user:secret@h:1,h2/db?password=hidden")
    assert repr(url) == "postgresql://h:1,h2/db"


@pytest.mark.parametrize("text", [
    "", "localhost", "postgresql", "postgresql:db", "mongodb://h/db", "postgresql://h:port/db", "postgresql://h:0/db",
    "postgresql://h:65536/db", "postgresql://u:p/w@h/db", "jdbc:oracle:thin:@h:1521:x", "postgresql://[::1/db"])
def test_a_faulty_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"connection\.url") as caught:
        parse_url(text)
    assert "p/w" not in str(caught.value)


def test_an_unknown_dialect_names_the_supported_ones() -> None:
    with pytest.raises(ConfigError, match="supported: postgresql"):
        parse_url("postgresql://h/db", "OracleDatabaseDialect")
    assert parse_url("jdbc:proxy://h/db", "PostgreSqlDatabaseDialect").dialect == "postgresql"


@given(st.text())
def test_no_text_makes_the_parser_raise_anything_but_config_error(text: str) -> None:
    for prefix in ("", "postgresql:", "jdbc:postgresql://"):
        try:
            parse_url(prefix + text)
        except ConfigError:
            continue


@pytest.mark.parametrize(("query", "expected"), [
    ("ssl=true", {"sslmode": "verify-full"}),
    ("sslmode=require&sslrootcert=/ca", {"sslmode": "require", "sslrootcert": "/ca"}),
    ("currentSchema=sales", {"options": "-c search_path=sales"}),
    ("ApplicationName=x", {"application_name": "x"}),
    ("connectTimeout=3&socketTimeout=5", {"connect_timeout": "3", "tcp_user_timeout": "5000"}),
    ("tcpKeepAlive=true&targetServerType=primary", {"keepalives": "1", "target_session_attrs": "read-write"}),
    ("user=u&password=p", {"user": "u", "password": "p"}),
])
def test_parameters_of_pgjdbc_become_those_of_libpq(query: str, expected: dict[str, str]) -> None:
    assert parameters(f"jdbc:postgresql://h/db?{query}").items() >= expected.items()


def test_several_hosts_keep_their_ports() -> None:
    assert parameters("jdbc:postgresql://a:1,b/db").items() >= {"host": "a,b", "port": "1,5432", "dbname": "db"}.items()


def test_keys_win_over_the_url() -> None:
    config = {"connection.user": "key", "connection.password": "word", "connection.sslmode": "require"}
    found = parameters("postgresql://url:pw@h/db?sslmode=disable", config)
    assert found.items() >= {"user": "key", "password": "word", "sslmode": "require"}.items()


def test_the_alias_of_the_user_is_read() -> None:
    assert parameters("postgresql://h/db", {"connection.username": "debezium"})["user"] == "debezium"


@pytest.mark.parametrize(("url", "config", "left_out"), [
    ("jdbc:postgresql://h/db?unheardOf=1", {}, "unheardOf"),
    ("postgresql://h/db", {"connection.driver_class": "x"}, "driver_class"),
    ("postgresql://h/db", {"connection.ds.pool.size": "5"}, "ds.pool.size"),
])
def test_an_unknown_parameter_is_left_out_with_a_warning(url: str, config: dict[str, str], left_out: str,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert left_out not in parameters(url, config)
    assert [each.__dict__["parameter"] for each in caplog.records] == [left_out]


@pytest.mark.parametrize(("url", "config"), [
    ("jdbc:postgresql://h/db?sslfactory=x", {}), ("jdbc:postgresql://h/db?socketFactory=x", {}),
    ("jdbc:postgresql://h/db?trustStorePassword=x", {}), ("postgresql://h/db", {"connection.ssl.keystore": "x"})])
def test_an_unknown_parameter_that_concerns_security_is_an_error(url: str, config: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="concerns security"):
        parameters(url, config)


def test_parameters_that_need_nothing_here_are_dropped_quietly(caplog: pytest.LogCaptureFixture) -> None:
    parameters("jdbc:postgresql://h/db?reWriteBatchedInserts=true&stringtype=unspecified")
    assert not caplog.records


def test_a_dead_network_is_noticed_by_default() -> None:
    assert parameters("postgresql://h/db").items() >= {"connect_timeout": "10", "keepalives_idle": "30"}.items()
