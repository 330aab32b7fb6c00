from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from connectrt.data.record import SourceRecord, TraceCarrier
from connectrt.errors import ConnectError
from connectrt.sdk import EndOfSource
from connectrt.tracing.context import canonical, ids, is_sampled
from connectrt.tracing.provider import Tracing
from connectrt.tracing.settings import TracingSettings
from connectrt.tracing.source import HeaderList, Injected, SourceTracer
from tests.unit.tracing.fakes import T0, Recorder, parent


def record(trace: bytes | None = None, topic: str = "orders", value: object = 1, **more: object) -> SourceRecord:
    return SourceRecord(topic=topic, value=value, trace=TraceCarrier(trace, b"v=1") if trace else None, **more)  # type: ignore[arg-type]


def polled(source: SourceTracer, records: list[SourceRecord], headers: list[HeaderList] | None = None) -> Injected:
    source.polled(len(records), T0, None)
    return source.inject(records, headers or [[] for _ in records])


def context_of(headers: HeaderList) -> bytes:
    (value,) = [value for name, value in headers if name == "traceparent"]
    assert value is not None
    assert canonical(value) == value
    return value


def test_a_poll_is_a_root_span_made_when_it_returned_records() -> None:
    recorder = Recorder()
    source = recorder.source()
    source.polled(0, T0, None)
    source.polled(3, T0, None)
    poll = recorder.span("poll orders-src")
    assert (poll.kind, poll.parent, poll.start_time) == (SpanKind.INTERNAL, None, T0)
    assert dict(poll.attributes or {}) == {"connectrt.connector": "orders-src", "connectrt.task": 0,
                                           "connectrt.stage": "poll", "connectrt.records.polled": 3}


def test_a_failed_poll_is_a_failed_span() -> None:
    recorder = Recorder()
    recorder.source().polled(0, T0, ConnectError("down"))
    assert recorder.span("poll orders-src").status.status_code is StatusCode.ERROR


def test_calls_made_while_polling_are_children_of_the_poll() -> None:
    recorder = Recorder()
    source = recorder.source()
    with source.polling(), source.task_tracing.client("SELECT orders") as call:
        call.set({"rows": 2})
    assert recorder.spans() == []
    source.polled(2, T0, None)
    poll, select = recorder.span("poll orders-src"), recorder.span("SELECT orders")
    assert select.parent is not None
    assert poll.context is not None
    assert select.parent.span_id == poll.context.span_id
    assert poll.start_time is not None
    assert select.end_time is not None
    assert poll.end_time is not None
    assert poll.start_time <= select.end_time <= poll.end_time


def test_an_empty_poll_leaves_neither_its_span_nor_those_of_its_calls() -> None:
    recorder = Recorder()
    source = recorder.source()
    with source.polling(), source.task_tracing.client("SELECT orders"):
        assert get_current_span().is_recording()
    source.polled(0, T0, None)
    with source.task_tracing.client("later"):
        pass
    assert [span.name for span in recorder.spans()] == ["later"]


def test_calls_after_a_poll_that_was_never_told_are_kept() -> None:
    """A source that ends raises out of its last poll."""
    recorder = Recorder()
    source = recorder.source()
    with pytest.raises(EndOfSource), source.polling(), source.task_tracing.client("SELECT orders"):
        raise EndOfSource
    with source.task_tracing.client("later"):
        pass
    source.polled(0, T0, None)
    assert [span.name for span in recorder.spans()] == ["later"]


def test_each_sampled_record_gets_a_create_span_in_a_trace_of_its_own() -> None:
    recorder = Recorder()
    injected = polled(recorder.source(), [record(), record(value=None, key="k", partition=2)])
    poll, creates = recorder.span("poll orders-src"), recorder.spans("create orders")
    assert [context_of(headers) for headers in injected.headers] == [injected.created[0], injected.created[1]]
    for create, headers in zip(creates, injected.headers, strict=True):
        assert create.context is not None
        assert ids(context_of(headers))[:2] == (create.context.trace_id, create.context.span_id)
        assert (create.kind, create.parent) == (SpanKind.PRODUCER, None)
        assert [link.context for link in create.links] == [poll.context]
    assert len({create.context.trace_id for create in creates if create.context}) == 2
    assert dict(creates[1].attributes or {}) == {
        "messaging.system": "kafka", "messaging.operation.name": "create", "messaging.operation.type": "create",
        "messaging.destination.name": "orders", "messaging.destination.partition.id": "2",
        "messaging.kafka.message.key": "k", "messaging.kafka.message.tombstone": True,
        "server.address": "kafka-1", "server.port": 9092, "connectrt.connector": "orders-src", "connectrt.task": 0}


def test_a_sampled_context_beside_the_data_is_continued_by_a_create_span() -> None:
    recorder = Recorder()
    injected = polled(recorder.source(), [record(parent(1))])
    create = recorder.span("create orders")
    assert create.parent is not None
    assert create.context is not None
    assert (create.context.trace_id, create.parent.span_id, create.parent.is_remote) == (0xA001, 0xB001, True)
    assert ids(context_of(injected.headers[0]))[:2] == (0xA001, create.context.span_id)
    assert ("tracestate", b"v=1") in injected.headers[0]


def test_all_unsampled_records_of_a_poll_share_one_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    recorder = Recorder()
    source = recorder.source()
    own: HeaderList = [("other", b"x")]
    injected = polled(source, [record(), record(), record()], [[], own, []])
    shared = {context_of(headers) for headers in injected.headers}
    assert len(shared) == 1
    assert not is_sampled(shared.pop())
    assert own == [("other", b"x")]
    assert len({id(headers) for headers in injected.headers}) == 3
    assert recorder.spans() == []
    source.start_send("orders", injected, range(3), T0).end()
    assert recorder.spans() == []


