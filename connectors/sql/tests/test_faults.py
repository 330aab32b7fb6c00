"""SQLSTATE -> what to do. (PostgreSQL, appendix A)"""

from __future__ import annotations

import psycopg
import pytest
from connectrt_sql.dialects.postgresql.faults import classify
from connectrt_sql.errors import Fault, FaultKind
from hypothesis import given
from hypothesis import strategies as st

from connectors.sql.tests.harness import rows


class Diagnostic:
    def __init__(self, primary: str | None, context: str | None = None, column: str | None = None) -> None:
        self.message_primary, self.context, self.column_name = primary, context, column


def fault(code: str, primary: str = "text", context: str | None = None, column: str | None = None) -> Fault:
    class ServerError(psycopg.Error):
        sqlstate = code
        diag = Diagnostic(primary, context, column)  # type: ignore[assignment]

    return classify(ServerError(), "PostgreSQL h/db")


@pytest.mark.parametrize(("codes", "kind"), [
    ("40001 40P01 55P03", FaultKind.RETRY_NOW),
    ("57014 25006 40003", FaultKind.RETRY_LATER),
    ("08000 08003 08006 08P01 57P01 57P02 57P03 57P05 25P03", FaultKind.AWAY),
    ("53000 53100 53200 53300 53400 58000 58030", FaultKind.FULL),
    ("22001 22003 22007 22008 22021 22P02 22P03 22P05 23502 23503 23505 23514 23P01 21000 44000 54000 P0001",
     FaultKind.RECORD),
    ("42P01 42703 42P10 42804", FaultKind.STALE),
    ("42501 42601 28000 28P01 3D000 3F000 0A000 26000 XX000", FaultKind.FATAL)])
def test_every_sqlstate_has_its_class(codes: str, kind: FaultKind) -> None:
    assert {fault(code).kind for code in codes.split()} == {kind}


def test_a_cached_plan_that_no_longer_fits_is_stale() -> None:
    assert fault("0A000", "cached plan must not change result type").kind is FaultKind.STALE


@pytest.mark.parametrize("primary", ['invalid input syntax for type integer: "s3cret"',
                                     'value "s3cret" is out of range for type integer', 'multi\nline s3cret'])
def test_values_that_the_server_quotes_are_left_out(primary: str) -> None:
    assert "s3cret" not in str(fault("22P02", primary))


def test_names_in_messages_about_constraints_are_kept() -> None:
    assert '"orders_pkey"' in str(fault("23505", 'duplicate key value violates unique constraint "orders_pkey"'))


@pytest.mark.parametrize(("context", "row", "column"), [
    ("COPY orders, line 42", 41, None), ("COPY orders, line 42, column amount", 41, "amount"),
    ('COPY orders, line 3, column a b: "x, y"', 2, "a b"), ("COPY t 5, line 11", 10, None),
    ("COPY orders, Zeile 7, Spalte betrag", 6, "betrag"),
    ("JSON data, line 1: {x\nCOPY orders, line 2, column j", 1, "j"),
    ("PL/pgSQL function f() line 1 at RAISE\nCOPY orders, line 9", 8, None),
    ("PL/pgSQL function f() line 1 at RAISE", None, None), (None, None, None), ("COPY ", None, None)])
def test_the_row_at_fault_is_read_from_copys_context(context: str | None, row: int | None, column: str | None) -> None:
    found = fault("22003", context=context)
    assert (found.row, found.column) == (row, column)


@given(st.text(), st.text(), st.none() | st.text())
def test_no_message_makes_it_raise(primary: str, context: str, column: str | None) -> None:
    found = fault("22P02", primary or "x", "COPY " + context, column)
    assert found.row is None or found.row >= -1


@pytest.mark.parametrize(("text", "kind", "code"), [
    ('connection failed: FATAL:  password authentication failed for user "u"', FaultKind.FATAL, "28P01"),
    ("connection failed: fe_sendauth: no password supplied", FaultKind.FATAL, "28P01"),
    ('connection failed: FATAL:  role "u" does not exist', FaultKind.FATAL, "28000"),
    ('connection failed: FATAL:  database "x" does not exist', FaultKind.FATAL, "3D000"),
    ("connection failed: server does not support SSL, but SSL was required", FaultKind.FATAL, None),
    ("connection failed: FATAL:  the database system is starting up", FaultKind.AWAY, None),
    ("connection failed: Connection refused", FaultKind.AWAY, None), ("the connection is lost", FaultKind.AWAY, None),
    ("", FaultKind.AWAY, None)])
def test_errors_without_sqlstate_are_told_by_their_text(text: str, kind: FaultKind, code: str | None) -> None:
    found = classify(psycopg.OperationalError(text), "PostgreSQL h/db")
    assert (found.kind, found.code) == (kind, code)
    assert "h/db" in found.text


def test_a_mistake_of_ours_is_fatal() -> None:
    assert classify(psycopg.ProgrammingError("x"), "PostgreSQL h/db").kind is FaultKind.FATAL


@pytest.mark.parametrize("column", ["plain", "a b", "x, y", "line 3", "a: b"])
@pytest.mark.parametrize("table", ["orders", "t 5", "a, line 3", "COPY x", "line 1, column c"])
def test_the_server_is_understood_whatever_a_table_is_called(database: str, table: str, column: str) -> None:
    rows(database, f'CREATE TABLE "{table}" ("{column}" int)')
    with psycopg.connect(database) as connection:
        with pytest.raises(psycopg.Error) as caught, connection.cursor().copy(
                f'COPY "{table}" FROM STDIN'.encode()) as copy:
            copy.write("1\n2\nx\n")
        assert classify(caught.value, "").row == 2
