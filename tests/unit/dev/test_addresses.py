from __future__ import annotations

import getpass

import pytest

from connectrt.dev.addresses import Database, broker_topics, databases


def test_a_config_without_a_broker_means_the_default_one() -> None:
    assert broker_topics({}, []) == {9092: []}


@pytest.mark.parametrize(
    ("bootstrap_servers", "port"),
    [("localhost", 9092), ("127.0.0.1:19092", 19092), ("[::1]:9092", 9092), ("PLAINTEXT://localhost:9093", 9093),
     ("localhost:9092,localhost:9093", 9092)],
)
def test_a_broker_on_the_loopback_can_be_started(bootstrap_servers: str, port: int) -> None:
    assert broker_topics({"bootstrap.servers": bootstrap_servers}, []) == {port: []}


@pytest.mark.parametrize(
    "bootstrap_servers", ["kafka:9092", "10.0.0.1:9092", "localhost:9092,kafka:9092", "localhost:x", "[::1"]
)
def test_a_broker_elsewhere_is_left_alone(bootstrap_servers: str) -> None:
    assert broker_topics({"bootstrap.servers": bootstrap_servers}, []) == {}


def test_topics_belong_to_the_broker_their_connector_uses() -> None:
    sink = {"topics": "orders, users"}
    source = {"kafka.topic": "orders"}
    elsewhere = {"topics": "events", "consumer.override.bootstrap.servers": "localhost:9093"}
    assert broker_topics({"bootstrap.servers": "localhost:9092"}, [sink, source, elsewhere]) == {
        9092: ["orders", "users"], 9093: ["events"],
    }


@pytest.mark.parametrize(
    ("props", "database"),
    [
        ({"connection.url": "postgresql://me:pw@localhost:5433/shop"}, Database(5433, "shop", "me", "pw")),
        ({"connection.url": "postgresql+psycopg://me@127.0.0.1/shop"}, Database(5432, "shop", "me", None)),
        ({"connection.url": "jdbc:postgresql://localhost/shop?user=me&password=p%20w"},
         Database(5432, "shop", "me", "p w")),
        ({"connection.url": "jdbc:postgresql:shop", "connection.user": "me"}, Database(5432, "shop", "me", None)),
        ({"connection.url": "postgresql://url:url@localhost/shop", "connection.user": "key",
          "connection.password": "key"}, Database(5432, "shop", "key", "key")),
        ({"connection.url": "postgresql://m%40e:p%2Fw@[::1]/sh%20op"}, Database(5432, "sh op", "m@e", "p/w")),
        ({"connection.url": "postgresql://me@localhost"}, Database(5432, "me", "me", None)),
    ],
)
def test_a_database_is_read_from_every_spelling_of_its_url(props: dict[str, str], database: Database) -> None:
    assert databases([props]) == [database]


def test_without_a_user_it_is_the_one_who_runs_us() -> None:
    assert databases([{"connection.url": "postgresql://localhost/shop"}])[0].user == getpass.getuser()


@pytest.mark.parametrize(
    "url",
    ["postgresql://db/shop", "postgresql://localhost,db/shop", "mysql+pymysql://localhost/shop", "sqlite:///shop.db",
     "postgresql:///shop?host=/run/postgresql", "postgresql://[/shop"],
)
def test_databases_that_cannot_be_started_here_are_left_alone(url: str) -> None:
    assert databases([{"connection.url": url}]) == []


def test_one_database_of_two_connectors_is_wanted_once() -> None:
    assert len(databases([{"connection.url": "postgresql://me@localhost/shop"}] * 2)) == 1
