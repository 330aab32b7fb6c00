from __future__ import annotations

import logging

import pytest
from opentelemetry import baggage, context
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from connectrt.errors import ConnectError, RetriableError, TaskCancelledError
from tests.unit.tracing.fakes import T0, Record, Recorder, linked, parent, traced

SECOND = 1_000_000_000


def test_a_batch_is_a_root_consumer_span_with_the_conventions_attributes() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(number, partition=2) for number in range(3)], T0).end()
    span = recorder.span("process orders")
    assert span.kind is SpanKind.CONSUMER
    assert span.parent is None
    assert span.start_time == T0
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka", "messaging.operation.name": "process", "messaging.operation.type": "process",
        "messaging.destination.name": "orders", "messaging.destination.partition.id": "2",
        "messaging.batch.message_count": 3, "messaging.consumer.group.name": "connect-orders-pg",
        "server.address": "kafka-1", "server.port": 9092,
        "connectrt.connector": "orders-pg", "connectrt.task": 3, "connectrt.links.total": 3}
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.schema_url == "https://opentelemetry.io/schemas/1.44.0"


def test_a_batch_links_to_the_distinct_sampled_producers_with_their_offsets() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(1), traced(2, "00"), traced(3, "03"), Record(None, 4)], T0).end()
    span = recorder.span("process orders")
    assert [(link.context.span_id, link.context.is_remote, dict(link.attributes or {})) for link in span.links] == [
        (0xB001, True, {"messaging.kafka.offset": 1}), (0xB003, True, {"messaging.kafka.offset": 3})]
    assert span.attributes is not None
    assert span.attributes["connectrt.links.unsampled"] == 1
    assert span.attributes["connectrt.links.missing"] == 1


def test_partitions_move_to_the_links_where_they_differ() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(1, partition=3), traced(2, partition=12), traced(3, partition=4)], T0).end()
    span = recorder.span("process orders")
    assert "messaging.destination.partition.id" not in (span.attributes or {})
    assert {link.context.span_id - 0xB000: dict(link.attributes or {}) for link in span.links} == {
        1: {"messaging.destination.partition.id": "3", "messaging.kafka.offset": 1},
        2: {"messaging.destination.partition.id": "12", "messaging.kafka.offset": 2},
        3: {"messaging.destination.partition.id": "4", "messaging.kafka.offset": 3}}


def test_a_batch_of_several_topics_names_them_on_its_links() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(1), traced(2, topic="refunds"), traced(3)], T0).end()
    span = recorder.span("process")
    assert "messaging.destination.name" not in (span.attributes or {})
    assert "messaging.destination.partition.id" not in (span.attributes or {})
    assert {link.context.span_id - 0xB000: dict(link.attributes or {}) for link in span.links} == {
        number: {"messaging.destination.name": topic, "messaging.destination.partition.id": "0",
                 "messaging.kafka.offset": number} for number, topic in ((1, "orders"), (2, "refunds"), (3, "orders"))}


def test_records_with_one_context_share_a_link_that_counts_them() -> None:
    recorder = Recorder()
    same = ("traceparent", parent(1))
    recorder.sink().start_put([Record([same], 5), traced(2), Record([same], 9)], T0).end()
    links = recorder.span("process orders").links
    assert {link.context.span_id - 0xB000: dict(link.attributes or {}) for link in links} == {
        2: {"messaging.kafka.offset": 2},
        1: {"connectrt.link.records": 2, "connectrt.link.offset_first": 5, "connectrt.link.offset_last": 9}}


def test_5000_distinct_contexts_make_exactly_the_configured_number_of_links() -> None:
    recorder = Recorder()
    recorder.sink(links_max=128).start_put([traced(number) for number in range(5000)], T0).end()
    span = recorder.span("process orders")
    assert len(span.links) == 128
    assert {0, 4999} < linked(span)
    assert span.dropped_links == 4872
    assert span.attributes is not None
    assert (span.attributes["connectrt.links.total"], span.attributes["connectrt.links.dropped"]) == (5000, 4872)


