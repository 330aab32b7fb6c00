"""Make the records of one task.

Invariant: what a record holds depends on config, seed, task and iteration only (and on the clock for `now`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, repeat
from struct import pack

from connectrt.sdk import Config, Field, Schema, SourceRecord, TraceCarrier
from connectrt_datagen.config import shape
from connectrt_datagen.draws import RANGE, draw
from connectrt_datagen.fields import column_of, columns_of, count_words, parse_fields
from connectrt_datagen.keys import KeyPicker
from connectrt_datagen.kinds import INT64, STRING, Rows, string

POISON = "poison"


class Generator:
    """Makes batches of records; with `schemas` off, of plain maps."""

    def __init__(self, config: Config, seed: int, task: int) -> None:
        text, self._key = shape(config)
        self._fields = parse_fields(text)
        self._topic = config.get_string_or_none("kafka.topic") or config.get_string("topic")
        self._seed, self._task = seed, task
        self._schemas = config.get_boolean("schemas")
        self._keys = KeyPicker(count, config.get_double("key.skew")) if (count := config.get_int("keys")) else None
        self._tombstones_below = config.get_double("tombstone.ratio") * RANGE
        self._poison_below = self._tombstones_below + config.get_double("error.ratio") * RANGE
        self._change_every = config.get_int("schema.change.every")
        self._filler = _filler(seed, task, config.get_int("payload.bytes"))
        self._sampled_below = config.get_double("trace.sampled.ratio") * RANGE
        # A record's drawn numbers, in this order: fields, key, fate, payload, trace. What is not asked for draws none.
        self._words = (count_words(self._fields), self._keys is not None, self._poison_below > 0,
                       bool(self._filler), 3 * config.get_boolean("trace.roots"))
        self._value_schema = lru_cache(maxsize=1)(self._make_value_schema)

    def batch_limit(self, start: int) -> int:
        """How many records from `start` on have the same fields."""
        return self._change_every - start % self._change_every if self._change_every else 1 << 62

    def batch(self, start: int, count: int) -> list[SourceRecord]:
        """Make the records of the iterations from `start` on; `count` is at most `batch_limit`."""
        rows = Rows(self._seed, self._task, range(start, start + count), self._now())
        drawn, picks, fates, fillers, traces = self._draw(rows)
        changes = start // self._change_every if self._change_every else 0
        columns = dict(zip((field.name for field in self._fields), columns_of(self._fields, rows, drawn), strict=True))
        if self._keys is not None:
            picked = rows._replace(task=0, iterations=self._keys.pick(picks[0]))
            columns[self._key] = column_of(self._fields, self._key, picked)
        keys = columns[self._key]
        if fillers:
            filler, size = self._filler, len(self._filler) // 2
            columns["payload"] = [filler[(at := word * size >> 64):at + size] for word in fillers[0]]
        for change in range(1, changes + 1):
            columns[f"extra_{change}"] = rows.iterations
        values = _row_maker(tuple(columns))(zip(*columns.values(), strict=True))
        schemas: Sequence[Schema | None] = [self._value_schema(changes)] * count
        if fates:
            values, schemas = self._with_faults(values, fates[0], schemas[0])
        return self._records(rows.iterations, keys, values, schemas, traces)

    def _records(self, iterations: Sequence[int], keys: Sequence[object], values: Sequence[object],
                 schemas: Sequence[Schema | None], traces: Sequence[Sequence[int]]) -> list[SourceRecord]:
        topic, seed, source_partition = self._topic, self._seed, {"task.id": self._task}
        key_schema = next(kind.schema for name, kind in self._fields if name == self._key) if self._schemas else None
        carriers = self._carriers(traces) if traces else repeat(None, len(iterations))
        rows = zip(iterations, keys, schemas, values, carriers, strict=True)
        return [SourceRecord(topic=topic, key_schema=key_schema, key=key, value_schema=schema, value=value, trace=trace,
                             source_partition=source_partition,
                             source_offset={"current.iteration": iteration + 1, "random.seed": seed})
                for iteration, key, schema, value, trace in rows]

    def _draw(self, rows: Rows) -> list[Sequence[Sequence[int]]]:
        drawn = draw(rows.seed, rows.task, rows.iterations, sum(self._words))
        return [drawn[end - count:end] for end, count in zip(accumulate(self._words), self._words, strict=True)]

    def _with_faults(self, values: Sequence[object], fates: Sequence[int],
                     schema: Schema | None) -> tuple[list[object], list[Schema | None]]:
        """Replace values by null and poison, each with the schema that fits it."""
        tombstones, poisons = self._tombstones_below, self._poison_below
        poison_schema = STRING if self._schemas else None
        pairs = [(None, None) if fate < tombstones else (POISON, poison_schema) if fate < poisons else (value, schema)
                 for value, fate in zip(values, fates, strict=True)]
        return [value for value, _ in pairs], [schema for _, schema in pairs]

    def _carriers(self, words: Sequence[Sequence[int]]) -> list[TraceCarrier]:
        count, below = len(words[0]), self._sampled_below
        high, low, span = (pack(f">{count}Q", *column).hex() for column in words)
        return [TraceCarrier(f"00-{high[at:at + 16]}{low[at:at + 16]}-{span[at:at + 16]}-{flags}".encode())
                for at, flags in zip(range(0, 16 * count, 16), ["01" if low < below else "00" for low in words[1]],
                                     strict=True)]

    def _now(self) -> object:
        now = datetime.now(UTC)
        if self._schemas:
            return now.replace(microsecond=now.microsecond // 1000 * 1000)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _make_value_schema(self, changes: int) -> Schema | None:
        if not self._schemas:
            return None
        fields = [Field(name, kind.schema) for name, kind in self._fields]
        if self._filler:
            fields.append(Field("payload", STRING))
        fields += [Field(f"extra_{change}", INT64.as_optional()) for change in range(1, changes + 1)]
        return Schema.struct(fields, name=f"datagen.{self._topic}", version=changes + 1)


@lru_cache(maxsize=8)
def _row_maker(names: tuple[str, ...]) -> Callable[[Iterable[tuple[object, ...]]], list[object]]:
    """Return a function that makes a dict with these names of each tuple.

    A dict display takes 0.4 us for six fields, `dict(zip(names, row))` 1.2: a fifth of all that a record costs.
    """
    values = ", ".join(f"v{place}" for place in range(len(names)))
    pairs = ", ".join(f"{name!r}: v{place}" for place, name in enumerate(names))
    make: Callable[[Iterable[tuple[object, ...]]], list[object]] = eval(
        f"lambda rows: [{{{pairs}}} for {values}, in rows]")
    return make


def _filler(seed: int, task: int, size: int) -> str:
    """Text of 2 x `size`; a payload is a piece of it, so that making one costs a slice."""
    if not size:
        return ""
    words = [column[0] for column in draw(seed, task, [0], -(-size // 10))]
    pieces = string(10).column(Rows(seed, task, words, None), [words])
    return "".join(map(str, pieces))[:size] * 2
