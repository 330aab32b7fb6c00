"""Build what a source task needs, from its config, in the order in which it can fail clearly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connectrt.config.definition import Config
from connectrt.kafka.client import Admin, Producer
from connectrt.sdk.task import SourceOffset, SourcePartition, SourceTask
from connectrt.sdk.tracing import TaskTracing
from connectrt.storage.offset_store import OffsetStore
from connectrt.tracing.off import off
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.source import SourceTracer
from connectrt.worker import client_config
from connectrt.worker.config import SOURCE, with_worker_defaults
from connectrt.worker.control import TaskControl
from connectrt.worker.stages import Converters, SourceConversion, TransformChain
from connectrt.worker.task import Surroundings, TaskSpec
from connectrt.worker.tolerance import LogReporter, Reporter, Tolerance
from connectrt.worker.topic_creation import TopicCreation, topic_groups


class ConnectorOffsets:
    """The committed source offsets of one connector. Java: `OffsetStorageReaderImpl`."""

    def __init__(self, connector: str, store: OffsetStore) -> None:
        self._connector = connector
        self._store = store

    def offset(self, partition: SourcePartition) -> SourceOffset | None:
        return self.offsets([partition])[0]

    def offsets(self, partitions: Iterable[SourcePartition]) -> Sequence[SourceOffset | None]:
        return self._store.read(self._connector, list(partitions))


class SourceContext:
    """Java: `WorkerSourceTaskContext`."""

    def __init__(self, control: TaskControl, tracing: TaskTracing, offset_reader: ConnectorOffsets) -> None:
        self.connector, self.task = control.task
        self.tracing = tracing
        self.offset_reader = offset_reader
        self._control = control

    @property
    def stopping(self) -> bool:
        return self._control.stopping

    def wait(self, delay_s: float) -> bool:
        return self._control.sleep(delay_s)


@dataclass(frozen=True, slots=True)
class SourceParts:
    """One source task, opened. `close` releases the clients and plugins, not the task itself."""

    task: SourceTask
    task_config: Config
    context: SourceContext
    producer: Producer
    admin: Admin
    conversion: SourceConversion
    transforms: TransformChain
    converters: Converters
    tolerance: Tolerance
    tracer: SourceTracer
    topic_creation: TopicCreation
    offsets: OffsetStore
    acks_each: bool  #: the task overrides commit_record
    commit_interval_s: float
    commit_timeout_s: float
    connect_timeout_s: float
    longest_retry_delay_s: float

    def close(self, timeout_s: float) -> None:
        self.producer.close(timeout_s)
        self.admin.close()
        self.transforms.close()
        self.converters.close()


def build_source(spec: TaskSpec, around: Surroundings, control: TaskControl,
                 delivery_failed: Callable[[Exception, str], None]) -> SourceParts:
    """Raises ConfigErrors or ConnectError."""
    worker = spec.worker_config
    config = SOURCE.parse(with_worker_defaults(spec.connector_config, worker))
    task_class = spec.task_class
    assert issubclass(task_class, SourceTask)
    definition = task_class.CONFIG if task_class.CONFIG is not None else spec.connector_class.CONFIG
    task_config = definition.parse(spec.task_config)
    groups = topic_groups(config) if worker.get_boolean("topic.creation.enable") else ()
    converters = Converters.build(spec.connector_config, worker, around.plugins)
    producer_config = client_config.source_producer(spec.id, worker, spec.connector_config)
    settings = TracingSettings.from_config(config)
    tracer = (off().source if around.tracing is None
              else around.tracing.source(*spec.id, settings, bootstrap=producer_config["bootstrap.servers"]))
    reporters: list[Reporter] = []
    if config.get_boolean("errors.log.enable"):
        reporters.append(LogReporter(str(spec.id), config.get_boolean("errors.log.include.messages"), control.metrics))
    tolerance = Tolerance(str(spec.id), config, reporters, control.metrics, around.clock, control.sleep)
    admin = around.clients.admin(client_config.admin(spec.id, worker, spec.connector_config))
    acks_each = task_class.commit_record is not SourceTask.commit_record
    return SourceParts(
        task=task_class(),
        task_config=task_config,
        context=SourceContext(control, tracer.task_tracing, ConnectorOffsets(spec.id.connector, around.offsets)),
        producer=around.clients.producer(producer_config, delivery_failed, report_each=acks_each),
        admin=admin,
        conversion=SourceConversion(converters, tolerance),
        transforms=TransformChain.build(config, around.plugins),
        converters=converters,
        tolerance=tolerance,
        tracer=tracer,
        topic_creation=TopicCreation(str(spec.id), groups, admin),
        offsets=around.offsets,
        acks_each=acks_each,
        commit_interval_s=worker.get_int("offset.flush.interval.ms") / 1000,
        commit_timeout_s=worker.get_int("offset.flush.timeout.ms") / 1000,
        connect_timeout_s=worker.get_int("task.connect.timeout.ms") / 1000,
        longest_retry_delay_s=config.get_int("errors.retry.delay.max.ms") / 1000,
    )

