"""The table of what becomes of a record's context, row by row."""

from __future__ import annotations

import pytest

from connectrt.data.record import TraceCarrier
from connectrt.tracing.injection import Plan, plan
from connectrt.tracing.settings import SourceContext
from connectrt.tracing.source import HeaderList
from tests.unit.tracing.fakes import parent

SAMPLED, UNSAMPLED, OTHER = parent(1, "01"), parent(2, "00"), parent(3, "01")
KEPT: tuple[str, bytes | None] = ("content-type", b"json")
STATE: tuple[str, bytes | None] = ("tracestate", b"vendor=1")
FRESH = Plan([KEPT], wanted=True)


def planned(how: SourceContext, headers: HeaderList, carrier: TraceCarrier | None = None, *allow: str) -> Plan:
    before = list(headers)
    made = plan(headers, carrier, how, allow)
    assert headers == before
    assert made.headers is not headers
    return made


@pytest.mark.parametrize("how", ["continue", "preserve"])
@pytest.mark.parametrize("context", [SAMPLED, UNSAMPLED])
def test_a_valid_traceparent_goes_on_as_it_is(how: SourceContext, context: bytes) -> None:
    headers: HeaderList = [KEPT, ("traceparent", context), STATE]
    assert planned(how, headers) == Plan(headers, brought=context)


def test_of_several_traceparents_continue_keeps_the_last_valid_one_and_preserve_all() -> None:
    headers: HeaderList = [("traceparent", OTHER), ("traceparent", SAMPLED), KEPT, ("traceparent", b"bad")]
    assert planned("continue", headers) == Plan([KEPT, ("traceparent", SAMPLED)], brought=SAMPLED)
    assert planned("preserve", headers) == Plan(headers, brought=SAMPLED)


def test_a_malformed_traceparent_is_dropped_by_continue_and_kept_by_preserve() -> None:
    headers: HeaderList = [KEPT, ("traceparent", b"bad"), STATE]
    assert planned("continue", headers) == FRESH
    assert planned("preserve", headers) == Plan(headers)
    assert planned("replace", headers) == FRESH


def test_a_traceparent_of_a_later_version_goes_on_as_version_00() -> None:
    assert planned("continue", [("traceparent", b"01" + SAMPLED[2:] + b"-x")]).headers == [("traceparent", SAMPLED)]


def test_replace_links_to_the_context_that_was_there() -> None:
    headers: HeaderList = [KEPT, ("traceparent", SAMPLED), ("traceparent", OTHER), STATE]
    assert planned("replace", headers) == Plan([KEPT], wanted=True, replaced=OTHER)


@pytest.mark.parametrize("headers", [
    [], [KEPT], [("traceparent", SAMPLED), ("traceparent", b"bad"), ("baggage", b"a=b" * 9999)]])
def test_none_leaves_headers_as_they_are(headers: HeaderList) -> None:
    assert planned("none", headers, TraceCarrier(OTHER)) == Plan(headers)


def test_a_sampled_context_beside_the_data_becomes_the_parent() -> None:
    carrier = TraceCarrier(b"01" + SAMPLED[2:], b"vendor=1")
    assert planned("continue", [KEPT], carrier) == Plan([KEPT], wanted=True, parent=TraceCarrier(SAMPLED, b"vendor=1"))


def test_an_unsampled_context_beside_the_data_is_passed_on() -> None:
    assert planned("continue", [KEPT], TraceCarrier(UNSAMPLED, b"vendor=1")) == Plan(
        [KEPT, ("traceparent", UNSAMPLED), STATE], brought=UNSAMPLED)


@pytest.mark.parametrize("context", [SAMPLED, UNSAMPLED])
def test_preserve_passes_a_context_beside_the_data_on_and_replace_links_to_it(context: bytes) -> None:
    assert planned("preserve", [KEPT], TraceCarrier(context)) == Plan([KEPT, ("traceparent", context)], brought=context)
    assert planned("replace", [KEPT], TraceCarrier(context)) == Plan([KEPT], wanted=True, replaced=context)


@pytest.mark.parametrize("how", ["continue", "preserve", "replace"])
@pytest.mark.parametrize("carrier", [None, TraceCarrier(b"bad"), TraceCarrier(b"\xff" * 55)])
def test_a_record_without_a_context_gets_one(how: SourceContext, carrier: TraceCarrier | None) -> None:
    assert planned(how, [KEPT], carrier) == FRESH


def test_headers_win_over_a_context_beside_the_data() -> None:
    assert planned("continue", [("traceparent", SAMPLED)], TraceCarrier(OTHER)).brought == SAMPLED
    assert planned("replace", [("traceparent", SAMPLED)], TraceCarrier(OTHER)).replaced == SAMPLED


def test_an_oversized_tracestate_is_left_out_and_the_traceparent_stays() -> None:
    headers: HeaderList = [("tracestate", b"a=" + b"x" * 600), ("traceparent", SAMPLED)]
    assert planned("continue", headers).headers == [("traceparent", SAMPLED)]
    assert planned("continue", [], TraceCarrier(UNSAMPLED, b"x" * 600)).headers == [("traceparent", UNSAMPLED)]


def test_the_last_of_several_tracestates_counts() -> None:
    headers: HeaderList = [("tracestate", b"a=1"), ("traceparent", SAMPLED), ("tracestate", b"b=2")]
    assert planned("continue", headers).headers == [("traceparent", SAMPLED), ("tracestate", b"b=2")]


@pytest.mark.parametrize("trace", [[], [("traceparent", SAMPLED)]])
def test_baggage_is_kept_byte_for_byte_unless_it_is_too_long(trace: HeaderList) -> None:
    two: HeaderList = [("baggage", b"a=1;p=%20"), ("baggage", b"b=2")]
    assert [header for header in planned("continue", two + trace).headers if header[0] == "baggage"] == two
    long: HeaderList = [("baggage", b"a=" + b"x" * 5000), ("baggage", b"b=" + b"x" * 5000)]
    assert "baggage" not in dict(planned("continue", long + trace).headers)
    assert [header for header in planned("preserve", long + trace).headers if header[0] == "baggage"] == long


def test_replace_keeps_only_allowed_baggage() -> None:
    headers: HeaderList = [("baggage", b"tenant=a,secret=b"), ("baggage", b"secret=c")]
    assert planned("replace", headers, None, "tenant").headers == [("baggage", b"tenant=a")]
    assert planned("replace", headers).headers == []


@pytest.mark.parametrize("how", ["continue", "preserve", "replace"])
def test_baggage_beside_the_data_goes_on_if_allowed_and_small(how: SourceContext) -> None:
    carrier = TraceCarrier(SAMPLED, None, b"tenant=a,secret=b")
    assert ("baggage", b"tenant=a") in planned(how, [], carrier, "tenant").headers
    assert "baggage" not in dict(planned(how, [], carrier).headers)
    long = TraceCarrier(SAMPLED, None, b"tenant=" + b"x" * 1024)
    assert "baggage" not in dict(planned(how, [], long, "tenant").headers)