def test_every_record_is_linked_by_default() -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(number) for number in range(500)], T0).end()
    assert linked(recorder.span("process orders")) == set(range(500))


def test_the_limit_of_the_sdk_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "10")
    recorder = Recorder({"OTEL_SPAN_LINK_COUNT_LIMIT": "10"})
    put = recorder.sink(links_max=128).start_put([traced(number) for number in range(50)], T0)
    with put.active():
        get_current_span().add_link(get_current_span().get_span_context())
    put.end()
    span = recorder.span("process orders")
    assert (len(span.links), span.dropped_links) == (10, 41)
    assert {0, 49} < linked(span)


def test_overflowing_links_can_have_spans_of_their_own() -> None:
    recorder = Recorder()
    recorder.sink(links_max=128, links_overflow="spans").start_put([traced(number) for number in range(300)], T0).end()
    batch = recorder.span("process orders")
    children = [recorder.span(f"links #{number}") for number in (1, 2, 3)]
    assert len(batch.links) == 0
    assert [len(child.links) for child in children] == [128, 128, 44]
    assert set().union(*map(linked, children)) == set(range(300))
    assert all(child.parent and batch.context and child.parent.span_id == batch.context.span_id for child in children)


def test_no_links_at_all_can_be_configured() -> None:
    recorder = Recorder()
    for overflow in ("spread", "spans"):
        recorder.sink(links_max=0, links_overflow=overflow).start_put([traced(1)], T0).end()
    assert [(span.name, len(span.links)) for span in recorder.spans()] == [("process orders", 0)] * 2


def test_the_first_contexts_can_be_preferred() -> None:
    recorder = Recorder()
    recorder.sink(links_max=3, links_overflow="first").start_put([traced(number) for number in range(9)], T0).end()
    assert linked(recorder.span("process orders")) == {0, 1, 2}


def test_unsampled_contexts_are_linked_on_demand_and_attributes_left_out() -> None:
    recorder = Recorder()
    recorder.sink(links_unsampled=True, links_attributes=False).start_put([traced(1, "00"), traced(2)], T0).end()
    span = recorder.span("process orders")
    assert linked(span) == {1, 2}
    assert not any(link.attributes for link in span.links)


def test_the_limit_on_link_attributes_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0")
    recorder = Recorder()
    recorder.sink().start_put([traced(1)], T0).end()
    (link,) = recorder.span("process orders").links
    assert not link.attributes


def test_old_names_are_written_beside_the_new_ones_on_demand() -> None:
    recorder = Recorder({"OTEL_SEMCONV_STABILITY_OPT_IN": "http, messaging/dup"})
    recorder.sink().start_put([traced(1, partition=1)], T0).end()
    recorder.sink().start_put([traced(2, partition=1), traced(3)], T0).end()
    one, two = recorder.spans("process orders")
    assert one.attributes is not None
    assert one.attributes["messaging.operation"] == "process"
    assert one.attributes["messaging.kafka.consumer.group"] == "connect-orders-pg"
    assert one.attributes["messaging.kafka.destination.partition"] == 1
    assert dict(one.links[0].attributes or {}) == {"messaging.kafka.offset": 1, "messaging.kafka.message.offset": 1}
    assert dict(two.links[0].attributes or {}) == {
        "messaging.destination.partition.id": "1", "messaging.kafka.destination.partition": 1,
        "messaging.kafka.offset": 2, "messaging.kafka.message.offset": 2}


@pytest.mark.parametrize(("settings", "flags", "recorded"), [
    ({}, "01", True), ({}, "00", False), ({"batch_sampler": "root"}, "01", False)])
def test_a_batch_is_recorded_if_a_linked_trace_is(
        monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], flags: str, recorded: bool) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    recorder = Recorder()
    put = recorder.sink(**settings).start_put([traced(1, flags)], T0)
    with put.active():
        assert get_current_span().is_recording() is recorded
        assert get_current_span().get_span_context().is_valid
    put.retried(RetriableError("away"), T0, T0, 1)
    put.end()
    assert len(recorder.spans()) == recorded * 2


