"""Make records up: DatagenConnector and its task.

Invariant: a task that is started again goes on with the record after the last one whose offset was committed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar

from connectrt.sdk import Config, ConfigErrors, EndOfSource, SourceConnector, SourceRecord, SourceTask
from connectrt_datagen.config import CONFIG, check_together
from connectrt_datagen.generate import Generator
from connectrt_datagen.pace import Clock, Pace, RandomPauses, TokenBucket, Unlimited

LONGEST_WAIT_S = 1.0


class DatagenTask(SourceTask):
    """One generator; its own `iterations`, its own `rate`."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock

    def start(self, config: Config) -> None:
        task = self.context.task
        stored = self.context.offset_reader.offset({"task.id": task}) or {}
        self._next = _stored_int(stored, "current.iteration", 0)
        seed = config["random.seed"]
        # Numbers that JSON readers of the offset keep exactly.
        chosen = seed if isinstance(seed, int) else _stored_int(stored, "random.seed", secrets.randbits(53))
        self._generator = Generator(config, chosen, task)
        iterations = config.get_int("iterations")
        self._end = iterations if iterations >= 0 else 1 << 62
        self._batch_size = config.get_int("batch.size")
        self._pace = self._make_pace(config)

    def poll(self) -> Sequence[SourceRecord] | None:
        """Return the next batch; None after a second without one. Raises EndOfSource after the last record."""
        if self._next >= self._end:
            raise EndOfSource
        most = min(self._batch_size, self._end - self._next, self._generator.batch_limit(self._next))
        count = self._pace.take(most)
        if not count:
            if self.context.wait(min(self._pace.delay_s(), LONGEST_WAIT_S)):
                return None
            count = self._pace.take(most)
        if not count:
            return None
        records = self._generator.batch(self._next, count)
        self._next += count
        return records

    def _make_pace(self, config: Config) -> Pace:
        if rate := config.get_double("rate"):
            return TokenBucket(rate, self._clock)
        if longest_ms := config.get_int("max.interval"):
            return RandomPauses(longest_ms / 1000, self._clock)
        return Unlimited()


class DatagenConnector(SourceConnector):
    """Makes up records. Java: `io.confluent.kafka.connect.datagen.DatagenConnector`."""

    CONFIG: ClassVar = CONFIG
    task_class = DatagenTask

    def start(self, config: Config) -> None:
        if faults := check_together(config.originals):
            raise ConfigErrors(fault for messages in faults.values() for fault in messages)
        super().start(config)

    def task_configs(self, max_tasks: int) -> Sequence[Mapping[str, str]]:
        """Every task does the same with numbers of its own."""
        return [dict(self.config.originals)] * max_tasks

    @classmethod
    def validate(cls, config: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        return check_together(config)


def _stored_int(offset: Mapping[str, object], name: str, default: int) -> int:
    value = offset.get(name)
    return value if isinstance(value, int) else default
