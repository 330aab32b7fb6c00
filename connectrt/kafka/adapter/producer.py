"""The producer: records go out in the order sent; each failure is told, each success only to those who ask."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage

from connectrt.data.record import RawHeaders
from connectrt.errors import RetriableError
from connectrt.kafka.adapter.connection import Connection
from connectrt.kafka.client_config import Client

log = logging.getLogger(__name__)

#: How long `send` waits for space in the queue.
SEND_TIMEOUT_S = 5.0
_SLICE_S = 0.05

Acked = Callable[[Exception | None, int, int], None]


class ConfluentProducer:
    """See `client.Producer`."""

    def __init__(self, config: Mapping[str, str], on_error: Callable[[Exception, str], None],
                 report_each: bool) -> None:
        self._connection = Connection(Client.PRODUCER, config)
        self._on_error = on_error
        self._report_each = report_each
        self._client: Any = self._connection.build(
            confluent_kafka.Producer, on_delivery=self._on_delivery,
            **{"delivery.report.only.error": not report_each})
        self._produce: Any = self._client.produce
        self._reports: deque[Callable[[], None]] = deque()  # of records the library refused at once
        self._complained = False
        self._closed = False

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: RawHeaders | None,
             partition: int | None, timestamp_ms: int | None, acked: Acked | None = None) -> None:
        if self._connection.refusal is not None:
            self._connection.raise_refusal()
        if headers is not None and not isinstance(headers, list):
            headers = list(headers)
        callback = None if acked is None else self._reporter(acked)
        deadline: float | None = None
        while True:
            try:
                # By position, in the order of the library's own keywords: names cost 0.4 us per record.
                self._produce(topic, value, key, -1 if partition is None else partition, callback, None,
                              timestamp_ms or 0, headers)
                return
            except BufferError:
                now = time.monotonic()
                deadline = deadline or now + SEND_TIMEOUT_S
                if now >= deadline:
                    raise self._queue_full() from None
                self._client.poll(_SLICE_S)
            except KafkaException as error:
                self._refuse(error.args[0], topic, acked)
                return

    def _queue_full(self) -> RetriableError:
        return self._connection.outage.error() or RetriableError(
            f"the producer's queue is full: {len(self._client)} records wait for their brokers; if that is usual, "
            "raise producer.override.buffer.memory")

    def _refuse(self, error: KafkaError, topic: str, acked: Acked | None) -> None:
        """The library did not take this one record: told as a failed delivery."""
        failure = self._connection.error(error, topic)
        self._reports.append(
            (lambda: self._on_error(failure, topic)) if acked is None else (lambda: acked(failure, -1, -1)))

    def _reporter(self, acked: Acked) -> Callable[[KafkaError | None, KafkaMessage], None]:
        if not self._report_each:
            raise ValueError("`acked` needs a producer made with report_each=True")

        def report(error: KafkaError | None, message: KafkaMessage) -> None:
            failure = None if error is None else self._connection.error(error, message.topic() or "")
            partition, offset = message.partition(), message.offset()
            acked(failure, -1 if partition is None else partition, -1 if offset is None else offset)

        return report

    def _on_delivery(self, error: KafkaError | None, message: KafkaMessage) -> None:
        if error is not None and not self._closed:
            topic = message.topic() or ""
            self._on_error(self._connection.error(error, topic), topic)

    def poll(self) -> None:
        self._client.poll(0)
        while self._reports:
            self._reports.popleft()()

    def flush(self, timeout_s: float) -> int:
        left = int(self._client.flush(timeout_s))
        self.poll()
        self._watch_outage(left)
        return left

    def _watch_outage(self, left: int) -> None:
        """Records wait without an error until delivery.timeout.ms; someone should know why."""
        outage = self._connection.outage
        if left == 0:
            outage.over()
            if self._complained:
                log.info("all records are delivered again", extra={"action": "produce"})
            self._complained = False
        elif not self._complained and (error := outage.error()) is not None:
            self._complained = True
            log.warning("%d records wait: %s", left, error, extra={"action": "produce"})

    def outstanding(self) -> int:
        return len(self._client) + len(self._reports)

    def close(self, timeout_s: float) -> None:
        if self.flush(timeout_s):
            self._closed = True
            self._client.purge()
        self._client.close()