def test_with_the_root_sampler_no_header_of_an_unrecorded_batch_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")

    class Unread(Record):
        def headers(self) -> None:
            raise AssertionError("headers were read")

    sink = Recorder().sink(batch_sampler="root")
    sink.start_put([Unread()], T0).end()


def test_a_batch_the_root_sampler_records_has_its_links() -> None:
    recorder = Recorder()
    recorder.sink(batch_sampler="root").start_put([traced(1), Record()], T0).end()
    span = recorder.span("process orders")
    assert linked(span) == {1}
    assert span.attributes is not None
    assert span.attributes["connectrt.links.missing"] == 1


@pytest.mark.parametrize(("sampler", "recorded"), [("always_off", 0), ("traceidratio", 0), ("always_on", 1)])
def test_a_sampler_that_is_not_parent_based_is_asked_alone(
        monkeypatch: pytest.MonkeyPatch, sampler: str, recorded: int) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    recorder = Recorder()
    recorder.sink().start_put([traced(1)], T0).end()
    assert len(recorder.spans()) == recorded


def test_the_span_is_current_without_baggage_and_restored() -> None:
    token = context.attach(baggage.set_baggage("tenant", "a"))
    try:
        put = Recorder().sink().start_put([traced(1)], T0)
        before = get_current_span()
        with put.active():
            assert get_current_span().is_recording()
            assert baggage.get_all() == {}
        assert get_current_span() is before
        assert baggage.get_all() == {"tenant": "a"}
    finally:
        context.detach(token)


def test_a_failed_put_is_an_error_with_one_exception_event() -> None:
    recorder = Recorder()
    put = recorder.sink().start_put([traced(1)], T0)
    put.end(ConnectError("x" * 300))
    span = recorder.span("process orders")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "x" * 256
    assert span.attributes is not None
    assert span.attributes["error.type"] == "connectrt.errors.ConnectError"
    (event,) = span.events
    assert (event.name, dict(event.attributes or {})) == (
        "exception", {"exception.type": "connectrt.errors.ConnectError", "exception.message": "x" * 256})


@pytest.mark.parametrize(("detail", "keys", "description"), [
    ("type", {"exception.type"}, None), ("type+message", {"exception.type", "exception.message"}, "no"),
    ("full", {"exception.type", "exception.message", "exception.stacktrace"}, "no")])
def test_no_more_of_an_exception_is_told_than_configured(detail: str, keys: set[str], description: str | None) -> None:
    recorder = Recorder()
    recorder.sink(exception_detail=detail).start_put([traced(1)], T0).end(ValueError("no"))
    span = recorder.span("process orders")
    assert set(span.events[0].attributes or {}) == keys
    assert span.status.description == description
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"


@pytest.mark.parametrize(("error", "outcome", "expected"), [
    (TaskCancelledError("stop"), None, "cancelled"), (None, "discarded", "discarded"),
    (ConnectError("fenced"), "fenced", "fenced")])
def test_a_batch_that_was_given_up_has_not_failed(error: Exception | None, outcome: str | None, expected: str) -> None:
    recorder = Recorder()
    recorder.sink().start_put([traced(1)], T0).end(error, outcome)
    span = recorder.span("process orders")
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes is not None
    assert span.attributes["connectrt.outcome"] == expected
    assert "error.type" not in span.attributes


def test_a_retried_put_leaves_an_attempt_and_an_event_and_no_error() -> None:
    recorder = Recorder()
    put = recorder.sink().start_put([traced(1)], T0)
    put.retried(RetriableError("away"), T0 + 1, T0 + 5, 1)
    put.end()
    batch, attempt = recorder.span("process orders"), recorder.span("put")
    assert batch.status.status_code is StatusCode.UNSET
    assert "error.type" not in (batch.attributes or {})
    assert [(event.name, dict(event.attributes or {})) for event in batch.events] == [("connectrt.retry", {
        "connectrt.stage": "put", "connectrt.retry.reason": "connectrt.errors.RetriableError", "connectrt.attempt": 1})]
    assert (attempt.start_time, attempt.end_time, attempt.kind) == (T0 + 1, T0 + 5, SpanKind.INTERNAL)
    assert attempt.status.status_code is StatusCode.ERROR
    assert attempt.attributes is not None
    assert attempt.attributes["connectrt.attempt"] == 1
    assert attempt.parent is not None
    assert batch.context is not None
    assert attempt.parent.span_id == batch.context.span_id


