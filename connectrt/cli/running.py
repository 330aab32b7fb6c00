"""Build a worker out of its parts, and close them in the right order: the composition root.

Invariant: what was opened is closed in reverse order, whatever has failed; a forced end leaves that to the system.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from connectrt.cli.config import read_and_check
from connectrt.cli.signals import ForcedEnd
from connectrt.config.definition import Config
from connectrt.config.settings import ConnectorConfig
from connectrt.errors import ConfigErrors
from connectrt.herder.herder import Herder
from connectrt.herder.preflight import Checked
from connectrt.herder.standalone import StandaloneHerder
from connectrt.kafka.adapter import ConfluentClients
from connectrt.plugins.loader import Plugins
from connectrt.rest.server import RestServer
from connectrt.storage.file import FileOffsetStore
from connectrt.storage.memory import MemoryOffsetStore
from connectrt.storage.offset_store import OffsetStore
from connectrt.tracing.capture import Capture
from connectrt.tracing.provider import Tracing
from connectrt.worker.task import Surroundings

log = logging.getLogger(__name__)

#: How long the last spans may take to be exported at the end.
EXPORT_TIMEOUT_S = 5.0
_EXPORT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER")


@dataclass(frozen=True, slots=True)
class Running:
    """A worker that has been started, and what it was asked to run."""

    herder: Herder
    tracing: Tracing
    connectors: Sequence[ConnectorConfig]
    kafka: str
    rest: str
    spans_to: str | None
    servers: Sequence[str]  #: those started by --dev, a line each
    stop_timeout_s: float
    capture: Capture | None


@contextmanager
def open_worker(paths: Sequence[Path], sets: Sequence[str], environ: Mapping[str, str], *, dev: bool,
                keep_spans: bool, count_destinations: bool) -> Iterator[Running]:
    """Read the config and start everything but the connectors. Raises ConfigErrors with all faults of the config."""
    plugins = Plugins.discover()
    files, checked = read_and_check(paths, sets, environ, plugins)
    if checked.faults:
        raise ConfigErrors(checked.faults)
    for warning in checked.warnings:
        log.warning("config: %s", warning, extra={"action": "read_config"})
    config = checked.worker
    with ExitStack() as stack:
        clients = ConfluentClients()
        rest = RestServer(config)
        _close(stack, rest.stop)
        servers = _dev_servers(stack, config, files.connectors, checked, clients) if dev else ()
        capture = Capture() if keep_spans else None
        tracing = Tracing.from_environment(environ, extra_processors=[capture] if capture else [])
        _close(stack, partial(tracing.shutdown, EXPORT_TIMEOUT_S))
        around = Surroundings(clients, plugins, tracing, _offset_store(config, paths[0], in_memory=bool(servers)))
        herder = StandaloneHerder(config, around, worker_id=rest.worker_id, count_destinations=count_destinations)
        herder.start()
        stop_timeout_s = config.get_int("task.shutdown.graceful.timeout.ms") / 1000
        _close(stack, partial(herder.shutdown, stop_timeout_s))
        rest.start(herder)
        _favour_the_record_path()
        yield Running(
            herder, tracing, files.connectors, ",".join(config.get_list("bootstrap.servers")), rest.urls[0],
            next((environ[name] for name in _EXPORT_VARIABLES if environ.get(name, "none") != "none"), None),
            servers, stop_timeout_s, capture)


def _favour_the_record_path() -> None:
    """Set the interpreter up for records that come and go by the thousand.

    They hold no cycles: looking for those after every 700 new containers, Python's default, costs 0.6 us of 7 us CPU
    per record (CPython 3.11, SQL sink). And a task that comes back from the network waits up to the switch interval,
    5 ms by default, while the thread that encodes spans is at work: too long for a record that is to be there in 5 ms.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(0.0005)


def _close(stack: ExitStack, close: Callable[[], object]) -> None:
    """Call `close` when the stack is left, but not at a forced end: that must not wait for anything."""

    def leave(kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None or not issubclass(kind, ForcedEnd):
            close()

    stack.push(leave)


def _dev_servers(stack: ExitStack, config: Config, connectors: Sequence[ConnectorConfig], checked: Checked,
                 clients: ConfluentClients) -> Sequence[str]:
    from connectrt.dev.servers import DevServers

    resolved = [checked.resolve(connector.settings.props) for connector in connectors]
    servers = stack.enter_context(DevServers.start(config.originals, resolved, clients))
    for server in servers.started:
        log.info("started for this run", extra={"action": "start_server", "server": server})
    return servers.started


def _offset_store(config: Config, first: Path, *, in_memory: bool) -> OffsetStore:
    """The file of the config, or one beside the first config file; in memory if servers are as short-lived."""
    given = config.get_string_or_none("offset.storage.file.filename")
    if given is None and in_memory:
        return MemoryOffsetStore()
    return FileOffsetStore(Path(given) if given else (first if first.is_dir() else first.parent) / "connectrt.offsets")
