"""Say what the sink needs of a database: connect, introspect, create, write, classify errors.

Invariant: outside of `dialects` no SQL is written, no driver is imported and no error code is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from connectrt.sdk import DataError, Schema
from connectrt_sql.errors import Fault
from connectrt_sql.naming import TableName

Row = tuple[object, ...]


class Kind(Enum):
    """What is done with rows."""

    INSERT = "INSERT"
    INSERT_IGNORE = "INSERT ignoring duplicates"
    UPSERT = "UPSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of an existing table."""

    name: str
    type: object  #: the dialect's own
    type_text: str  #: as error messages print it
    nullable: bool
    has_default: bool
    generated: bool = False  #: computed by the database: never written


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An existing table. `columns` are in the table's order."""

    name: TableName
    type: str  #: TABLE, PARTITIONED TABLE, VIEW, ...
    columns: Mapping[str, Column]
    unique_keys: Sequence[frozenset[str]]  #: columns of each unique index an upsert can use
    unique_indexes: int  #: how many unique indexes of any kind
    accepts_streams: bool  #: rows may be streamed straight into it

    def column(self, name: str) -> Column | None:
        """Return the column of this name; if there is none, the only one that differs in case. DataError if several."""
        if name in self.columns:
            return self.columns[name]
        similar = [column for key, column in self.columns.items() if key.lower() == name.lower()]
        if len(similar) > 1:
            names = " and ".join(repr(each.name) for each in similar)
            raise DataError(f"{self.name} has no column {name!r} but {names}: rename the field to one of them")
        return similar[0] if similar else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewColumn:
    """A column to create."""

    name: str
    schema: Schema
    key: bool
    timestamp: bool = False  #: listed in timestamp.fields.list


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A column and how values get there."""

    column: Column
    #: The exact way: any value but None to what the driver sends. Raises NotRepresentable, its text without the value.
    encode: Callable[[object], object]
    #: Makes values the database takes for the same key equal and comparable. Raises as `encode`.
    identity: Callable[[object], object]
    #: The type of values that are their own identity.
    identical: type | None

    @property
    def name(self) -> str:
        return self.column.name


class NotRepresentable(ValueError):
    """A column cannot hold a value; the text says why, without the value."""


class Unfit(Exception):
    """Rows do not fit the fast encoders. The transaction is broken; written exactly, they may still be good."""


class Stream(Protocol):
    """Rows on their way into one table, within the current transaction."""

    def write(self, rows: Sequence[Row]) -> None:
        """Send rows. Raises Unfit, or an error of the driver."""

    def end(self) -> None:
        """Wait until the rows are in the table. Raises an error of the driver."""


class Session(Protocol):
    """One connection. A transaction begins with the first row and ends with commit or rollback.

    Outside of a transaction only: introspect, create_table, add_columns, count.
    """

    @property
    def idle_s(self) -> float:
        """Seconds since the last statement."""

    def check(self) -> None:
        """Ask the server for a sign of life. Raises an error of the driver."""

    def introspect(self, name: TableName) -> Table | None: ...

    def create_table(self, name: TableName, columns: Sequence[NewColumn]) -> Table:
        """Create a table unless it is there; tasks that want it at the same time wait for each other."""

    def add_columns(self, name: TableName, columns: Sequence[NewColumn]) -> Table:
        """Add those columns that are not there yet."""

    def open_stream(self, table: Table, columns: Sequence[Binding], *, exact: bool) -> Stream:
        """Begin to append rows. `exact`: use `Binding.encode` for every value."""

    def write(self, kind: Kind, table: Table, columns: Sequence[Binding], keys: int, rows: Sequence[Row], *,
              exact: bool) -> int:
        """Write rows whose first `keys` values are their key; return how many rows the database says it touched.

        DELETE: rows hold nothing but the key. Raises Unfit or an error of the driver.
        """

    def truncate(self, table: Table) -> None: ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what was written in the block if it raises."""

    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Undo everything since the last commit, open streams included. Raises an error of the driver."""

    def count(self, name: TableName) -> int: ...

    def cancel(self) -> None:
        """Stop what the server is doing for us. Any thread; never raises."""

    def close(self) -> None:
        """Never raises."""


class Dialect(Protocol):
    """One database as one task uses it."""

    #: Errors of the driver; `classify` takes them.
    errors: tuple[type[Exception], ...]
    #: Longest name of a table or column, in bytes of UTF-8.
    longest_name: int
    #: Host, port and database, for messages.
    address: str

    def connect(self) -> Session:
        """Raises an error of the driver."""

    def bind(self, column: Column, prepare: Callable[[object], object] | None) -> Binding:
        """Return how values get into a column; `prepare` comes first. Raises DataError if there is no way."""

    def can_stream(self, columns: Sequence[Binding]) -> bool: ...

    def classify(self, error: Exception) -> Fault: ...

    def create_table_sql(self, name: TableName, columns: Sequence[NewColumn]) -> str: ...

    def add_columns_sql(self, name: TableName, columns: Sequence[NewColumn]) -> str: ...

    def create_index_sql(self, name: TableName, columns: Sequence[str]) -> str:
        """The statement that makes these columns unique."""


def encode_row(columns: Sequence[Binding], row: Row) -> list[object]:
    """Encode every value exactly. Raises DataError that names the column."""
    encoded: list[object] = []
    for binding, value in zip(columns, row, strict=True):
        try:
            encoded.append(None if value is None else binding.encode(value))
        except NotRepresentable as error:
            raise cannot_take(binding, error) from None
    return encoded


def cannot_take(binding: Binding, error: NotRepresentable) -> DataError:
    return DataError(f'column "{binding.name}" ({binding.column.type_text}) cannot take {error}')
