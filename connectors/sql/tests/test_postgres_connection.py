"""Connections that end, servers that go away and come back, tasks side by side."""

from __future__ import annotations

import threading

import pytest
from connectrt_sql.sink import SqlSinkTask

from connectors.sql.tests.harness import TABLE, UPSERT, MakeSink, Sink, maps, record, rows, seeded
from connectrt.sdk import ConnectError, RetriableError, TopicPartition
from tests.servers.postgres import PostgresServer


@pytest.fixture
def database(database: str) -> str:
    rows(database, TABLE)
    return database


def kill_connections(database: str) -> int:
    return len(rows(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name LIKE 'connectrt:%%' AND datname = current_database()"))


def ids(database: str) -> list[object]:
    return [id for id, in rows(database, "SELECT id FROM orders ORDER BY 1")]


@pytest.mark.parametrize("config", [{}, UPSERT])
def test_a_connection_killed_in_the_middle_of_a_transaction_loses_nothing(
        database: str, sink: MakeSink, config: dict[str, str]) -> None:
    task = sink(config)
    task.put(*maps(100))
    assert kill_connections(database) == 1
    more = maps(20_000, start=100)
    task.write_until_done(more)
    assert ids(database) == list(range(20_100))
    assert task.safe(orders=20_100) == {"orders": 20_100}


def test_nothing_is_safe_while_the_transaction_is_open_or_lost(database: str, sink: MakeSink) -> None:
    task = sink({})
    task.put(*maps(100))
    kill_connections(database)
    assert task.safe(orders=100) == {"orders": 0}
    assert task.context.timeouts == []
    task.write_until_done([])
    assert task.safe(orders=100) == {"orders": 100}
    assert ids(database) == list(range(100))


def test_rows_in_an_open_copy_are_not_held_and_are_rewound_when_their_connection_is_lost(
        database: str, sink: MakeSink) -> None:
    task = sink({})
    task.put(*maps(10))
    assert task.task._writer is not None
    assert task.task._writer.held == []
    kill_connections(database)
    with pytest.raises(RetriableError):
        task.task.put([])
    assert task.context.rewinds == {TopicPartition("orders", 0): 0}
    assert task.task._writer.held == []
    task.put(*maps(5, start=10))
    task.flush()
    assert ids(database) == list(range(15))


@pytest.mark.parametrize("config", [{}, UPSERT])
def test_a_connection_killed_between_two_transactions_is_replaced(
        database: str, sink: MakeSink, config: dict[str, str]) -> None:
    task = sink(config)
    task.write(*maps(10))
    kill_connections(database)
    task.write_until_done(maps(10, start=10))
    assert ids(database) == list(range(20))


@pytest.mark.parametrize("seed", range(4))
def test_connections_killed_at_any_moment_lose_nothing(database: str, sink: MakeSink, seed: int) -> None:
    draw, done = seeded(seed), threading.Event()

    def kill() -> None:
        while not done.wait(draw.uniform(0.01, 0.05)):
            kill_connections(database)

    task = sink({**UPSERT, "batch.size": "700", "connection.backoff.ms": "1"})
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for start in range(0, 20_000, 500):
            task.write_until_done(maps(500, start=start))
    finally:
        done.set()
        killer.join()
    assert ids(database) == list(range(20_000))


def test_a_server_that_is_stopped_and_started_again_loses_nothing(own_postgres: PostgresServer) -> None:
    rows(own_postgres.url, TABLE)
    task = Sink(own_postgres.url, UPSERT)
    task.write(*maps(10))
    task.put(*maps(10, start=10))
    own_postgres.stop()
    for _ in range(3):
        with pytest.raises(RetriableError, match=r"cannot be reached|57P01"):
            task.flush()
    batch = maps(10, start=20)
    here = rf"localhost:{own_postgres.port}.*900 s \(connection\.retry\.timeout\.ms\)"
    task.put(*batch)
    with pytest.raises(RetriableError, match=here):
        task.flush()
    assert task.safe(orders=20) == {"orders": 10}
    own_postgres.start()
    task.flush()
    assert ids(own_postgres.url) == list(range(30))
    own_postgres.kill()
    task.put(*maps(10, start=30))
    with pytest.raises(RetriableError):
        task.flush()
    own_postgres.start()
    task.write_until_done(maps(10, start=30))
    assert ids(own_postgres.url) == list(range(40))
    task.stop()


def test_a_task_starts_before_its_database(own_postgres: PostgresServer) -> None:
    rows(own_postgres.url, TABLE)
    own_postgres.stop()
    task = Sink(own_postgres.url)
    with pytest.raises(RetriableError):
        task.put(*maps(3))
    own_postgres.start()
    task.write(*maps(3))
    assert ids(own_postgres.url) == [0, 1, 2]
    task.stop()


def test_a_database_that_stays_away_fails_the_task_in_the_end() -> None:
    task = Sink("postgresql://127.0.0.1:1/nowhere", {"connection.retry.timeout.ms": "0", "connection.attempts": "2"})
    for _ in range(2):
        with pytest.raises(RetriableError, match=r"127\.0\.0\.1:1/nowhere cannot be reached"):
            task.put(*maps(1))
    with pytest.raises(ConnectError, match=r"connection\.retry\.timeout\.ms.*connection\.url"):
        task.put(*maps(1))
    assert task.task.pre_commit({TopicPartition("orders", 0): 0}) == {TopicPartition("orders", 0): 0}
    task.stop()


def test_an_idle_connection_is_checked_and_replaced(database: str, sink: MakeSink,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectrt_sql.sink.IDLE_CHECK_S", 0.0)
    task = sink({})
    task.write(*maps(1))
    kill_connections(database)
    task.flush()
    task.write(*maps(1, start=1))
    assert (ids(database), task.context.timeouts) == ([0, 1], [])


def test_rows_of_a_lost_partition_are_dropped_and_the_others_written(database: str, sink: MakeSink) -> None:
    task = sink({})
    task.put(*maps(5), record({"id": 100}, 7, partition=1), record({"id": 101}, 8, partition=1))
    task.task.close([TopicPartition("orders", 1)])
    task.flush()
    assert ids(database) == list(range(5))


def test_stop_ends_an_open_transaction_without_a_commit(database: str, sink: MakeSink) -> None:
    task = sink({})
    task.put(*maps(5))
    task.stop()
    task.stop()
    assert ids(database) == []
    assert rows(database, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'connectrt:%%' "
                          "AND datname = current_database() AND state <> 'idle'") == [(0,)]


def test_stop_from_another_thread_ends_a_statement_that_waits(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;"
                   "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION slow()")
    task = sink({})
    failures: list[BaseException] = []

    def write() -> None:
        try:
            task.write(*maps(1))
        except (RetriableError, ConnectError) as error:
            failures.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    while not rows(database, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
        pass
    task.stop()
    writing.join(5)
    assert not writing.is_alive()
    assert failures


def test_stop_before_start_does_nothing() -> None:
    SqlSinkTask().stop()


@pytest.mark.parametrize("round", range(5))
def test_two_tasks_create_and_extend_one_table_at_once(database: str, round: int) -> None:
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            task = Sink(database, {**UPSERT, "auto.create": "true", "auto.evolve": "true"}, task=number)
            barrier.wait(5)
            for start in range(0, 200, 50):
                values = [{"id": start + index, f"c{start}_{number}": number, "both": 1} for index in range(50)]
                task.write_until_done([record(value, topic="fresh") for value in values])
            task.stop()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(9)
    assert not failures
    assert rows(database, 'SELECT count(*), count(c150_0), count(c150_1), sum("both") FROM fresh') == [
        (200, 50, 50, 200)]


def test_the_session_is_named_limited_and_in_utc(database: str, sink: MakeSink) -> None:
    task = sink({"connection.application_name": "mine", "statement.timeout.ms": "5000"}, task=3)
    session = task.task._open_writer.connect()
    connection = session._connection  # type: ignore[attr-defined]
    shown = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in (
        "application_name", "timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")}
    assert shown == {"application_name": "mine", "timezone": "UTC", "statement_timeout": "5s", "lock_timeout": "30s",
                     "idle_in_transaction_session_timeout": "1min"}
    connection.rollback()


def test_rows_at_the_destination_are_counted(database: str, sink: MakeSink) -> None:
    rows(database, "INSERT INTO orders VALUES (-1)")
    task = sink({"auto.create": "true"})
    assert task.task.destination_counts() == {}
    task.write(*maps(5), *maps(2, topic="users"))
    assert task.task.destination_counts() == {"orders": 6, "users": 2}


# -- spans --------------------------------------------------------------------------------------------------------

def test_a_transaction_is_one_flush_with_a_span_per_statement(database: str, sink: MakeSink) -> None:
    task = sink({})
    task.put(*maps(3))
    assert task.spans == []
    task.flush()
    copy, commit, flush = task.spans
    assert [copy.name, commit.name, flush.name] == ["COPY orders", "COMMIT", "flush"]
    assert (copy.parent, commit.parent, flush.parent) == ("flush", "flush", None)
    assert copy.start_ns is not None
    assert copy.attributes.items() >= {
        "db.system.name": "postgresql", "db.collection.name": "orders", "db.operation.name": "COPY",
        "db.operation.batch.size": 3, "db.namespace": database.rpartition("/")[2]}.items()
    assert {"server.address", "server.port"} <= copy.attributes.keys()
    task.flush()
    assert len(task.spans) == 3


def test_a_parametrised_statement_shows_its_text_and_no_values(sink: MakeSink) -> None:
    task = sink(UPSERT)
    task.write(record({"id": 1, "name": "s3cret"}))
    insert = task.spans[0]
    assert insert.name == "INSERT orders"
    text = str(insert.attributes["db.query.text"])
    assert "ON CONFLICT" in text
    assert "s3cret" not in text
    assert "db.operation.batch.size" not in insert.attributes


def test_a_failed_statement_has_its_sqlstate(sink: MakeSink) -> None:
    task = sink({}, tolerant=True)
    task.write(*maps(2), *maps(1))
    failed = next(span for span in task.spans if span.failed)
    assert failed.attributes["db.response.status_code"] == failed.attributes["error.type"] == "23505"