def test_attempt_spans_can_be_switched_off_and_many_retries_are_only_counted() -> None:
    recorder = Recorder()
    put = recorder.sink(retry_spans=False).start_put([traced(1)], T0)
    for attempt in range(1, 21):
        put.retried(RetriableError("away"), T0, T0, attempt)
    put.end()
    (batch,) = recorder.spans()
    assert len(batch.events) == 16
    assert batch.attributes is not None
    assert batch.attributes["connectrt.retry.count"] == 20


def test_a_put_that_is_retried_for_over_a_minute_goes_on_in_a_linked_span() -> None:
    recorder = Recorder()
    put = recorder.sink(retry_spans=False).start_put([traced(1)], T0)
    put.counted(filtered=2)
    put.retried(RetriableError("away"), T0, T0 + 61 * SECOND, 1)
    put.end()
    first, second = recorder.spans("process orders")
    assert first.attributes is not None
    assert second.attributes is not None
    assert first.attributes["connectrt.outcome"] == "retrying"
    assert "connectrt.records.filtered" not in first.attributes
    assert second.attributes["connectrt.records.filtered"] == 2
    assert second.start_time == T0 + 61 * SECOND
    assert [link.context for link in second.links] == [first.context]


def test_what_became_of_the_records_is_counted() -> None:
    recorder = Recorder()
    put = recorder.sink().start_put([traced(1)], T0)
    put.counted(filtered=1, failed=2)
    put.counted(failed=1, dlq=3, redelivered=True)
    put.counted()
    put.end()
    attributes = dict(recorder.span("process orders").attributes or {})
    assert {key: value for key, value in attributes.items() if key.startswith("connectrt.re")} == {
        "connectrt.records.filtered": 1, "connectrt.records.failed": 3, "connectrt.records.dlq": 3,
        "connectrt.redelivered": True}


def test_malformed_headers_are_told_once_with_their_place_and_never_their_bytes(
        caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    sink = recorder.sink()
    bad = Record([("traceparent", b"secret")], 42, "orders", 7)
    with caplog.at_level(logging.WARNING):
        sink.start_put([traced(1), bad], T0).end()
        sink.start_put([bad], T0).end()
    (warning,) = caplog.records
    assert (warning.topic, warning.partition, warning.offset) == ("orders", 7, 42)  # type: ignore[attr-defined]
    assert "secret" not in str(vars(warning))
    assert [span.attributes and span.attributes["connectrt.links.malformed"] for span in recorder.spans()] == [1, 1]
    assert linked(recorder.spans()[0]) == {1}


def test_a_header_name_the_client_cannot_decode_costs_only_its_own_record_the_link() -> None:
    class Undecodable(Record):
        def headers(self) -> None:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    recorder = Recorder()
    recorder.sink().start_put([traced(1), Undecodable(), traced(2)], T0).end()
    span = recorder.span("process orders")
    assert linked(span) == {1, 2}
    assert span.attributes is not None
    assert span.attributes["connectrt.links.malformed"] == 1


def test_a_storm_of_failures_switches_tracing_off_and_nothing_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Record):
        def headers(self) -> None:
            raise RuntimeError("no")

    recorder = Recorder()
    sink = recorder.sink()
    with caplog.at_level(logging.WARNING):
        for _ in range(12):
            put = sink.start_put([Broken()], T0)
            with put.active():
                pass
            put.counted(filtered=1)
            put.end()
    assert [record.message.split(":")[0] for record in caplog.records] == ["tracing is off for this task"]
    sink.start_put([traced(1)], T0).end()
    sink.start_commit({"orders"}, 1, T0).end(error=None, end_ns=T0)
    assert recorder.spans() == []
