"""Drive a sink task as the runtime does, without one: a context that notes what the task asks for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import psycopg
from connectrt_sql.config import CONFIG
from connectrt_sql.sink import SqlSinkTask

from connectrt.sdk import Attributes, RetriableError, Schema, SinkRecord, TopicPartition, Type


@dataclass
class Span:
    name: str
    attributes: dict[str, object] = field(default_factory=dict)
    parent: str | None = None
    failed: bool = False
    start_ns: int | None = None
    recording: bool = True

    def set(self, attributes: Attributes) -> None:
        self.attributes.update(attributes)

    def event(self, name: str, attributes: Attributes | None = None) -> None:
        return None


class Tracing:
    """Keeps the spans a task makes, in order of their end."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._open: list[str] = []

    def client(self, name: str, attributes: Attributes | None = None, *,
               start_ns: int | None = None) -> AbstractContextManager[Span]:
        return self._span(Span(name, dict(attributes or {}), start_ns=start_ns))

    def flush(self, name: str = "flush") -> AbstractContextManager[Span]:
        return self._span(Span(name))

    @contextmanager
    def _span(self, span: Span) -> Iterator[Span]:
        span.parent = self._open[-1] if self._open else None
        self._open.append(span.name)
        try:
            yield span
        except BaseException:
            span.failed = True
            raise
        finally:
            self._open.pop()
            self.spans.append(span)

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


class Reporter:
    def __init__(self) -> None:
        self.reported: list[tuple[SinkRecord, Exception]] = []

    def report(self, record: SinkRecord, error: Exception) -> None:
        self.reported.append((record, error))

    @property
    def offsets(self) -> list[int]:
        return [record.offset for record, _ in self.reported]

    @property
    def texts(self) -> list[str]:
        return [str(error) for _, error in self.reported]


class Context:
    """Implements SinkTaskContext."""

    def __init__(self, *, reporter: Reporter | None = None, task: int = 0) -> None:
        self.connector = "sql"
        self.task = task
        self.tracing = Tracing()
        self.errant_record_reporter = reporter
        self.assignment: frozenset[TopicPartition] = frozenset()
        self.timeouts: list[float] = []
        self.waits: list[float] = []
        self.rewinds: dict[TopicPartition, int] = {}
        self.stopping = False

    def wait(self, delay_s: float) -> bool:
        self.waits.append(delay_s)
        return self.stopping

    def timeout(self, delay_s: float) -> None:
        self.timeouts.append(delay_s)

    def offset(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.rewinds.update(offsets)

    def pause(self, *partitions: TopicPartition) -> None:
        raise AssertionError("the sink never pauses")

    resume = pause

    def request_commit(self) -> None:
        raise AssertionError("the sink never asks for a commit")


class Sink:
    """A started task and what surrounds it."""

    def __init__(self, url: str, config: Mapping[str, str] | None = None, *, tolerant: bool = False,
                 task: int = 0) -> None:
        self.reporter = Reporter()
        self.context = Context(reporter=self.reporter if tolerant else None, task=task)
        self._given: list[SinkRecord] = []  #: what a rewind brings again
        self.task = SqlSinkTask()
        self.task.initialize(self.context)
        self.task.start(CONFIG.parse({"connection.url": url, "retry.backoff.ms": "1", **(config or {})}))

    def put(self, *records: SinkRecord) -> None:
        """Put as the runtime does: what the task has rewound comes again first, at once if it asks for no pause."""
        dry = not records
        while True:
            batch = self._again(records)
            try:
                self.task.put(batch)
                if dry and batch:
                    self.task.put([])
            except RetriableError:
                self._note(batch)
                if not self.context.rewinds or self.context.timeouts[-1]:
                    raise
            else:
                self._note(batch)
                return

    def _note(self, batch: Sequence[SinkRecord]) -> None:
        known = set(map(id, self._given))
        self._given += [each for each in batch if id(each) not in known]

    def _again(self, records: Sequence[SinkRecord]) -> list[SinkRecord]:
        rewinds, self.context.rewinds = self.context.rewinds, {}

        def at(record: SinkRecord) -> int | None:
            return rewinds.get(TopicPartition(record.original_topic, record.original_partition))

        again = [each for each in self._given if (first := at(each)) is not None and each.offset >= first]
        known = set(map(id, again))
        new = [each for each in records if (first := at(each)) is None or each.offset >= first]
        return [*again, *(each for each in new if id(each) not in known)]

    def flush(self) -> None:
        self.put()

    def write(self, *records: SinkRecord) -> None:
        self.put(*records)
        self.flush()

    def write_until_done(self, records: Sequence[SinkRecord], tries: int = 50) -> None:
        """Put again what is refused, as the runtime does."""
        for batch in (records, []):
            for _ in range(tries):
                try:
                    self.put(*batch)
                    break
                except RetriableError:
                    continue
            else:
                raise AssertionError(f"still refused after {tries} tries")

    def safe(self, **delivered: int) -> dict[str, int]:
        """pre_commit of partition 0 of some topics: topic -> next offset."""
        found = self.task.pre_commit({TopicPartition(topic, 0): offset for topic, offset in delivered.items()})
        return {place.topic: offset for place, offset in found.items()}

    @property
    def spans(self) -> list[Span]:
        return self.context.tracing.spans

    def stop(self) -> None:
        self.task.stop()


class MakeSink(Protocol):
    """The fixture `sink`."""

    def __call__(self, config: Mapping[str, str], *, tolerant: bool = False, task: int = 0) -> Sink: ...


_UNSET = object()


def record(value: object, offset: int = 0, *, topic: str = "orders", partition: int = 0, key: object = None,
           schema: Schema | None = None, key_schema: Schema | None = None, headers: object = _UNSET) -> SinkRecord:
    extra = {} if headers is _UNSET else {"lazy_headers": headers}
    return SinkRecord(topic, partition, key_schema, key, schema, value, 1_700_000_000_000, offset,
                      original_topic=topic, original_partition=partition, **extra)  # type: ignore[arg-type]


def maps(count: int, *, topic: str = "orders", start: int = 0) -> list[SinkRecord]:
    """Records without schema: id, name, amount."""
    return [record({"id": index, "name": f"n{index}", "amount": index / 4}, index, topic=topic)
            for index in range(start, start + count)]


def rows(url: str, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def seeded(seed: int) -> random.Random:
    return random.Random(seed)


ORDER = Schema.struct({"id": Schema(Type.INT64), "name": Schema(Type.STRING, optional=True),
                       "amount": Schema(Type.FLOAT64, optional=True)}, name="order")
KEY = Schema.struct({"id": Schema(Type.INT64)}, name="key")
UPSERT = {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "id"}
BY_KEY = {"insert.mode": "upsert", "pk.mode": "record_key", "pk.fields": "id"}
DELETES = {**BY_KEY, "delete.enabled": "true"}
CREATE = {"auto.create": "true"}
TABLE = "CREATE TABLE orders (id bigint PRIMARY KEY, name text, amount float8)"


def order(id: int, name: str | None = "n", amount: float | None = 1.5, *, offset: int = 0, **more: Any) -> SinkRecord:
    return record({"id": id, "name": name, "amount": amount}, offset, schema=ORDER, **more)


def keyed(id: int, name: str | None, offset: int = 0) -> SinkRecord:
    """A map without schema under a plain key; None: a tombstone."""
    return record(None if name is None else {"name": name}, offset, key=id)
