"""Stream rows into one COPY ... FROM STDIN (FORMAT binary).

Invariant: what psycopg's encoders would cut off without a word is noticed before. After any refusal the transaction is
given up, since psycopg's buffer may then hold part of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final

import psycopg
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.copy import LibpqWriter
from psycopg.pq import Format

from connectrt.sdk import DataError
from connectrt_sql.dialects.base import Row, Unfit, encode_row
from connectrt_sql.dialects.postgresql.types import BYTES_OID, ENCODE_ERRORS, Encode, PgBinding

#: psycopg finds encoders by type oid; these stand for encoders of ours and are never sent to the server.
_FIRST_OWN_OID: Final = 4_200_000_000


class Encoders:
    """Make encoders of ours known to a connection: COPY calls them from C, once per value that is not None."""

    def __init__(self, adapters: AdaptersMap) -> None:
        self._adapters = adapters
        self._oids: dict[Encode, int] = {}

    def oid(self, binding: PgBinding) -> int:
        if (native := binding.wire.native_oid) is not None:
            return native
        encode = binding.wire.encode
        if encode not in self._oids:
            self._oids[encode] = _FIRST_OWN_OID + len(self._oids)
            self._adapters.register_dumper(None, _dumper(self._oids[encode], encode))
        return self._oids[encode]


class BinaryCopy:
    """One COPY, from its first row to `end` or `give_up`."""

    def __init__(self, connection: psycopg.Connection[Row], sql: str, columns: Sequence[PgBinding],
                 encoders: Encoders, *, exact: bool) -> None:
        self._columns = columns
        self._exact = exact
        self._checks = [(index, binding.wire.native_takes) for index, binding in enumerate(columns)
                        if binding.wire.native_takes is not None]
        oids = [BYTES_OID if exact else encoders.oid(binding) for binding in columns]
        cursor = connection.cursor()
        self._block: AbstractContextManager[psycopg.Copy] = cursor.copy(sql.encode(), writer=_QuietWriter(cursor))
        self._copy = self._block.__enter__()
        self._copy.set_types(oids)

    def write(self, rows: Sequence[Row]) -> None:
        """Raises Unfit or psycopg.Error."""
        encode = self._copy.formatter.write_row  # what Copy.write_row does, but for a call per row
        try:
            if self._exact:
                rows = [tuple(encode_row(self._columns, row)) for row in rows]
            else:
                for index, takes in self._checks:
                    if not takes([row[index] for row in rows]):
                        raise Unfit
            for row in rows:
                if block := encode(row):
                    self._copy.write(block)
        except (*ENCODE_ERRORS, DataError) as error:
            raise Unfit from error

    def end(self) -> None:
        """Raises psycopg.Error for the first row the server refuses."""
        self._block.__exit__(None, None, None)

    def give_up(self) -> None:
        """Tell the server to forget the rows; the transaction can only be rolled back. Raises psycopg.Error."""
        with suppress(_GivenUp):
            self._block.__exit__(_GivenUp, _GivenUp("the rows are written again"), None)


class _QuietWriter(LibpqWriter):
    """When a COPY is given up, psycopg would log what the server says of it: with the values of a row."""

    def finish(self, exc: BaseException | None = None) -> None:
        if exc is None:
            super().finish()
        else:
            with suppress(psycopg.Error):
                super().finish(exc)


class _GivenUp(Exception):
    """Ends a COPY on the client's side."""


def _dumper(own_oid: int, encode: Encode) -> type[Dumper]:
    class OwnDumper(Dumper):
        format = Format.BINARY
        oid = own_oid
        dump = staticmethod(encode)  # type: ignore[assignment]  # called from C: a method would cost a call more

    return OwnDumper