@pytest.mark.parametrize("sampler", ["parentbased_always_off", "parentbased_always_on"])
def test_no_context_is_written_on_demand(monkeypatch: pytest.MonkeyPatch, sampler: str) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    recorder = Recorder()
    injected = polled(recorder.source(source_context="none"), [record(), record(parent(1))])
    assert injected.headers == [[], []]
    assert recorder.spans("create orders") == []


def test_unsampled_records_can_be_left_without_a_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    assert polled(Recorder().source(source_inject="sampled"), [record()]).headers == [[]]


@pytest.mark.parametrize("sampler", ["parentbased_always_off", "traceidratio"])
def test_a_sampled_context_beside_the_data_is_never_lost(monkeypatch: pytest.MonkeyPatch, sampler: str) -> None:
    """Recorded here if the sampler follows parents, passed on as it is if not."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    recorder = Recorder()
    source = recorder.source()
    injected = polled(source, [record(parent(1)), record()])
    trace_id, _, flags = ids(context_of(injected.headers[0]))
    assert (trace_id, flags & 1) == (0xA001, 1)
    assert not is_sampled(context_of(injected.headers[1]))
    source.start_send("orders", injected, range(2), T0).end()
    sent = [span.name for span in recorder.spans()]
    assert sent == (["create orders", "send orders"] if sampler == "parentbased_always_off" else [])


def test_a_replaced_context_is_linked() -> None:
    recorder = Recorder()
    source = recorder.source(source_context="replace")
    injected = polled(source, [record()], [[("traceparent", parent(7)), ("other", b"x")]])
    create = recorder.span("create orders")
    assert [link.context.span_id for link in create.links][1:] == [0xB007]
    assert create.context is not None
    assert injected.headers == [[("other", b"x"), ("traceparent", injected.created[0])]]


def test_the_send_span_links_to_what_was_created_and_what_was_brought() -> None:
    recorder = Recorder()
    source = recorder.source()
    injected = polled(source, [record(), record(), record(), record()],
                      [[], [("traceparent", parent(7))], [("traceparent", parent(8, "00"))], []])
    span = source.start_send("orders", injected, [0, 1, 2], T0)
    span.end()
    send, poll = recorder.span("send orders"), recorder.span("poll orders-src")
    assert (send.kind, send.start_time) == (SpanKind.CLIENT, T0)
    assert send.parent is not None
    assert poll.context is not None
    assert send.parent.span_id == poll.context.span_id
    create = recorder.spans("create orders")[0]
    assert create.context is not None
    assert [(link.context.span_id, link.context.is_remote) for link in send.links] == [
        (create.context.span_id, False), (0xB007, True)]
    assert dict(send.attributes or {}) == {
        "messaging.system": "kafka", "messaging.operation.name": "send", "messaging.operation.type": "send",
        "messaging.destination.name": "orders", "messaging.batch.message_count": 3,
        "server.address": "kafka-1", "server.port": 9092, "connectrt.connector": "orders-src", "connectrt.task": 0}


def test_a_send_has_at_most_the_configured_number_of_links() -> None:
    recorder = Recorder()
    source = recorder.source(links_max=10)
    injected = polled(source, [record() for _ in range(50)])
    source.start_send("orders", injected, range(50), T0).end()
    send = recorder.span("send orders")
    assert (len(send.links), send.dropped_links) == (10, 40)


def test_undelivered_records_fail_the_send_span() -> None:
    recorder = Recorder()
    source = recorder.source()
    source.start_send("orders", polled(source, [record()]), [0], T0).end(failed=1, error=ConnectError("timed out"))
    send = recorder.span("send orders")
    assert send.status.status_code is StatusCode.ERROR
    assert send.attributes is not None
    assert (send.attributes["connectrt.records.failed"], send.attributes["error.type"]) == (
        1, "connectrt.errors.ConnectError")


def test_old_names_are_written_on_demand() -> None:
    recorder = Recorder({"OTEL_SEMCONV_STABILITY_OPT_IN": "messaging/dup"})
    source = recorder.source()
    source.start_send("orders", polled(source, [record(partition=4)]), [0], T0).end()
    create, send = recorder.span("create orders"), recorder.span("send orders")
    assert send.attributes is not None
    assert create.attributes is not None
    assert send.attributes["messaging.operation"] == "publish"
    assert (create.attributes["messaging.operation"], create.attributes["messaging.kafka.destination.partition"]) == (
        "create", 4)


def test_where_nothing_records_contexts_still_travel_on() -> None:
    tracing = Tracing.from_environment({})
    source = tracing.source("c", 0, TracingSettings(), bootstrap="k:1")
    injected = polled(source, [record(), record(parent(1)), record(parent(2, "00")), record()],
                      [[], [], [], [("traceparent", parent(3))]])
    state = ("tracestate", b"v=1")
    assert injected.headers == [[], [("traceparent", parent(1)), state], [("traceparent", parent(2, "00")), state],
                                [("traceparent", parent(3))]]
    source.start_send("orders", injected, range(4), T0).end()
    replacing = tracing.source("c", 0, TracingSettings(source_context="replace"), bootstrap="k:1")
    assert polled(replacing, [record()], [[("traceparent", parent(3))]]).headers == [[("traceparent", parent(3))]]


def test_when_injecting_fails_records_leave_as_they_came() -> None:
    recorder = Recorder()
    source = recorder.source()
    source.polled(1, T0, None)
    headers: list[HeaderList] = [[("other", b"x")]]
    assert source.inject([object()], headers).headers is headers  # type: ignore[list-item]
