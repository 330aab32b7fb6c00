"""Run Apache Kafka itself: one KRaft node on free loopback ports, from the jars Maven fetches.

Invariant: data and ports outlive `stop` and `kill`, so `start` continues with the same log, as after a crash.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectrt.dev.process import ServerProcess
from tests.servers.missing import ServerMissing, need_program
from tests.servers.ports import free_ports

VERSION: Final = "4.3.1"
POM: Final = Path(__file__).with_name("kafka.pom.xml")
CACHE: Final = Path(__file__).parents[2] / ".cache"
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
HEAP_MB: Final = 256

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{broker},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={logs}
# A killed broker may come back only when its last session is over; Kafka's 9 s would make each such test slow.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
message.max.bytes=16777216
log.segment.delete.delay.ms=1000
"""


def jars() -> str:
    """Return the class path of the broker; fetches it once into the repository's cache folder.

    Raises ServerMissing without Java, or without Maven when the jars are not there yet.
    """
    need_program("java", "Java 17 (apt-get install openjdk-17-jre-headless)")
    folder = CACHE / f"kafka-{VERSION}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder)
    return f"{folder}/*"


def _fetch(folder: Path) -> None:
    maven = need_program("mvn", "Maven (apt-get install maven)")
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    done = subprocess.run(
        [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={partial}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
    )
    if done.returncode:
        raise ServerMissing(f"Maven could not fetch Apache Kafka {VERSION}:\n{done.stdout[-2000:]}")
    partial.rename(folder)


class Kafka:
    """One broker that is also its controller. Use from one thread; `close` when done."""

    def __init__(self, *, heap_mb: int = HEAP_MB) -> None:
        self._java = [
            "java", f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true", "-cp", jars(),
        ]
        broker, self._controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{broker}"
        self.folder = Path(tempfile.mkdtemp(prefix="connectrt-kafka-"))
        self._config = self.folder / "server.properties"
        self._process: ServerProcess | None = None

    def start(self) -> None:
        """Start on the same ports with the data of the run before; return when the broker takes requests."""
        if not self._config.exists():
            self._format()
        self._process = ServerProcess(
            [*self._java, "kafka.Kafka", str(self._config)], stdout=self.folder / "server.log", folder=self.folder,
        )
        self._process.wait_until(self._serves, f"Apache Kafka at {self.bootstrap}", START_TIMEOUT_S)

    def _format(self) -> None:
        self._config.write_text(
            PROPERTIES.format(broker=self.bootstrap, controller=self._controller, logs=self.folder / "logs")
        )
        subprocess.run(
            [*self._java, "kafka.tools.StorageTool", "format", "--standalone", "-t", "AAAAAAAAAAAAAAAAAAAAAQ",
             "-c", str(self._config)],
            check=True, capture_output=True, timeout=START_TIMEOUT_S,
        )

    def _serves(self) -> bool:
        # A new client each time: one that has failed waits up to a second before it connects again.
        try:
            return bool(self._admin().list_topics(timeout=0.5).brokers)
        except KafkaException:
            return False

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Create a topic; `config` has underscores for dots (`cleanup_policy="compact"`)."""
        topic = NewTopic(name, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()})
        admin = self._admin()
        for created in admin.create_topics([topic]).values():
            created.result(10)
        assert self._process
        self._process.wait_until(lambda: self._leads(name, partitions), f"Apache Kafka, which leads {name},", 10)

    def _leads(self, name: str, partitions: int) -> bool:
        """A topic that was just created refuses requests until its leaders know of it."""
        asked = [TopicPartition(name, number, OFFSET_BEGINNING) for number in range(partitions)]
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "none", "log_level": 0})
        try:
            return all(each.error is None for each in consumer.offsets_for_times(asked, timeout=5))
        except KafkaException:
            return False
        finally:
            consumer.close()

    def stop(self) -> None:
        """End as an administrator would: SIGTERM, controlled shutdown."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End as a power failure would: SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        assert self._process, "the broker is not running"
        self._process.stop(number, STOP_TIMEOUT_S)
        self._process = None

    def close(self) -> None:
        """End the broker if it runs and remove its data."""
        if self._process:
            self._process.end()
        shutil.rmtree(self.folder, ignore_errors=True)
