"""Own one sink task: take records, have them written, try again what may succeed later, report what never will.

Invariant: an offset is safe once a COMMIT covers its record or the record was reported; pre_commit returns no other.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from connectrt.sdk import (
    Config,
    ConfigErrors,
    ConnectError,
    RetriableError,
    SinkConnector,
    SinkOffsets,
    SinkRecord,
    SinkTask,
    TopicPartition,
)
from connectrt_sql.config import CONFIG
from connectrt_sql.decode import Rejected
from connectrt_sql.dialects import check_connection, open_dialect
from connectrt_sql.dialects.base import Unfit
from connectrt_sql.errors import Fault, FaultKind, Patience
from connectrt_sql.places import extents
from connectrt_sql.settings import check, read_settings, warn_of_ignored
from connectrt_sql.writer import Writer

log = logging.getLogger(__name__)

#: Immediate retries after a deadlock and the like.
RETRIES_NOW: Final = 3
#: A connection that was not used for so long is checked while there is nothing to do.
IDLE_CHECK_S: Final = 30.0


class SqlSinkTask(SinkTask):
    """Writes records to tables. See README.md for what it does about errors."""

    CONFIG = CONFIG
    _writer: Writer | None = None

    def start(self, config: Config) -> None:
        warn_of_ignored(config)
        self._settings = read_settings(config)
        context = self.context
        self._dialect = open_dialect(self._settings, context.tracing, f"connectrt:{context.connector}/{context.task}")
        self._writer = Writer(self._settings, self._dialect, context.tracing,
                              tolerant=context.errant_record_reporter is not None)
        self._patience = Patience(
            max_retries=self._settings.max_retries, backoff_s=self._settings.retry_backoff_s,
            attempts=self._settings.connection_attempts, connection_backoff_s=self._settings.connection_backoff_s,
            connection_timeout_s=self._settings.connection_retry_timeout_s)
        self._refused: dict[tuple[str, int], int] = {}  #: last offsets of a put that is to come again
        self._unreported: list[Rejected] = []
        self._failed = False
        try:
            self._writer.connect()
        except self._dialect.errors as error:
            fault = self._dialect.classify(error)
            if fault.kind is FaultKind.FATAL:
                raise ConnectError(str(fault)) from None
            log.warning("the database is not there yet: %s; %s", fault, self._patience.describe(fault),
                        extra={"action": "connect"})

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        naming = self._settings.naming
        if not (naming.by_source or naming.by_partition):
            for topic in sorted({each.topic for each in partitions}):
                self._open_writer.tables.check_name(naming.table(topic))

    def put(self, records: Sequence[SinkRecord]) -> None:
        self._hold(records)
        try:
            self._advance(dry=not records)
            if not records:
                self._check_idle()
        except TryLaterError as error:
            # The same records will be put again: those that are held or written already are then passed over.
            self.context.timeout(error.delay_s)
            self._refused = {place: last for place, (_, last) in extents(records).items()
                             if place not in self._open_writer.rewinds}
            raise
        except BaseException:
            self._failed = True
            raise

    def pre_commit(self, offsets: SinkOffsets) -> SinkOffsets:
        if not self._failed and self._open_writer.connected:
            try:
                self._advance(dry=True)
            except TryLaterError as error:
                log.warning("flush is tried again with the next put: %s", error, extra={"action": "flush"})
            except BaseException:
                self._failed = True
                raise
        return self._safe(offsets)

    def flush(self, offsets: SinkOffsets) -> None:
        self._advance(dry=True)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        gone = frozenset((each.topic, each.partition) for each in partitions)
        self._open_writer.drop(gone)
        self._ask_again()
        self._unreported = [each for each in self._unreported
                            if (each.record.original_topic, each.record.original_partition) not in gone]
        self._refused = {place: offset for place, offset in self._refused.items() if place not in gone}

    def destination_counts(self) -> Mapping[str, int]:
        if not self._open_writer.written:
            return {}
        try:
            with closing(self._dialect.connect()) as session:
                return {str(name): session.count(name) for name in sorted(self._open_writer.written, key=str)}
        except self._dialect.errors as error:
            log.warning("rows cannot be counted: %s", self._dialect.classify(error), extra={"action": "count"})
            return {}

    def stop(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            self._writer.close()

    # -- taking records -------------------------------------------------------------------------------------------

    def _hold(self, records: Sequence[SinkRecord]) -> None:
        if self._refused:
            had, self._refused = self._refused, {}
            records = [each for each in records
                       if each.offset > had.get((each.original_topic, each.original_partition), -1)]
        writer = self._open_writer
        for place in extents(records) if writer.rewinds else ():
            writer.rewinds.pop(place, None)  # here they come again
        writer.held.extend(records)

    def _safe(self, offsets: SinkOffsets) -> SinkOffsets:
        """Go back to the first record of each partition that is neither written nor reported."""
        writer = self._open_writer
        safe = dict(offsets)
        records = [*writer.held, *(each.record for each in self._unreported)]
        unsafe = {place: first for place, (first, _) in extents(records).items()}
        for (topic, partition), offset in [*unsafe.items(), *writer.streamed.items(), *writer.rewinds.items()]:
            place = TopicPartition(topic, partition)
            if place in safe:
                safe[place] = min(safe[place], offset)
        return safe

    def _ask_again(self) -> None:
        """Have the runtime deliver again what was streamed into a transaction that is given up."""
        rewinds = self._open_writer.rewinds
        if rewinds:
            self.context.offset({TopicPartition(*place): offset for place, offset in rewinds.items()})

    # -- writing --------------------------------------------------------------------------------------------------

    def _advance(self, *, dry: bool) -> None:
        """Write what is held; `dry`: commit it too. Raises RetriableError, DataError or ConnectError."""
        writer = self._open_writer
        if writer.idle:
            return

        def write() -> None:
            writer.write()
            if dry:
                writer.commit()

        attempt = Attempt(write, time.monotonic())
        commits = writer.commits
        while True:
            try:
                attempt.work()
                break
            except Unfit:
                if writer.abandon(lost=False):
                    raise self._deliver_again("rows cannot be encoded", 0.0) from None
                self._isolate(attempt, "rows cannot be encoded")
            except self._dialect.errors as error:
                fault = self._dialect.classify(error)
                must_rewind = writer.abandon(lost=fault.kind in (FaultKind.AWAY, FaultKind.STALE))
                if must_rewind and fault.kind in (FaultKind.RECORD, FaultKind.STALE, FaultKind.RETRY_NOW):
                    raise self._deliver_again(str(fault), 0.0) from None
                if must_rewind:
                    self._ask_again()
                self._handle(fault, attempt)
            except BaseException:
                writer.abandon(lost=False)
                raise
            finally:
                self._unreported += writer.rejected
                writer.rejected.clear()
        if writer.commits > commits:
            self._patience.succeeded()
        self._report()

    def _handle(self, fault: Fault, attempt: Attempt) -> None:
        """Return if the attempt is to be made again at once, else raise."""
        if fault.kind is FaultKind.RECORD:
            self._isolate(attempt, str(fault))
        elif fault.kind is FaultKind.STALE and not attempt.looked_again:
            attempt.looked_again = True
            self._open_writer.tables.forget()
        elif (fault.kind is FaultKind.RETRY_NOW and attempt.retries < RETRIES_NOW
              and time.monotonic() - attempt.began < self._settings.max_put_s):
            attempt.retries += 1
            self.context.wait(random.uniform(0.01, 0.2))
        elif fault.kind in (FaultKind.FATAL, FaultKind.STALE):
            raise ConnectError(f"{self._dialect.address}: {fault}") from None
        else:
            delay_s = self._patience.delay_s(fault, self._dialect.address)
            self._report()
            raise TryLaterError(f"{fault}; {self._patience.describe(fault)}", delay_s) from None

    def _deliver_again(self, why: str, delay_s: float) -> TryLaterError:
        """The rows are no longer held: with the next delivery they are, until the fault is found or gone."""
        self._ask_again()
        self._open_writer.tables.forget()
        return TryLaterError(f"{why}; rows since the last commit are delivered again", delay_s)

    def _isolate(self, attempt: Attempt, why: str) -> None:
        """From now on look for the records at fault."""
        if attempt.isolating:
            raise ConnectError(f"{self._dialect.address}: {why}; no single record is at fault")
        attempt.isolating = True
        # No record is blamed for a table that was changed under us.
        self._open_writer.tables.forget()
        attempt.work = self._open_writer.isolate

    def _report(self) -> None:
        """Hand final verdicts to the reporter; it raises if errors.tolerance is none."""
        while self._unreported:
            reporter = self.context.errant_record_reporter
            assert reporter is not None, "without a reporter the first fault fails the task"
            reporter.report(*self._unreported[0])
            del self._unreported[0]

    def _check_idle(self) -> None:
        try:
            self._open_writer.check_idle(IDLE_CHECK_S)
        except self._dialect.errors as error:
            self._open_writer.abandon(lost=True)
            log.warning("an idle connection was lost: %s", self._dialect.classify(error), extra={"action": "check"})

    @property
    def _open_writer(self) -> Writer:
        assert self._writer is not None, "start was not called or has raised"
        return self._writer


@dataclass(slots=True)
class Attempt:
    """One put or flush, until it is done or given up."""

    work: Callable[[], None]
    began: float
    retries: int = 0
    looked_again: bool = False
    isolating: bool = False


class TryLaterError(RetriableError):
    """The database cannot take records now."""

    def __init__(self, text: str, delay_s: float) -> None:
        super().__init__(text)
        self.delay_s = delay_s


class SqlSinkConnector(SinkConnector):
    """Java: `JdbcSinkConnector` of Confluent, Aiven and Debezium."""

    CONFIG = CONFIG
    task_class = SqlSinkTask

    @classmethod
    def validate(cls, config: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
        try:
            parsed = CONFIG.parse(config)
        except ConfigErrors:
            return {}  # each is reported under its key already
        faults: dict[str, list[str]] = {}
        for error in check(parsed) or check_connection(read_settings(parsed)):
            faults.setdefault(error.key, []).append(str(error))
        return faults
