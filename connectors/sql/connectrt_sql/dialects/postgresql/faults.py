"""Classify PostgreSQL's errors by SQLSTATE, and psycopg's by class.

Source: PostgreSQL, appendix A; each code that is singled out here has a test against a server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import psycopg

from connectrt_sql.errors import Fault, FaultKind

_KINDS: Final[Mapping[str, FaultKind]] = {
    "40001": FaultKind.RETRY_NOW,  # serialization failure
    "40P01": FaultKind.RETRY_NOW,  # deadlock
    "55P03": FaultKind.RETRY_NOW,  # lock_timeout
    "25006": FaultKind.RETRY_LATER,  # read-only after a failover
    "25P02": FaultKind.RETRY_LATER,  # in failed transaction
    "57014": FaultKind.RETRY_LATER,  # statement_timeout
    "40003": FaultKind.RETRY_LATER,  # completion unknown
    "25P03": FaultKind.AWAY,  # idle_in_transaction_session_timeout
    "57P01": FaultKind.AWAY,  # shutdown, pg_terminate_backend
    "57P02": FaultKind.AWAY,  # crash of another backend
    "57P03": FaultKind.AWAY,  # starting up
    "57P05": FaultKind.AWAY,  # idle_session_timeout
    "21000": FaultKind.RECORD,  # ON CONFLICT would touch a row twice
    "42P01": FaultKind.STALE,  # no such table
    "42703": FaultKind.STALE,  # no such column
    "42P10": FaultKind.STALE,  # no unique index for ON CONFLICT
    "42804": FaultKind.STALE,  # type of a column changed
}

_CLASSES: Final[Mapping[str, FaultKind]] = {
    "08": FaultKind.AWAY,
    "22": FaultKind.RECORD,  # data
    "23": FaultKind.RECORD,  # constraints
    "44": FaultKind.RECORD,  # WITH CHECK OPTION
    "54": FaultKind.RECORD,  # limits, such as the size of an index entry
    "P0": FaultKind.RECORD,  # RAISE in a trigger
    "53": FaultKind.FULL,
    "58": FaultKind.FULL,  # I/O error
}

_CURES: Final[Mapping[str, str]] = {
    "42501": "GRANT the right to connection.user",
    "26000": "a proxy shares the connection: set connection.prepare=false",
    "42P05": "a proxy shares the connection: set connection.prepare=false",
    "3F000": "create the schema",
    "3D000": "create the database or correct connection.url",
    "25006": "connection.url must name the primary server",
    "28000": "check connection.user, connection.password and the server's pg_hba.conf",
    "28P01": "check connection.user and connection.password",
}

#: libpq gives no SQLSTATE for a refused connection, only the server's text.
_REFUSALS: Final = (
    (re.compile("password authentication failed|no password supplied|authentication failed"), "28P01"),
    (re.compile("no pg_hba.conf entry|role .* does not exist|not permitted to log in"), "28000"),
    (re.compile("database .* does not exist"), "3D000"),
    (re.compile("permission denied for database"), "42501"),
)
_TLS: Final = re.compile(r"SSL|TLS|certificate|sslmode")
_QUOTED: Final = re.compile(r'"[^"]*"')
_NUMBER: Final = re.compile(r"\d+")


def classify(error: Exception, address: str) -> Fault:
    """Return what an error of psycopg means. Its text holds no values: class 22 quotes them, so quotes are emptied."""
    if not isinstance(error, psycopg.Error):
        raise TypeError(f"{type(error).__name__} is no error of psycopg") from error
    code = error.sqlstate
    if code is None:
        return _without_code(error, address)
    text = error.diag.message_primary or type(error).__name__
    kind = _KINDS.get(code) or _CLASSES.get(code[:2], FaultKind.FATAL)
    if code == "0A000" and "cached plan" in text:
        kind = FaultKind.STALE
    if kind is FaultKind.RECORD and not code.startswith("23"):
        text = _QUOTED.sub('"..."', text.splitlines()[0])
    row, column = _place(error)
    return Fault(kind=kind, text=text, code=code, row=row, column=column, cure=_CURES.get(code))


def _without_code(error: psycopg.Error, address: str) -> Fault:
    text = str(error).strip()
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        for pattern, code in _REFUSALS:
            if pattern.search(text):
                return Fault(kind=FaultKind.FATAL, text=f"{address} refuses the login: {_last_line(text)}", code=code,
                             cure=_CURES[code])
        if _TLS.search(text) and "connection failed" in text:
            return Fault(kind=FaultKind.FATAL, text=f"no secure connection to {address}: {_last_line(text)}",
                         cure="check connection.sslmode and connection.sslrootcert")
        return Fault(kind=FaultKind.AWAY, text=f"{address} cannot be reached: {_last_line(text)}")
    return Fault(kind=FaultKind.FATAL, text=f"{type(error).__name__}: {_last_line(text)}")


def _place(error: psycopg.Error) -> tuple[int | None, str | None]:
    """Read row and column from the context COPY gives: `COPY orders, line 42, column amount`, in any language."""
    column = error.diag.column_name
    for line in (error.diag.context or "").splitlines():
        if not line.startswith("COPY "):
            continue
        # A table's name may hold digits and commas: the line follows the last ", " before it.
        parts = line.removeprefix("COPY ").split(", ")
        for index in range(1, len(parts)):
            if (number := _NUMBER.search(parts[index])) is not None:
                if column is None and index + 1 < len(parts):
                    column = ", ".join(parts[index + 1:]).partition(" ")[2].split(":")[0] or None
                return int(number[0]) - 1, column
    return None, column


def _last_line(text: str) -> str:
    return text.splitlines()[-1].strip() if text else "no reason given"
