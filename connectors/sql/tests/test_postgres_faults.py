"""Records at fault among good ones, and databases that refuse: who is told, what is written, what is safe to commit."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from connectors.sql.tests.harness import UPSERT, MakeSink, Sink, maps, record, rows, seeded
from connectrt.sdk import ConnectError, DataError, RetriableError, Schema, SinkRecord, Type

TABLE = ("CREATE TABLE orders (id int PRIMARY KEY, name varchar(20) NOT NULL, "
         "amount numeric(6, 2) CHECK (amount >= 0), doc jsonb, "
         "parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
#: Each is refused for another reason: by us, by COPY, by a constraint, at COMMIT.
POISON: dict[str, dict[str, Any]] = {
    "not a number": {"id": "x"}, "out of range": {"id": 2**31}, "far out of range": {"id": 2**80},
    "fraction": {"id": 1.5}, "boolean text": {"amount": "much"}, "NUL": {"name": "a\0b"}, "null": {"name": None},
    "too long": {"name": "x" * 21}, "numeric overflow": {"amount": 123456}, "check": {"amount": -1},
    "nested": {"name": {"a": 1}}, "bad json": {"doc": "{"}, "NUL in json": {"doc": {"a": "\0"}},
    "surrogate": {"name": "\ud800"}, "no parent": {"parent": 5}, "unknown key": {"unheard": 1}, "no map": {}}

@pytest.fixture
def database(database: str) -> str:
    rows(database, "CREATE TABLE parents (id int PRIMARY KEY)")
    rows(database, TABLE)
    return database


def good(offset: int) -> SinkRecord:
    return record({"id": offset, "name": f"n{offset}", "amount": 1.5, "doc": {"a": offset}, "parent": None}, offset)


def bad(offset: int, reason: str) -> SinkRecord:
    value = good(offset).value
    assert isinstance(value, dict)
    return record([1] if reason == "no map" else value | POISON[reason], offset)


def ids(database: str) -> list[int]:
    return [int(str(id)) for id, in rows(database, "SELECT id FROM orders ORDER BY 1")]


# -- records at fault ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("reason", POISON)
@pytest.mark.parametrize("config", [{}, UPSERT, {"sql.write.path": "unnest"}, {"sql.write.path": "copy", **UPSERT}],
                         ids=["insert", "upsert", "arrays", "staged"])
def test_one_bad_record_is_reported_and_all_others_are_written(database: str, sink: MakeSink, reason: str,
                                                               config: dict[str, str]) -> None:
    task = sink(config, tolerant=True)
    task.write(good(0), good(1), bad(2, reason), good(3))
    assert ids(database) == [0, 1, 3]
    assert task.reporter.offsets == [2]
    assert task.safe(orders=4) == {"orders": 4}
    task.write(good(4))
    assert ids(database)[-1] == 4


@pytest.mark.parametrize("reason", POISON)
def test_without_a_reporter_the_record_at_fault_is_named(database: str, sink: MakeSink, reason: str) -> None:
    task = sink({})
    with pytest.raises(DataError, match=r"^orders-0@2: "):
        task.write(good(0), good(1), bad(2, reason), good(3))
    assert ids(database) == []
    assert task.safe(orders=4) == {"orders": 0}


@pytest.mark.parametrize("reason", ["not a number", "too long", "numeric overflow", "bad json", "null", "check"])
def test_an_error_names_table_column_and_sqlstate_but_never_the_value(sink: MakeSink, reason: str) -> None:
    POISON_TEXT = "s3cret"
    task = sink({}, tolerant=True)
    values = good(0).value
    assert isinstance(values, dict)
    changed = {name: POISON_TEXT * 9 if isinstance(value, str) else value for name, value in POISON[reason].items()}
    task.write(record(values | changed))
    text = task.reporter.texts[0]
    column = next(iter(POISON[reason]))
    assert "s3cret" not in text
    assert reason == "check" or f'"{column}"' in text
    if reason in ("too long", "null", "check"):
        assert "SQLSTATE 2" in text


def test_no_value_reaches_the_log_when_a_copy_is_given_up(sink: MakeSink, caplog: pytest.LogCaptureFixture) -> None:
    task = sink({}, tolerant=True)
    refused_by_the_server = record({"id": 0, "name": None, "doc": {"a": "s3cret"}})
    padding = [record({"id": offset, "name": "x", "doc": {"a": "s3cret" * 50}}, offset) for offset in range(1, 1001)]
    refused_by_us = record({"id": "s3cret", "name": "x", "doc": None}, 1001)
    with caplog.at_level(logging.DEBUG):
        task.put(refused_by_the_server, *padding)
        task.write(refused_by_us)
    assert sorted(task.reporter.offsets) == [0, 1001]
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("seed", range(12))
def test_exactly_the_poison_is_reported_wherever_it_lies(database: str, sink: MakeSink, seed: int) -> None:
    draw = seeded(seed)
    config = draw.choice([{}, UPSERT, {"sql.write.path": "unnest"}]) | {"batch.size": str(draw.choice([7, 40, 3000]))}
    count, reasons = draw.randint(1, 150), draw.sample(list(POISON), 4)
    share = draw.choice([0.02, 0.15, 0.5])
    poison = {offset: draw.choice(reasons) for offset in range(count) if draw.random() < share}
    task = sink(config, tolerant=True)
    records = [bad(offset, poison[offset]) if offset in poison else good(offset) for offset in range(count)]
    while records:
        size = draw.randint(1, 60)
        task.put(*records[:size])
        records = records[size:]
        if draw.random() < 0.3:
            task.flush()
    task.flush()
    assert sorted(task.reporter.offsets) == sorted(poison)
    assert ids(database) == [offset for offset in range(count) if offset not in poison]
    assert task.safe(orders=count) == {"orders": count}


def test_50_poison_rows_of_5000_leave_the_other_4950(database: str, sink: MakeSink) -> None:
    task = sink({"batch.size": "5000"}, tolerant=True)
    reasons = list(POISON)
    poison = {offset: reasons[offset // 100 % len(reasons)] for offset in range(17, 5000, 100)}
    task.write(*[bad(offset, poison[offset]) if offset in poison else good(offset) for offset in range(5000)])
    assert sorted(task.reporter.offsets) == list(poison)
    assert len(ids(database)) == 4950


def test_if_every_row_is_refused_for_one_reason_the_task_fails_and_nothing_is_reported(sink: MakeSink) -> None:
    task = sink({}, tolerant=True)
    with pytest.raises(ConnectError, match="all of 30 rows are refused"):
        task.write(*[bad(offset, "null") for offset in range(30)])
    assert task.reporter.offsets == []
    assert task.safe(orders=30) == {"orders": 0}


def test_a_duplicate_key_is_reported_with_its_constraint(database: str, sink: MakeSink) -> None:
    task = sink({}, tolerant=True)
    task.write(good(1), good(2))
    task.write(good(3), replace(good(1), offset=4), replace(good(4), offset=5), replace(good(3), offset=6))
    assert ids(database) == [1, 2, 3, 4]
    assert task.reporter.offsets == [4, 6]
    assert "orders_pkey" in task.reporter.texts[0]
    assert "23505" in task.reporter.texts[0]


def test_if_the_newest_record_of_a_key_is_bad_the_one_before_it_is_written(database: str, sink: MakeSink) -> None:
    task = sink(UPSERT, tolerant=True)
    first, second, third = (record(value, offset) for offset, value in enumerate([
        {"id": 1, "name": "first"}, {"id": 1, "name": "second"}, {"id": 1, "name": "x" * 21}]))
    task.write(first, second, third)
    assert rows(database, "SELECT id, name FROM orders") == [(1, "second")]
    assert task.reporter.offsets == [2]


def test_a_failing_delete_is_reported(database: str, sink: MakeSink) -> None:
    rows(database, "INSERT INTO parents VALUES (1), (2); INSERT INTO orders VALUES (1, 'child', 1, NULL, 1)")
    config = {"insert.mode": "upsert", "pk.mode": "record_key", "pk.fields": "id", "delete.enabled": "true"}
    task = sink(config, tolerant=True)
    task.write(record(None, 0, key=1, topic="parents"), record(None, 1, key=2, topic="parents"))
    assert task.reporter.offsets == [0]
    assert rows(database, "SELECT id FROM parents") == [(1,)]


def test_a_value_of_10_megabytes_is_written(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE big (id int, body text, raw bytea, doc jsonb)")
    big = "x" * 10_000_000
    value = {"id": 1, "body": big, "raw": big.encode(), "doc": {"a": big}}
    for config in ({}, {"sql.write.path": "unnest"}):
        sink(config).write(record(value, topic="big"), record({"id": 2}, topic="big"))
    assert rows(database, "SELECT id, length(body), length(raw), length(doc ->> 'a') FROM big ORDER BY 1") == [
        (1, 10_000_000, 10_000_000, 10_000_000)] * 2 + [(2, None, None, None)] * 2


def test_an_index_entry_that_is_too_large_is_the_records_fault(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE small (body text PRIMARY KEY)")
    task = sink({}, tolerant=True)
    noise = seeded(1).randbytes(20_000).hex()
    task.write(record({"body": "a"}, 0, topic="small"), record({"body": noise}, 1, topic="small"))
    assert task.reporter.offsets == [1]
    assert "54000" in task.reporter.texts[0]


def test_a_trigger_that_raises_makes_it_the_records_fault(database: str, sink: MakeSink) -> None:
    trigger(database, "P0001", "NEW.id = 2")
    task = sink({}, tolerant=True)
    task.write(good(1), good(2), good(3))
    assert (task.reporter.offsets, ids(database)) == ([2], [1, 3])


# -- what somebody has to change ----------------------------------------------------------------------------------

def test_a_missing_table_names_both_cures(sink: MakeSink) -> None:
    cures = r'no table users: set auto\.create=true, or create it: CREATE TABLE .*"users"'
    with pytest.raises(ConnectError, match=cures):
        sink({}, tolerant=True).put(*maps(3, topic="users"))


def test_a_missing_unique_index_is_given_as_a_statement(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE TABLE users (id int, name text, amount float8);"
                   "CREATE UNIQUE INDEX ON users (id) WHERE id > 0; CREATE INDEX ON users (id);"
                   "CREATE UNIQUE INDEX ON users ((id + 1)); CREATE UNIQUE INDEX ON users (id, name)")
    with pytest.raises(ConnectError, match=r'CREATE UNIQUE INDEX ON "users" \("id"\)'):
        sink(UPSERT, tolerant=True).put(*maps(3, topic="users"))
    rows(database, 'CREATE UNIQUE INDEX ON "users" ("id")')
    task = sink(UPSERT)
    task.write(*maps(3, topic="users"))
    assert rows(database, "SELECT count(*) FROM users") == [(3,)]


def test_a_missing_column_is_given_as_a_statement(sink: MakeSink) -> None:
    schema = Schema.struct({"id": Schema(Type.INT32), "colour": Schema(Type.STRING, optional=True)})
    with pytest.raises(ConnectError, match=r'set auto\.evolve=true.*ALTER TABLE "orders" ADD COLUMN .*"colour" TEXT'):
        sink({}, tolerant=True).put(record({"id": 1, "colour": "red"}, schema=schema))


def test_a_view_must_be_named_and_is_never_altered(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE VIEW v AS SELECT id, name, parent FROM orders")
    with pytest.raises(ConnectError, match=r"v is a VIEW, which table\.types leaves out"):
        sink({}).put(record({"id": 1}, topic="v"))
    task = sink({"table.types": "TABLE,VIEW", "auto.evolve": "true"})
    task.write(record({"id": 1, "name": "a"}, topic="v"))
    assert ids(database) == [1]
    with pytest.raises(ConnectError, match="no column \"extra\""):
        task.put(record({"id": 2, "extra": 1}, topic="v"))


def test_a_missing_privilege_is_named(database: str, sink: MakeSink) -> None:
    rows(database, "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
                   "GRANT SELECT ON orders TO reader")
    task = sink({"connection.user": "reader"}, tolerant=True)
    with pytest.raises(ConnectError, match=r"42501.*GRANT"):
        task.write(good(1))


def test_a_refused_login_fails_at_start_with_the_keys_to_check(postgres: Any, database: str) -> None:
    postgres.ensure_role("guarded", "right")
    with pytest.raises(ConnectError, match=r"refuses the login.*28P01.*connection\.user and connection\.password"):
        Sink(database, {"connection.user": "guarded", "connection.password": "wrong-secret"})
    with pytest.raises(ConnectError, match=r"28000|28P01"):
        Sink(database, {"connection.user": "nobody-of-this-name"})
    with pytest.raises(ConnectError, match="3D000"):
        Sink(database.rpartition("/")[0] + "/nowhere")


def test_a_table_that_changes_under_the_sink_is_read_again(database: str, sink: MakeSink) -> None:
    task = sink({**UPSERT, "auto.evolve": "true"})
    task.write(record({"id": 1, "name": "a", "amount": 1}))
    rows(database, "ALTER TABLE orders DROP amount; ALTER TABLE orders ALTER id TYPE bigint")
    task.write(record({"id": 2**40, "name": "b", "amount": 2}))
    assert rows(database, "SELECT id, amount FROM orders ORDER BY 1") == [(1, None), (2**40, 2)]
    streaming = sink({"auto.evolve": "true"})
    streaming.write(record({"id": 3, "name": "c", "amount": 3}))
    rows(database, "ALTER TABLE orders DROP amount")
    streaming.write(record({"id": 4, "name": "d", "amount": 4}))
    assert rows(database, "SELECT id, amount FROM orders WHERE id < 9 ORDER BY 1") == [(1, None), (3, None), (4, 4)]


# -- what passes --------------------------------------------------------------------------------------------------

def trigger(database: str, code: str, when: str) -> None:
    rows(database, f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused' "
                   f"USING ERRCODE = '{code}'; END $$; CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW "
                   f"WHEN ({when}) EXECUTE FUNCTION refuse()")


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "58030"])
def test_a_full_disk_is_waited_for_and_never_empties_the_topic(database: str, sink: MakeSink, code: str) -> None:
    trigger(database, code, "true")
    task = sink({"max.retries": "0"}, tolerant=True)
    records = [good(offset) for offset in range(5)]
    task.put(*records)
    for _ in range(5):
        with pytest.raises(RetriableError, match=f"{code}.*until it succeeds"):
            task.flush()
        assert task.safe(orders=5) == {"orders": 0}
    rows(database, "DROP TRIGGER refuse ON orders")
    task.flush()
    assert (ids(database), task.reporter.offsets, task.safe(orders=5)) == ([0, 1, 2, 3, 4], [], {"orders": 5})


def test_a_put_that_is_refused_may_come_again_and_again(database: str, sink: MakeSink) -> None:
    trigger(database, "53100", "true")
    task = sink({"batch.size": "10"}, tolerant=True)
    records = [good(offset) for offset in range(25)]
    for _ in range(3):
        with pytest.raises(RetriableError):
            task.put(*records)
        assert task.context.timeouts[-1] > 0
    rows(database, "DROP TRIGGER refuse ON orders")
    task.write(*records)
    task.write(*[good(offset) for offset in range(25, 30)])
    assert ids(database) == list(range(30))


def test_what_was_committed_before_a_refusal_is_not_written_again(database: str, sink: MakeSink) -> None:
    trigger(database, "53100", "NEW.id = 15")
    task = sink({"batch.size": "10", "pk.mode": "none"}, tolerant=True)
    records = [good(offset) for offset in range(20)]
    with pytest.raises(RetriableError):
        task.put(*records)
    assert ids(database) == list(range(10))
    assert task.safe(orders=0) == {"orders": 0}
    rows(database, "DROP TRIGGER refuse ON orders")
    task.write(*records)
    assert (ids(database), task.reporter.offsets) == (list(range(20)), [])


def test_a_statement_that_takes_too_long_is_tried_again_up_to_max_retries(database: str, sink: MakeSink) -> None:
    rows(database, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$ BEGIN PERFORM pg_sleep(5); RETURN NEW; END $$;"
                   "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION slow()")
    task = sink({"statement.timeout.ms": "50", "max.retries": "2"}, tolerant=True)
    task.put(good(1))
    for number in (1, 2):
        with pytest.raises(RetriableError, match=rf"57014.*retry {number} of 2"):
            task.flush()
    with pytest.raises(ConnectError, match=r"57014.*given up after 2 retries \(max\.retries\)"):
        task.flush()
    assert task.safe(orders=2) == {"orders": 1}
    assert task.reporter.offsets == []


def test_a_deadlock_is_retried_at_once(database: str, sink: MakeSink) -> None:
    rows(database, "INSERT INTO orders VALUES (1, 'old', 1), (2, 'old', 1)")
    task = sink(UPSERT, tolerant=True)
    with psycopg.connect(database) as other:
        other.execute("SET deadlock_timeout = '10s'")  # so that the sink is the one that is ended
        other.execute("UPDATE orders SET name = 'other' WHERE id = 2")

        def cross() -> None:
            while not rows(database, "SELECT 1 FROM pg_locks WHERE NOT granted"):
                time.sleep(0.01)
            other.execute("UPDATE orders SET name = 'other' WHERE id = 1")
            other.commit()

        thread = threading.Thread(target=cross)
        thread.start()
        task.write(record({"id": 1, "name": "sink"}), record({"id": 2, "name": "sink"}))
        thread.join()
    assert rows(database, "SELECT id, name FROM orders ORDER BY 1") == [(1, "sink"), (2, "sink")]
    assert task.context.waits


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
def test_immediate_retries_end_after_three(database: str, sink: MakeSink, code: str) -> None:
    trigger(database, code, "true")
    task = sink({}, tolerant=True)
    task.put(good(1))
    with pytest.raises(RetriableError, match=code):
        task.flush()
    assert len(task.context.waits) == 3


def test_dead_letters_are_reported_after_the_commit_and_offsets_wait_for_them(database: str, sink: MakeSink) -> None:
    task = sink({}, tolerant=True)
    seen: list[list[int]] = []
    report = task.reporter.report

    def refuse(record: SinkRecord, error: Exception) -> None:
        seen.append(ids(database))
        raise ConnectError("tolerance exceeded")

    task.reporter.report = refuse  # type: ignore[method-assign]
    with pytest.raises(ConnectError, match="tolerance exceeded"):
        task.write(good(0), bad(1, "null"), good(2))
    assert seen == [[0, 2]]
    assert task.safe(orders=3) == {"orders": 1}
    task.reporter.report = report  # type: ignore[method-assign]
