"""Turn held records into rows of targets: planned, arranged, those that can be no row set aside.

Invariant: whatever planning needs of the database, a new table included, has happened when the batches are returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from connectrt.sdk import DataError, SinkRecord
from connectrt_sql.dialects.base import Row
from connectrt_sql.keys import MisfitError
from connectrt_sql.mapping import Action, Mapper, Shape
from connectrt_sql.settings import Settings
from connectrt_sql.tables import Plan, Tables, Target, UnknownFieldError


class Rejected(NamedTuple):
    """A record that cannot be written, and why."""

    record: SinkRecord
    error: DataError


class Batch(NamedTuple):
    """Rows of one target, in order; of deletes and truncates there are no other columns than the key's."""

    action: Action
    target: Target
    rows: Sequence[Row]
    records: Sequence[SinkRecord]


class Decoder:
    """Records to batches. `tolerant`: records at fault are returned; otherwise the first one raises DataError."""

    def __init__(self, settings: Settings, tables: Tables, *, tolerant: bool) -> None:
        self._settings = settings
        self._tables = tables
        self._tolerant = tolerant
        self._mapper = Mapper(settings)

    def decode(self, records: Sequence[SinkRecord]) -> tuple[list[Batch], list[Rejected]]:
        """Raises ConnectError if somebody has to change something, or an error of the driver."""
        faults: list[Rejected] = []
        return [batch for run in _runs(records) for batch in self._batches(run, faults)], faults

    def reject(self, record: SinkRecord, error: DataError, faults: list[Rejected]) -> None:
        placed = DataError(f"{record.place}: {error}")
        if not self._tolerant:
            raise placed from None
        faults.append(Rejected(record, placed))

    def _batches(self, run: Sequence[SinkRecord], faults: list[Rejected]) -> list[Batch]:
        """Turn records of one topic and schema into rows; if they are all alike, at once."""
        try:
            shape = self._mapper.shape(run[0])
            rows = shape.rows(run)
            plan = self._tables.cached(shape) or self._tables.plan(shape, [(shape, row) for row in rows])
            if plan.arrange is not None:
                rows = list(map(plan.arrange, rows))
            return [Batch(Action.WRITE, plan.target, rows, run)]
        except (MisfitError, DataError):
            pass
        return list(self._one_by_one(run, faults))

    def _one_by_one(self, run: Sequence[SinkRecord], faults: list[Rejected]) -> Iterator[Batch]:
        decoded: list[tuple[SinkRecord, Shape, Action, Row]] = []
        for record in run:
            try:
                shape = self._mapper.shape(record)
                decoded.append((record, shape, *shape.decode(record)))
            except DataError as error:
                self.reject(record, error, faults)
        sample = [(shape, row) for _, shape, action, row in decoded if action is Action.WRITE]
        for record, shape, action, row in decoded:
            if action is Action.SKIP:
                continue
            try:
                plan = self._tables.cached(shape) or self._tables.plan(shape, sample)
                if action is Action.WRITE:
                    plan, row = self._arranged(plan, shape, row)
            except DataError as error:
                self.reject(record, error, faults)
            else:
                yield Batch(action, plan.target, [row], [record])

    def _arranged(self, plan: Plan, shape: Shape, row: Row) -> tuple[Plan, Row]:
        if plan.arrange is None:
            return plan, row
        try:
            return plan, plan.arrange(row)
        except UnknownFieldError:
            if not self._settings.auto_evolve:
                raise
        plan = self._tables.replan(shape, row)
        return plan, row if plan.arrange is None else plan.arrange(row)


def _runs(records: Sequence[SinkRecord]) -> Iterator[Sequence[SinkRecord]]:
    """Cut where topic, schemas or the presence of a value change."""
    first, start = records[0], 0
    if (len({each.topic for each in records}) == 1 and None not in [each.value for each in records]
            and len({id(each.value_schema) for each in records}) == 1
            and len({id(each.key_schema) for each in records}) == 1):  # a usual batch
        yield records
        return
    topic, key_schema, schema, empty = first.topic, first.key_schema, first.value_schema, first.value is None
    for index, record in enumerate(records):
        if (record.value_schema is not schema or record.topic != topic or record.key_schema is not key_schema
                or (record.value is None) is not empty):
            yield records[start:index]
            start = index
            topic, key_schema, schema = record.topic, record.key_schema, record.value_schema
            empty = record.value is None
    yield records[start:]
