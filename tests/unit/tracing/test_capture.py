from __future__ import annotations

import time

from connectrt.data.record import SourceRecord
from connectrt.tracing.capture import Capture, story
from tests.unit.tracing.fakes import T0, Record, Recorder


def records_go_through(recorder: Recorder, puts: int = 1, records: int = 3) -> None:
    """A source produces records, a sink writes them with one flush, and commits."""
    source, sink = recorder.source(), recorder.sink()
    given = [SourceRecord(topic="orders", value=number) for number in range(records)]
    with source.polling(), source.task_tracing.client("SELECT orders"):
        pass
    source.polled(records, time.time_ns(), None)
    injected = source.inject(given, [[] for _ in given])
    source.start_send("orders", injected, range(records), time.time_ns()).end()
    for _ in range(puts):
        put = sink.start_put([Record(headers, at) for at, headers in enumerate(injected.headers)],
                             time.time_ns())
        with put.active(), sink.task_tracing.client("prepare"):
            pass
        put.end()
    with sink.task_tracing.flush():
        for name in ("COPY orders", "COMMIT"):
            with sink.task_tracing.client(name):
                pass
    now_ns = time.time_ns()
    sink.start_commit({"orders"}, 1, now_ns).end(error=None, end_ns=now_ns + 5)


def test_a_story_goes_from_create_to_commit_across_links() -> None:
    recorder = Recorder()
    records_go_through(recorder)
    lines = story(recorder.spans())
    assert lines is not None
    assert [(line.depth, line.name, line.kind, line.attached) for line in lines] == [
        (0, "poll orders-src", "INTERNAL", "root"),
        (1, "SELECT orders", "CLIENT", "child"),
        (1, "create orders", "PRODUCER", "link"),
        (2, "send orders", "CLIENT", "link"),
        (2, "process orders", "CONSUMER", "link"),
        (3, "prepare", "CLIENT", "child"),
        (3, "flush orders-pg", "INTERNAL", "child"),
        (4, "COPY orders", "CLIENT", "child"),
        (4, "COMMIT", "CLIENT", "child"),
        (4, "commit orders", "CLIENT", "child"),
    ]
    assert lines[-1].duration_ns == 5
    assert lines[0].offset_ns == 0 < lines[2].offset_ns < lines[-1].offset_ns
    assert len({line.trace_id for line in lines}) == 3


def test_a_flush_for_several_puts_hangs_on_the_told_one_by_a_link() -> None:
    recorder = Recorder()
    records_go_through(recorder, puts=3)
    lines = story(recorder.spans())
    assert lines is not None
    assert [line.attached for line in lines if line.name == "flush orders-pg"] == ["link"]
    assert [line.name for line in lines].count("process orders") == 1


def test_the_newest_commit_is_told() -> None:
    recorder = Recorder()
    records_go_through(recorder)
    first = story(recorder.spans())
    records_go_through(recorder)
    second = story(recorder.spans())
    assert first is not None
    assert second is not None
    assert {line.trace_id for line in first}.isdisjoint({line.trace_id for line in second})


def test_there_is_no_story_before_a_commit_or_without_a_source() -> None:
    recorder = Recorder()
    assert story([]) is None
    put = recorder.sink().start_put([Record()], T0)
    put.end()
    assert story(recorder.spans()) is None
    sink = recorder.sink()
    sink.start_put([Record()], T0).end()
    sink.start_commit({"orders"}, 1, T0).end(error=None, end_ns=T0)
    assert story(recorder.spans()) is None


def test_a_capture_keeps_the_last_spans_only_and_creates_do_not_crowd_out_the_rest() -> None:
    recorder = Recorder(capture=Capture(2))
    for number in range(5):
        with recorder.sink().task_tracing.client(f"call {number}"):
            pass
    source = recorder.source()
    source.polled(20, time.time_ns(), None)
    source.inject([SourceRecord(topic="orders", value=1)] * 20, [[] for _ in range(20)])
    assert [span.name for span in recorder.spans()] == ["call 4", "poll orders-src", *["create orders"] * 8]
