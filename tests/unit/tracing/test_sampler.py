from __future__ import annotations

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from connectrt.tracing.links import CompactLinks, LinkBlock, carrying
from connectrt.tracing.sampler import LinkedSampler
from tests.unit.tracing.fakes import parent

SAMPLED = Link(SpanContext(1, 2, True, TraceFlags(1)))
UNSAMPLED = Link(SpanContext(1, 3, True, TraceFlags(0)))


def decides(sampler: Sampler, links: list[Link], context: Context | None = None) -> Decision:
    return sampler.should_sample(context, 1, "s", SpanKind.CONSUMER, {}, links).decision


@pytest.mark.parametrize("sampler", [
    ParentBased(LinkedSampler(ALWAYS_OFF)), LinkedSampler(ParentBased(ALWAYS_OFF)), LinkedSampler(ALWAYS_OFF)])
def test_one_sampled_link_records_a_root_span(sampler: Sampler) -> None:
    """As root of ParentBased too, which calls it with keyword arguments."""
    assert decides(sampler, [UNSAMPLED, SAMPLED]) is Decision.RECORD_AND_SAMPLE
    assert decides(sampler, [UNSAMPLED]) is Decision.DROP
    assert decides(sampler, []) is Decision.DROP


def test_without_a_sampled_link_the_inner_sampler_decides() -> None:
    assert decides(LinkedSampler(ALWAYS_ON), [UNSAMPLED]) is Decision.RECORD_AND_SAMPLE
    assert decides(LinkedSampler(TraceIdRatioBased(0)), []) is Decision.DROP


def test_an_unsampled_parent_wins_over_a_sampled_link() -> None:
    context = set_span_in_context(NonRecordingSpan(SpanContext(1, 2, False, TraceFlags(0))), Context())
    assert decides(LinkedSampler(ParentBased(ALWAYS_ON)), [SAMPLED], context) is Decision.DROP


@pytest.mark.parametrize(("flags", "recorded"), [("03", True), ("02", False)])
def test_links_carried_in_the_context_are_seen(flags: str, recorded: bool) -> None:
    tracer = TracerProvider(LinkedSampler(ParentBased(ALWAYS_OFF)), shutdown_on_exit=False).get_tracer("t")
    links = CompactLinks([LinkBlock([parent(1, flags)], True)])
    assert tracer.start_span("process", carrying(links)).is_recording() is recorded


def test_a_sampler_that_looks_at_links_sees_ordinary_ones() -> None:
    seen: list[Link] = []

    class Looking(type(ALWAYS_ON)):  # type: ignore[misc]
        def should_sample(self, *args: object, **kwargs: object) -> object:
            seen.extend(args[5])  # type: ignore[arg-type]
            return ALWAYS_ON.should_sample(None, 1, "s")

    links = CompactLinks([LinkBlock([parent(1, "00")], True)])
    LinkedSampler(Looking(Decision.DROP)).should_sample(carrying(links), 1, "process")
    assert [link.context.span_id for link in seen] == [0xB001]


def test_the_description_names_the_inner_sampler() -> None:
    assert LinkedSampler(ALWAYS_OFF).get_description() == "LinkedSampler{AlwaysOffSampler}"
