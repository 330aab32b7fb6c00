from __future__ import annotations

import pytest
from opentelemetry import baggage, context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from connectrt.errors import RetriableError
from connectrt.tracing.sink import SinkTracer
from tests.unit.tracing.fakes import T0, Recorder, traced


def put(sink: SinkTracer, number: int = 1) -> None:
    sink.start_put([traced(number)], T0).end()


def is_child(span: ReadableSpan, of: ReadableSpan) -> bool:
    return span.parent is not None and of.context is not None and span.parent.span_id == of.context.span_id


def test_a_client_span_is_a_child_of_the_batch() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    batch = sink.start_put([traced(1)], T0)
    with batch.active(), sink.task_tracing.client("INSERT orders", {"db.system.name": "postgresql"}) as span:
        assert span.recording
        span.set({"db.response.returned_rows": 3})
        span.event("copied", {"rows": 3})
        assert get_current_span().get_span_context().span_id
    batch.end()
    client = recorder.span("INSERT orders")
    assert client.kind is SpanKind.CLIENT
    assert dict(client.attributes or {}) == {"db.system.name": "postgresql", "db.response.returned_rows": 3}
    assert [(event.name, dict(event.attributes or {})) for event in client.events] == [("copied", {"rows": 3})]
    assert is_child(client, recorder.span("process orders"))


def test_a_client_span_can_be_backdated() -> None:
    recorder = Recorder()
    with recorder.sink().task_tracing.client("COPY orders", start_ns=T0):
        pass
    assert recorder.span("COPY orders").start_time == T0


def test_an_exception_marks_the_span_and_goes_on() -> None:
    recorder = Recorder()
    with pytest.raises(KeyError), recorder.sink().task_tracing.client("SELECT"):
        raise KeyError("x")
    span = recorder.span("SELECT")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "KeyError"


def test_an_error_type_the_plugin_has_set_stays() -> None:
    recorder = Recorder()

    def select() -> None:
        with recorder.sink().task_tracing.client("SELECT") as span:
            span.set({"error.type": "23505"})
            raise KeyError("x")

    with pytest.raises(KeyError):
        select()
    assert (recorder.span("SELECT").attributes or {})["error.type"] == "23505"


def test_nothing_a_plugin_gives_raises() -> None:
    recorder = Recorder()
    with recorder.sink().task_tracing.client("SELECT") as span:
        span.set(None)  # type: ignore[arg-type]
        span.event(None, 3)  # type: ignore[arg-type]
    with recorder.sink().task_tracing.client("SELECT", 7):  # type: ignore[arg-type]
        pass


def test_a_flush_after_one_put_is_its_child() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink)
    with sink.task_tracing.flush() as span:
        span.set({"rows": 1})
        with sink.task_tracing.client("COMMIT"):
            assert baggage.get_all() == {}
    flush = recorder.span("flush orders-pg")
    assert is_child(flush, recorder.span("process orders"))
    assert is_child(recorder.span("COMMIT"), flush)
    assert flush.kind is SpanKind.INTERNAL
    assert dict(flush.attributes or {}) == {
        "connectrt.connector": "orders-pg", "connectrt.task": 3, "connectrt.stage": "flush", "rows": 1}


def test_a_flush_after_several_puts_is_a_root_with_links_to_all_of_them() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink, 1)
    batch = sink.start_put([traced(2)], T0)
    with batch.active(), sink.task_tracing.flush():
        pass
    batch.end()
    flush = recorder.span("flush orders-pg")
    assert flush.parent is None
    assert [link.context for link in flush.links] == [span.context for span in recorder.spans("process orders")]


def test_the_next_flush_writes_for_the_puts_since_the_last_one() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink, 1)
    put(sink, 2)
    with sink.task_tracing.flush():
        pass
    put(sink, 3)
    with sink.task_tracing.flush():
        pass
    assert is_child(recorder.spans("flush orders-pg")[1], recorder.spans("process orders")[2])


