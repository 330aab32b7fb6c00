"""Kafka clients made of confluent-kafka (librdkafka); only this package imports it.

librdkafka works in threads of its own and reports through callbacks, which it calls inside consume, poll and flush.
Invariant: nothing is raised inside a callback, where the library would lose records or swallow it; it is kept and
raised by the call around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectrt.kafka.adapter.admin import ConfluentAdmin
from connectrt.kafka.adapter.consumer import ConfluentConsumer
from connectrt.kafka.adapter.producer import ConfluentProducer
from connectrt.kafka.client import Admin, Consumer, Producer


class ConfluentClients:
    """See `client.KafkaClients`. Thread-safe."""

    def consumer(self, config: Mapping[str, str]) -> Consumer:
        return ConfluentConsumer(config)

    def producer(self, config: Mapping[str, str], on_error: Callable[[Exception, str], None], *,
                 report_each: bool = False) -> Producer:
        return ConfluentProducer(config, on_error, report_each)

    def admin(self, config: Mapping[str, str]) -> Admin:
        return ConfluentAdmin(config)
