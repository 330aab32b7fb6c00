"""Write records into one open transaction: insert streams rows as they come, the other modes collect and reduce.

Invariant: whatever goes wrong before a COMMIT covers a record or its fault is final, it is written again. Either it is
in `held`, whose first `_kept` records are in the open transaction; or it was streamed into a COPY and let go, lies at
or after its partition's offset in `streamed`, and `rewinds` will ask Kafka for it.

Rows are let go because thousands of records that are held leave the CPU's cache, and that costs more than writing them.
After a failure records are held again until a COMMIT has passed its place, so that the one at fault can be found.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple, cast

from connectrt.sdk import DataError, SinkRecord, TaskTracing
from connectrt_sql.decode import Batch, Decoder, Rejected
from connectrt_sql.dialects.base import (
    Binding,
    Dialect,
    Kind,
    NotRepresentable,
    Row,
    Session,
    Stream,
    Unfit,
    cannot_take,
    encode_row,
)
from connectrt_sql.errors import Fault, FaultKind
from connectrt_sql.isolate import isolate
from connectrt_sql.mapping import Action
from connectrt_sql.naming import TableName
from connectrt_sql.places import Place, extents, place_of
from connectrt_sql.reduce import Group, Op, OpKind, group, in_runs, reduce_by_key
from connectrt_sql.settings import InsertMode, Settings
from connectrt_sql.tables import Tables, Target

log = logging.getLogger(__name__)


class Pending(NamedTuple):
    """Operations on one table that are not written yet."""

    target: Target
    ops: list[Op]


class Writer:
    """One task's way into its database. Task thread only, but for `cancel`."""

    def __init__(self, settings: Settings, dialect: Dialect, tracing: TaskTracing, *, tolerant: bool) -> None:
        """`tolerant`: go on without records that cannot be written; otherwise the first one raises DataError."""
        self._settings = settings
        self._dialect = dialect
        self._tracing = tracing
        self.tables = Tables(settings, dialect, before_ddl=self.commit)
        self._decoder = Decoder(settings, self.tables, tolerant=tolerant)
        self.held: list[SinkRecord] = []
        self.rewinds: dict[Place, int] = {}  #: where delivery has to begin again
        self._hold_until: dict[Place, int] = {}  #: last offsets up to which nothing is let go
        self.rejected: list[Rejected] = []  #: final, to be reported
        self.written: set[TableName] = set()
        self.commits = 0
        self._session: Session | None = None
        self._exact: set[TableName] = set()  #: tables whose records the fast encoders have refused
        self._unmatched_told: set[TableName] = set()
        self._start_over()

    def _start_over(self) -> None:
        self._entered = self._kept = 0
        self.streamed: dict[Place, int] = {}  #: first offsets of this transaction's records that are not held
        self._last: dict[Place, int] = {}  #: last offsets of this transaction's records
        self._faults: list[Rejected] = []  #: of this transaction
        self._stream: tuple[Target, Stream] | None = None
        self._pending: dict[TableName, Pending] = {}
        self._begun = False  #: the database has rows of ours

    # -- the connection -------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing is held and no transaction is open."""
        return not (self.held or self._begun or self._pending or self._faults)

    @property
    def connected(self) -> bool:
        return self._session is not None

    def connect(self) -> Session:
        """Return the open connection, or a new one. Raises an error of the driver."""
        if self._session is None:
            self._session = self._dialect.connect()
        return self._session

    def check_idle(self, longer_than_s: float) -> None:
        """Find out whether a connection that was not used for so long still lives. Raises an error of the driver."""
        if self._session is not None and not self._begun and self._session.idle_s > longer_than_s:
            self._session.check()

    def cancel(self) -> None:
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    # -- the transaction ------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Bring all held records into the transaction; commit it whenever it is full.

        Raises an error of the driver, Unfit, DataError or ConnectError; `abandon` must follow.
        """
        while self._kept < len(self.held):
            room = max(1, self._settings.batch_size - self._entered)
            part = self.held[self._kept:self._kept + room]
            self._enter(part)
            self._entered += len(part)
            self._let_go(part)
            if self._entered >= self._settings.batch_size:
                self.commit()

    def _let_go(self, part: Sequence[SinkRecord]) -> None:
        """Note what is in the transaction now, and hold it no longer if a COPY has all of it."""
        places = extents(part)
        self._last.update((place, last) for place, (_, last) in places.items())
        if self._hold_until or self._pending:
            self._kept += len(part)
            return
        for place, (first, _) in places.items():
            self.streamed.setdefault(place, first)
        del self.held[self._kept:self._kept + len(part)]

    def commit(self) -> None:
        """Write what was collected and make it last. Raises as `write`."""
        if self._pending or self._begun:
            with self._tracing.flush():
                self._end_stream()
                self._write_ops()
                if self._begun:
                    self.connect().commit()
                    self.commits += 1
        del self.held[:self._kept]
        self.rejected += self._faults
        self._hold_until = {place: last for place, last in self._hold_until.items() if last > self._last.get(place, -1)}
        self._start_over()

    def abandon(self, *, lost: bool) -> bool:
        """Give the transaction up. `lost`: the connection is of no more use. True: `rewinds` has to be asked for."""
        must_rewind = bool(self.streamed)
        if must_rewind:
            self.rewinds.update(self.streamed)
            self._hold_until.update(self._last)
            self._hold_until.update((place, last) for place, (_, last) in extents(self.held).items())
            self.held = [each for each in self.held if place_of(each) not in self.streamed]
        self._start_over()
        if self._session is None:
            return must_rewind
        if not lost:
            try:
                self._session.rollback()
            except self._dialect.errors:
                lost = True
        if lost:
            self.close()
        return must_rewind

    def drop(self, records_of: frozenset[tuple[str, int]]) -> None:
        """Forget what is held of these partitions."""
        if not records_of.isdisjoint(self.streamed) or any(place_of(each) in records_of for each in self.held):
            self.abandon(lost=False)
            self.held = [each for each in self.held if place_of(each) not in records_of]
        for place in records_of:
            self.rewinds.pop(place, None)
            self._hold_until.pop(place, None)

    def _enter(self, records: Sequence[SinkRecord]) -> None:
        # Decoding may commit what was entered before; from here on these records belong to one transaction.
        batches, faults = self._decoder.decode(records)
        self._faults += faults
        for batch in self._joined(batches):
            self._add(batch)

    def _joined(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        """Join rows of the same target, so that a COPY is not ended for every record; the open one goes on first.

        Rows that are only appended have no order among each other, except around a truncate.
        """
        if len(batches) < 2 or not all(batch.target.streams and batch.action is Action.WRITE for batch in batches):
            return batches
        joined: dict[Target, list[Row]] = {} if self._stream is None else {self._stream[0]: []}
        for batch in batches:
            joined.setdefault(batch.target, []).extend(batch.rows)
        return [Batch(Action.WRITE, target, rows, ()) for target, rows in joined.items() if rows]

    # -- rows to the database -------------------------------------------------------------------------------------

    def _add(self, batch: Batch) -> None:
        target = batch.target
        if batch.action is Action.TRUNCATE:
            self._end_stream()
            self._write_ops()
            self._begin(target).truncate(target.table)
        elif target.streams:
            self._append(target, batch.rows)
        else:
            self._collect(batch)

    def _append(self, target: Target, rows: Sequence[Row]) -> None:
        name = target.table.name
        if self._stream is None or self._stream[0] is not target:
            self._end_stream()
            session = self._begin(target)
            self._stream = target, session.open_stream(target.table, target.columns, exact=name in self._exact)
        try:
            self._stream[1].write(rows)
        except Unfit:
            self._exact.add(name)
            raise

    def _end_stream(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream[1], None
            stream.end()

    def _begin(self, target: Target) -> Session:
        self._begun = True
        self.written.add(target.table.name)
        return self.connect()

    def _collect(self, batch: Batch) -> None:
        target = batch.target
        pending = self._pending.setdefault(target.table.name, Pending(target, []))
        keyed = target.columns[:target.keys] if self._settings.insert_mode is not InsertMode.INSERT else ()
        kind, columns = OpKind.WRITE, target.columns
        if batch.action is Action.DELETE:
            kind, columns = OpKind.DELETE, target.columns[:target.keys]
        try:
            keys = _identities(keyed, batch.rows)
        except DataError as error:
            if len(batch.rows) == 1:
                self._decoder.reject(batch.records[0], error, self._faults)
            else:
                for row, record in zip(batch.rows, batch.records, strict=True):
                    self._collect(Batch(batch.action, target, [row], [record]))
            return
        pending.ops.extend([Op(kind, key, columns, row, record)
                            for key, row, record in zip(keys, batch.rows, batch.records, strict=True)])

    def _write_ops(self) -> None:
        """Write what was collected, tables in the order of their names."""
        collected, self._pending = self._pending, {}
        for name in sorted(collected, key=str):
            target = collected[name].target
            for each in self._groups(collected[name]):
                session = self._begin(target)
                try:
                    self._write_group(session, target, each, exact=name in self._exact)
                except Unfit:
                    self._exact.add(name)
                    raise

    def _groups(self, pending: Pending) -> list[Group]:
        """Where a table has several unique indexes, what lies between two writes of a key may matter to the others."""
        target, mode = pending.target, self._settings.insert_mode
        if mode is InsertMode.INSERT:
            return in_runs(pending.ops, cut_at_repeats=False)
        if target.table.unique_indexes > 1 and not self._settings.reduce_always:
            return in_runs(pending.ops, cut_at_repeats=True)
        return group(reduce_by_key(pending.ops, creates=mode is InsertMode.UPSERT), target.keys)

    def _write_group(self, session: Session, target: Target, each: Group, *, exact: bool) -> None:
        rows = [op.row for op in each.ops]
        if each.kind is OpKind.DELETE:
            rows = [row[:target.keys] for row in rows]
        columns = cast(Sequence[Binding], each.columns)
        touched = session.write(self._kind(each.kind), target.table, columns, target.keys, rows, exact=exact)
        if self._settings.insert_mode is InsertMode.UPDATE and touched < len(rows):
            self._tell_unmatched(target.table.name, each.kind)

    def _kind(self, kind: OpKind) -> Kind:
        if kind is OpKind.DELETE:
            return Kind.DELETE
        if self._settings.insert_mode is InsertMode.INSERT:
            return Kind.INSERT_IGNORE if self._settings.ignore_duplicates else Kind.INSERT
        return Kind.UPSERT if self._settings.insert_mode is InsertMode.UPSERT else Kind.UPDATE

    def _tell_unmatched(self, name: TableName, kind: OpKind) -> None:
        if kind is OpKind.WRITE and name not in self._unmatched_told:
            self._unmatched_told.add(name)
            log.warning("insert.mode=update: some records have no row to update",
                        extra={"action": "write", "table": str(name)})

    # -- records at fault -----------------------------------------------------------------------------------------

    def isolate(self) -> None:
        """Write all held records that can be written; the others are rejected. Slow. Raises as `write`."""
        while self.held:
            part = self.held[:self._settings.batch_size]
            batches, faults = self._decoder.decode(part)
            self._faults += faults
            for batch in batches:
                if batch.action is Action.TRUNCATE:
                    self._isolate_ops()
                    self._begin(batch.target).truncate(batch.target.table)
                else:
                    self._collect(batch)
            self._isolate_ops()
            self._entered = self._kept = len(part)
            self._last.update((place, last) for place, (_, last) in extents(part).items())
            self.commit()

    def _isolate_ops(self) -> None:
        collected, self._pending = self._pending, {}
        for name in sorted(collected, key=str):
            pending = collected[name]
            for each in self._groups(pending):
                for op, error in self._isolate_group(pending.target, each):
                    self._apply_in_turn(pending, op, error)

    def _isolate_group(self, target: Target, each: Group) -> list[tuple[Op, DataError]]:
        columns = cast(Sequence[Binding], each.columns)
        refused: list[tuple[Op, DataError]] = []
        good: list[Op] = []
        for op in each.ops:
            try:
                encode_row(columns, op.row[:len(columns)])
                good.append(op)
            except DataError as error:
                refused.append((op, error))
        failures = isolate(good, lambda ops: self._attempt(target, Group(each.kind, each.columns, ops)),
                           most_failures=self._settings.bisect_max_failures)
        return refused + [(op, DataError(_fault_text(target, fault))) for op, fault in failures]

    def _attempt(self, target: Target, each: Group) -> Fault | None:
        session = self._begin(target)
        try:
            with session.savepoint():
                if target.streams:
                    stream = session.open_stream(target.table, target.columns, exact=True)
                    stream.write([op.row for op in each.ops])
                    stream.end()
                else:
                    self._write_group(session, target, each, exact=True)
        except self._dialect.errors as error:
            fault = self._dialect.classify(error)
            if fault.kind is not FaultKind.RECORD:
                raise
            return fault
        return None

    def _apply_in_turn(self, pending: Pending, failed: Op, error: DataError) -> None:
        """An operation may stand for several of its key: apply them one after the other and refuse those that fail."""
        history = [op for op in pending.ops if op.key == failed.key] if failed.key else [failed]
        if len(history) == 1:
            self._decoder.reject(failed.record, error, self._faults)
            return
        for op in history:
            for _, why in self._isolate_group(pending.target, Group(op.kind, op.columns, [op])):
                self._decoder.reject(op.record, why, self._faults)


def _identities(keyed: Sequence[Binding], rows: Sequence[Row]) -> Sequence[tuple[object, ...]]:
    """The keys of rows, comparable. Raises DataError."""
    if not keyed:
        return [()] * len(rows)
    columns: list[Sequence[object]] = []
    for index, binding in enumerate(keyed):
        column: Sequence[object] = [row[index] for row in rows]
        try:
            same = set(map(type, column)) == {binding.identical}
            columns.append(column if same else [binding.identity(value) for value in column])
        except NotRepresentable as error:
            raise cannot_take(binding, error) from None
    return list(zip(*columns, strict=True))


def _fault_text(target: Target, fault: Fault) -> str:
    column = "" if fault.column is None else f', column "{fault.column}"'
    return f"table {target.table.name}{column}: {fault}"
