from __future__ import annotations

from array import array

import opentelemetry.sdk.trace as sdk
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, TraceFlags

from connectrt.tracing import links as module
from connectrt.tracing.links import CompactLinks, LinkBlock, links_of, set_links, without_links
from tests.unit.tracing.fakes import parent


def some_links(count: int, dropped: int = 0, limit: int | None = None) -> CompactLinks:
    block = LinkBlock([parent(number, "03") for number in range(count)], True, {"messaging.destination.name": "orders"},
                      {"messaging.destination.partition.id": [str(number % 10) for number in range(count)]},
                      {"messaging.kafka.offset": array("q", range(count))})
    return CompactLinks([block], dropped=dropped, limit=limit)


def test_links_are_ordinary_ones_when_one_looks() -> None:
    links = [*some_links(2)]
    assert [link.context for link in links] == [
        SpanContext(0xA000 + number, 0xB000 + number, True, TraceFlags(3)) for number in range(2)]
    assert links[1].attributes == {
        "messaging.destination.name": "orders", "messaging.destination.partition.id": "1", "messaging.kafka.offset": 1}
    assert some_links(2)[1].context.span_id == 0xB001


def test_a_span_of_the_sdk_shows_its_links_to_every_exporter() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("t").start_span("s")
    set_links(span, some_links(300, dropped=7))
    span.end()
    (exported,) = exporter.get_finished_spans()
    assert len(exported.links) == 300
    assert all(isinstance(link, Link) for link in exported.links)
    assert exported.dropped_links == 7
    assert "0x" + format(0xB000 + 299, "016x") in exported.to_json()


def test_the_sdk_still_has_the_one_private_name_that_links_rest_on() -> None:
    """`_links` of Span and ReadableSpan: if this fails, tracing/links.py is to be changed, and nothing else."""
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s", links=[Link(SpanContext(1, 2, True))])
    assert isinstance(span, sdk.Span)
    assert isinstance(span._links, BoundedList)
    ended: list[ReadableSpan] = []

    class Last(sdk.SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Last())
    tracer = provider.get_tracer("t")
    recorded = tracer.start_span("s")
    set_links(recorded, some_links(1))
    recorded.end()
    assert isinstance(links_of(ended[0]), CompactLinks)


def test_a_link_added_later_comes_last_and_the_limit_binds_it() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span("s")
    links = some_links(2, limit=3)
    set_links(span, links)
    span.add_link(SpanContext(1, 2, False), {"a": 1})
    span.add_link(SpanContext(1, 3, False))
    assert [link.context.span_id for link in links] == [0xB000, 0xB001, 2]
    assert links.dropped == 1


def test_a_span_without_its_links_still_says_how_many_were_dropped() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span("s")
    set_links(span, some_links(2, dropped=5))
    assert isinstance(span, ReadableSpan)
    bare = without_links(span)
    assert (len(bare.links), bare.dropped_links, len(span.links)) == (0, 5, 2)


def test_released_links_are_dropped_links() -> None:
    links = some_links(4, dropped=1)
    links.release()
    assert (len(links), links.dropped, [*links], links.encode()) == (0, 5, [], [])


@pytest.mark.parametrize(("flags", "sampled"), [
    (["00", "02"], False), (["00", "03"], True), (["01"], True), ([], False)])
def test_links_know_if_any_is_sampled(flags: list[str], sampled: bool) -> None:
    block = LinkBlock([parent(number, bits) for number, bits in enumerate(flags)], True)
    assert CompactLinks([block]).sampled is sampled


def test_the_context_that_carries_links_has_no_span() -> None:
    links = some_links(1)
    assert module.carried(module.carrying(links)) is links
    assert module.carried(None) is None
