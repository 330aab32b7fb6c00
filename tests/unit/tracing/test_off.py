from __future__ import annotations

import subprocess
import sys

from connectrt.data.record import SourceRecord
from connectrt.tracing.off import OFF_PUT, OFF_SPAN, off
from connectrt.tracing.provider import Tracing
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.source import HeaderList
from tests.unit.tracing.fakes import T0, Record

WORKER_WITH_TRACING_OFF = """
import os, sys
from connectrt.tracing.capture import Capture, story
from connectrt.tracing.provider import Tracing
from connectrt.tracing.settings import TracingSettings
settings = TracingSettings.from_config({"tracing.mode": "off"})
environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
tracing = Tracing.from_environment(environ, extra_processors=[Capture()])
sink = tracing.sink("c", 0, settings, group="g", bootstrap="b:1")
put = sink.start_put([object()], 0)
with put.active(), sink.task_tracing.flush(), sink.task_tracing.client("x"):
    put.end()
sink.start_commit({"t"}, 1, 0).end(error=None, end_ns=1)
source = tracing.source("c", 0, settings, bootstrap="b:1")
source.polled(1, 0, None)
assert (tracing.spans_exported(), tracing.spans_dropped()) == (0, 0)
tracing.shutdown(1.0)
print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_opentelemetry_is_not_imported_while_every_connector_is_off() -> None:
    run = subprocess.run([sys.executable, "-c", WORKER_WITH_TRACING_OFF], capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_off_looks_at_nothing_and_makes_nothing() -> None:
    class Unread(Record):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"{name} was read")

    sink, source = off()
    put = sink.start_put([Unread()], T0)
    assert put is OFF_PUT
    assert put.active() is put.active()
    put.counted(filtered=1)
    put.retried(ValueError(), T0, T0, 1)
    with source.polling(), source.task_tracing.client("x") as span:
        assert span is OFF_SPAN
        assert not span.recording
        span.set({"a": 1})
        span.event("b")
    headers: list[HeaderList] = [[("traceparent", b"as it came")]]
    injected = source.inject([SourceRecord(topic="t", value=1)], headers)
    assert injected.headers is headers
    assert source.start_send("t", injected, [0], T0) is OFF_SPAN


def test_a_connector_with_mode_off_gets_the_twins_that_do_nothing() -> None:
    tracing = Tracing.from_environment({})
    settings = TracingSettings(mode="off")
    assert tracing.sink("c", 0, settings, group="g", bootstrap="b:1") is off().sink
    assert tracing.source("c", 0, settings, bootstrap="b:1") is off().source
