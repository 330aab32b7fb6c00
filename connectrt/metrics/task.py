"""Count and measure what one task does: polls, puts, commits, errors.

Invariant: one writer, the task's own thread, which also takes the snapshots; nobody else sees this object, so there is
no lock. Every call costs well under a microsecond and is made once per batch, never per record.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import Literal

ErrorKind = Literal["failure", "error", "skipped", "retry", "logged", "dlq_request", "dlq_failure"]

#: Upper bounds in seconds, those of OpenTelemetry's messaging conventions.
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

_ERROR_NAMES: dict[ErrorKind, str] = {
    "failure": "total_record_failures",
    "error": "total_record_errors",
    "skipped": "total_records_skipped",
    "retry": "total_retries",
    "logged": "total_errors_logged",
    "dlq_request": "deadletterqueue_produce_requests",
    "dlq_failure": "deadletterqueue_produce_failures",
}


class Sampled:
    """Maximum and average of a value over the last sample windows. Java: `SampledStat`.

    `record` is a list's own append, the cheapest thing to do on the hot path; `fold` digests what was recorded.
    """

    __slots__ = ("_count", "_highest", "_new", "_past", "_total", "record")

    def __init__(self, samples: int) -> None:
        self._past: deque[tuple[int, float, float]] = deque(maxlen=samples - 1)
        self._new: list[float] = []
        self.record: Callable[[float], None] = self._new.append
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._total = 0.0
        self._highest = float("-inf")

    def fold(self) -> list[float]:
        """Take in what was recorded since the last call, and return it."""
        new = self._new.copy()
        self._new.clear()
        if new:
            self._count += len(new)
            self._total += sum(new)
            self._highest = max(self._highest, max(new))
        return new

    def turn(self, forget: bool) -> None:
        """Begin a new sample; `forget`: the earlier ones are older than all windows together."""
        self._past.append((self._count, self._total, self._highest))
        if forget:
            self._past.clear()
        self._begin()

    def average_and_max(self) -> tuple[float, float] | None:
        """None: nothing was recorded in the windows."""
        samples = [*self._past, (self._count, self._total, self._highest)]
        count = sum(sample[0] for sample in samples)
        if not count:
            return None
        return sum(sample[1] for sample in samples) / count, max(sample[2] for sample in samples)


class Histogram:
    """Durations in seconds since the task began, by DURATION_BUCKETS."""

    __slots__ = ("_counts", "_name", "_sum")

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts = [0] * (len(DURATION_BUCKETS) + 1)
        self._sum = 0.0

    def add(self, durations: list[float]) -> None:
        for took_s in durations:
            self._counts[bisect_left(DURATION_BUCKETS, took_s)] += 1
        self._sum += sum(durations)

    def write(self, values: dict[str, float]) -> None:
        """Write `<name>_le_<bound>` (cumulative, as Prometheus has it), `<name>_count` and `<name>_sum`."""
        seen = 0
        for bound, count in zip((*DURATION_BUCKETS, None), self._counts, strict=True):
            seen += count
            values[f"{self._name}_count" if bound is None else f"{self._name}_le_{bound}"] = seen
        values[f"{self._name}_sum"] = self._sum


class TaskMetrics:
    """The counters and gauges of one task, by the names of `connectrt.metrics.registry`."""

    __slots__ = (
        "_active", "_active_now", "_batch", "_call", "_clock", "_commit", "_commit_duration", "_commit_ok",
        "_commit_seq", "_committed", "_errors", "_in", "_lag", "_last_error_ms", "_out", "_partitions",
        "_process_duration", "_sample_from", "_samples", "_sink", "_skipped", "_wall", "_window_s",
    )

    def __init__(self, *, sink: bool, window_s: float = 30.0, samples: int = 2,
                 clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        """Maxima and averages look back over `window_s` x `samples` (metrics.sample.window.ms, metrics.num.samples)."""
        self._sink = sink
        self._window_s = max(window_s, 0.001)  # Kafka allows 0
        self._samples = samples
        self._clock = clock
        self._wall = wall
        self._sample_from = clock()
        self._in = self._out = 0
        self._batch = Sampled(samples)
        self._call = Sampled(samples)
        self._active = Sampled(samples)
        self._commit = Sampled(samples)
        self._commit_ok = Sampled(samples)
        self._commit_seq = self._committed = self._skipped = 0
        self._errors: dict[str, int] = dict.fromkeys(_ERROR_NAMES.values(), 0)
        self._last_error_ms: float | None = None
        self._lag: int | None = None
        self._partitions = 0
        self._active_now = 0
        self._process_duration = Histogram("process_duration")
        self._commit_duration = Histogram("commit_duration")

    def polled(self, records: int, took_s: float) -> None:
        """A source's poll returned; 0 records: it had none."""
        self._call.record(took_s)
        if records:
            self._in += records
            self._batch.record(records)

    def written(self, records: int) -> None:
        """Kafka acknowledged records of a source."""
        self._out += records

    def read(self, records: int) -> None:
        """A sink's consumer returned records."""
        self._in += records

    def put(self, records: int, took_s: float) -> None:
        """A sink's put returned; 0 records: it had raised, or the batch was empty."""
        self._call.record(took_s)
        if records:
            self._out += records
            self._batch.record(records)

    def committed(self, took_s: float, ok: bool) -> None:
        """An attempt to commit offsets ended."""
        self._commit.record(took_s)
        self._commit_ok.record(ok)
        self._commit_seq += 1
        self._committed += ok

    def commit_skipped(self) -> None:
        """The answer to an outdated commit was ignored."""
        self._skipped += 1

    def failed(self, kind: ErrorKind, n: int = 1) -> None:
        self._errors[_ERROR_NAMES[kind]] += n
        if kind == "error":
            self._last_error_ms = self._wall() * 1000

    def lag(self, records: int) -> None:
        """Records in the assigned partitions that were not consumed yet."""
        self._lag = records

    def partitions(self, n: int) -> None:
        """Partitions assigned to a sink."""
        self._partitions = n

    def active(self, n: int) -> None:
        """Records in hand: polled and not completely written, or consumed and not committed."""
        self._active_now = n
        self._active.record(n)

    def snapshot(self) -> dict[str, float]:
        """Return every value now; turns the sample windows, so take one at least once per window."""
        self._fold(self._clock())
        values: dict[str, float] = dict(self._errors)
        if self._last_error_ms is not None:
            values["last_error_timestamp"] = self._last_error_ms
        _add(values, self._batch, "batch_size_avg", "batch_size_max")
        _add(values, self._commit, "offset_commit_avg_time_ms", "offset_commit_max_time_ms", 1000)
        ok = self._commit_ok.average_and_max()
        if ok:
            values["offset_commit_success_percentage"] = ok[0]
            values["offset_commit_failure_percentage"] = 1 - ok[0]
        self._commit_duration.write(values)
        (self._add_sink if self._sink else self._add_source)(values)
        return values

    def _add_source(self, values: dict[str, float]) -> None:
        values["source_record_poll_total"] = self._in
        values["source_record_write_total"] = values["sent_messages_total"] = self._out
        values["source_record_active_count"] = self._active_now
        _add(values, self._active, "source_record_active_count_avg", "source_record_active_count_max")
        _add(values, self._call, "poll_batch_avg_time_ms", "poll_batch_max_time_ms", 1000)

    def _add_sink(self, values: dict[str, float]) -> None:
        values["sink_record_read_total"] = values["consumed_messages_total"] = self._in
        values["sink_record_send_total"] = self._out
        values["sink_record_active_count"] = self._active_now
        _add(values, self._active, "sink_record_active_count_avg", "sink_record_active_count_max")
        _add(values, self._call, "put_batch_avg_time_ms", "put_batch_max_time_ms", 1000)
        values["partition_count"] = self._partitions
        values["offset_commit_seq_no"] = self._commit_seq
        values["offset_commit_completion_total"] = self._committed
        values["offset_commit_skip_total"] = self._skipped
        self._process_duration.write(values)
        if self._lag is not None:
            values["task_lag_records"] = self._lag

    def _fold(self, now: float) -> None:
        windows = int((now - self._sample_from) / self._window_s)
        self._sample_from += windows * self._window_s
        self._process_duration.add(self._call.fold())
        self._commit_duration.add(self._commit.fold())
        for sampled in (self._batch, self._active, self._commit_ok):
            sampled.fold()
        if windows:
            for sampled in (self._batch, self._call, self._active, self._commit, self._commit_ok):
                sampled.turn(forget=windows >= self._samples)


def _add(values: dict[str, float], sampled: Sampled, average: str, maximum: str, factor: float = 1) -> None:
    found = sampled.average_and_max()
    if found:
        values[average], values[maximum] = found[0] * factor, found[1] * factor