def test_a_flush_that_failed_is_tried_again_for_the_same_puts() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink)
    with pytest.raises(RetriableError), sink.task_tracing.flush():
        raise RetriableError("away")
    with sink.task_tracing.flush():
        pass
    failed, flushed = recorder.spans("flush orders-pg")
    assert (failed.status.status_code, flushed.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert is_child(failed, recorder.span("process orders"))
    assert is_child(flushed, recorder.span("process orders"))


def test_a_flush_links_to_at_most_128_puts_and_counts_them_all() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    for number in range(200):
        put(sink, number)
    with sink.task_tracing.flush():
        pass
    flush = recorder.span("flush orders-pg")
    assert len(flush.links) == 128
    assert flush.attributes is not None
    assert (flush.attributes["connectrt.links.total"], flush.attributes["connectrt.links.dropped"]) == (200, 72)


def test_a_flush_follows_the_span_a_long_put_goes_on_in() -> None:
    recorder = Recorder()
    sink = recorder.sink(retry_spans=False)
    batch = sink.start_put([traced(1)], T0)
    batch.retried(RetriableError("away"), T0, T0 + 61_000_000_000, 1)
    with batch.active(), sink.task_tracing.flush():
        pass
    batch.end()
    assert is_child(recorder.span("flush orders-pg"), recorder.spans("process orders")[1])


def test_a_flush_without_puts_hangs_on_what_is_current() -> None:
    recorder = Recorder()
    with recorder.sink().task_tracing.flush("close"):
        pass
    assert recorder.span("close orders-pg").parent is None


def test_a_commit_is_a_child_of_the_last_flush() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink)
    with sink.task_tracing.flush():
        pass
    sink.start_commit({"orders"}, 4, T0 + 1).end(error=None, end_ns=T0 + 9)
    commit = recorder.span("commit orders")
    assert is_child(commit, recorder.span("flush orders-pg"))
    assert (commit.kind, commit.start_time, commit.end_time) == (SpanKind.CLIENT, T0 + 1, T0 + 9)
    assert dict(commit.attributes or {}) == {
        "messaging.system": "kafka", "messaging.operation.name": "commit", "messaging.operation.type": "settle",
        "messaging.destination.name": "orders", "messaging.consumer.group.name": "connect-orders-pg",
        "server.address": "kafka-1", "server.port": 9092, "connectrt.connector": "orders-pg", "connectrt.task": 3,
        "connectrt.partitions": 4}


def test_a_commit_without_a_flush_is_a_child_of_the_put_and_tells_its_error() -> None:
    recorder = Recorder()
    sink = recorder.sink()
    put(sink)
    sink.start_commit({"orders", "refunds"}, 2, T0).end(error=RetriableError("rebalance"), end_ns=T0)
    commit = recorder.span("commit")
    assert is_child(commit, recorder.span("process orders"))
    assert commit.status.status_code is StatusCode.ERROR
    assert "messaging.destination.name" not in (commit.attributes or {})


def test_commits_of_unrecorded_batches_and_unwanted_ones_leave_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    unwanted = recorder.sink(commit_spans=False)
    put(unwanted)
    unwanted.start_commit({"orders"}, 1, T0).end(error=None, end_ns=T0)
    assert recorder.spans("commit orders") == []
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    recorder = Recorder()
    sink = recorder.sink()
    put(sink)
    with sink.task_tracing.flush() as flush, sink.task_tracing.client("COPY") as client:
        assert not flush.recording
        assert not client.recording
    sink.start_commit({"orders"}, 1, T0).end(error=None, end_ns=T0)
    assert recorder.spans() == []


def test_a_commit_with_nothing_before_it_is_a_root() -> None:
    recorder = Recorder()
    recorder.sink().start_commit({"orders"}, 1, T0).end(error=None, end_ns=T0)
    assert recorder.span("commit orders").parent is None


def test_blocks_restore_what_was_current() -> None:
    sink = Recorder().sink()
    before = context.get_current()
    with sink.task_tracing.flush(), sink.task_tracing.client("a"), sink.task_tracing.client("b"):
        pass
    assert context.get_current() == before
