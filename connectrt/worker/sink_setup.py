"""Build what a sink task needs, from its config, in the order in which it can fail clearly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectrt.config.definition import Config
from connectrt.data.topic import TopicPartition
from connectrt.errors import ConnectError
from connectrt.kafka.client import Consumer
from connectrt.sdk.task import SinkTask
from connectrt.tracing.off import off
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.sink import SinkTracer
from connectrt.worker import client_config
from connectrt.worker.config import SINK, with_worker_defaults
from connectrt.worker.control import TaskControl
from connectrt.worker.dead_letter_queue import DeadLetterQueue
from connectrt.worker.sink_context import ErrantRecords, SinkContext
from connectrt.worker.stages import Converters, SinkConversion, TransformChain
from connectrt.worker.task import Surroundings, TaskSpec
from connectrt.worker.tolerance import LogReporter, Reporter, Tolerance

DEFAULT_MAX_POLL_RECORDS = 500  # Java's consumer; a bigger batch would leave the CPU's cache between its stages


@dataclass(frozen=True, slots=True)
class SinkParts:
    """One sink task, opened. `close` releases the clients and plugins, not the task itself."""

    task: SinkTask
    task_config: Config
    context: SinkContext
    topics: Sequence[str] | str  #: names, or one regular expression
    consumer: Consumer
    conversion: SinkConversion
    transforms: TransformChain
    converters: Converters
    tolerance: Tolerance
    tracer: SinkTracer
    dead_letters: DeadLetterQueue | None
    max_poll_records: int
    commit_interval_s: float
    commit_timeout_s: float
    connect_timeout_s: float
    longest_retry_delay_s: float

    def flush_dead_letters(self) -> None:
        if self.dead_letters is not None:
            self.dead_letters.flush(self.commit_timeout_s)

    def close(self) -> None:
        self.consumer.close()
        if self.dead_letters is not None:
            self.dead_letters.close(self.commit_timeout_s)
        self.transforms.close()
        self.converters.close()


def build_sink(spec: TaskSpec, around: Surroundings, control: TaskControl,
               assignment: Callable[[], frozenset[TopicPartition]]) -> SinkParts:
    """Raises ConfigErrors or ConnectError; nothing stays open then."""
    worker = spec.worker_config
    config = SINK.parse(with_worker_defaults(spec.connector_config, worker))
    task_class = spec.task_class
    assert issubclass(task_class, SinkTask)
    definition = task_class.CONFIG if task_class.CONFIG is not None else spec.connector_class.CONFIG
    task_config = definition.parse(spec.task_config)
    converters = Converters.build(spec.connector_config, worker, around.plugins)
    transforms = TransformChain.build(config, around.plugins)
    consumer_config = client_config.sink_consumer(spec.id, worker, spec.connector_config)
    max_poll_records = int(consumer_config.pop("max.poll.records", DEFAULT_MAX_POLL_RECORDS))
    settings = TracingSettings.from_config(config)
    tracer = (off().sink if around.tracing is None else around.tracing.sink(
        *spec.id, settings, group=consumer_config["group.id"], bootstrap=consumer_config["bootstrap.servers"]))
    dead_letters = _dead_letters(spec, around, control, config)
    reporters: list[Reporter] = [] if dead_letters is None else [dead_letters]
    if config.get_boolean("errors.log.enable"):
        reporters.append(LogReporter(str(spec.id), config.get_boolean("errors.log.include.messages"), control.metrics))
    tolerance = Tolerance(str(spec.id), config, reporters, control.metrics, around.clock, control.sleep)
    errant = ErrantRecords(tolerance, converters) if tolerance.reports else None
    topics = config.get_list("topics")
    return SinkParts(
        task=task_class(),
        task_config=task_config,
        context=SinkContext(control, tracer.task_tracing, assignment, errant),
        topics=topics if topics else config.get_string("topics.regex"),
        consumer=around.clients.consumer(consumer_config),
        conversion=SinkConversion(converters, tolerance),
        transforms=transforms,
        converters=converters,
        tolerance=tolerance,
        tracer=tracer,
        dead_letters=dead_letters,
        max_poll_records=max_poll_records,
        commit_interval_s=worker.get_int("offset.flush.interval.ms") / 1000,
        commit_timeout_s=worker.get_int("offset.flush.timeout.ms") / 1000,
        connect_timeout_s=worker.get_int("task.connect.timeout.ms") / 1000,
        longest_retry_delay_s=config.get_int("errors.retry.delay.max.ms") / 1000,
    )


def _dead_letters(spec: TaskSpec, around: Surroundings, control: TaskControl, config: Config) -> DeadLetterQueue | None:
    topic = config.get_string("errors.deadletterqueue.topic.name")
    if not topic:
        return None
    worker: Config = spec.worker_config
    connector: Mapping[str, str] = spec.connector_config
    admin = around.clients.admin(client_config.admin(spec.id, worker, connector))
    try:
        DeadLetterQueue.create_topic(admin, topic, config.get_int("errors.deadletterqueue.topic.replication.factor"))
    except ConnectError as error:
        raise ConnectError(
            f"{spec.id}: cannot create dead letter queue {topic}: {error}. On fewer than three brokers set "
            "errors.deadletterqueue.topic.replication.factor=1, or create the topic") from error
    finally:
        admin.close()
    queue: list[DeadLetterQueue] = []
    producer = around.clients.producer(client_config.dead_letter_producer(spec.id, worker, connector),
                                       lambda error, name: queue[0].failed(error, name))
    queue.append(DeadLetterQueue(spec.id, topic, config.get_boolean("errors.deadletterqueue.context.headers.enable"),
                                 producer, control.metrics))
    return queue[0]

