from __future__ import annotations

import pytest

from connectrt.tracing.context import (
    allowed_baggage,
    canonical,
    ids,
    is_sampled,
    last_header,
    last_valid_traceparent,
    scan,
    traceparent,
    usable_tracestate,
)
from tests.unit.tracing.fakes import Record, parent

IDS = b"4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.mark.parametrize(("raw", "expected"), [
    (b"00-%b-01" % IDS, b"00-%b-01" % IDS),
    (b"00-%b-03" % IDS, b"00-%b-03" % IDS),
    (b"00-%b-ff" % IDS, b"00-%b-03" % IDS),
    (b"00-%b-a6" % IDS, b"00-%b-02" % IDS),
    (b"01-%b-01" % IDS, b"00-%b-01" % IDS),
    (b"fe-%b-01-what-comes-later" % IDS, b"00-%b-01" % IDS),
    (b"01-%b-01-" % IDS, b"00-%b-01" % IDS),
])
def test_a_traceparent_is_normalised(raw: bytes, expected: bytes) -> None:
    """W3C Trace Context 3.2; flags but sampled and random are masked."""
    assert canonical(raw) == expected


@pytest.mark.parametrize("raw", [
    b"", b"\xff\xfe", b"00-%b-01-later" % IDS, b"00-%b-01-" % IDS, b"01-%b-01.later" % IDS, b"01-%b-0100" % IDS,
    b"ff-%b-01" % IDS, b"00-%b-01" % IDS.upper(), b"00-%b-0g" % IDS, b"00-%b-1" % IDS, b" 00-%b-01" % IDS[1:],
    b"00-%b-01\n" % IDS, b"00-%b-0" % IDS,
    b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    b"00-4bf92f3577b34da6a3ce929d0e0e473_-00f067aa0ba902b7-01",
    b"00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
])
def test_a_malformed_traceparent_is_none(raw: bytes) -> None:
    assert canonical(raw) is None


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True)])
def test_the_lowest_bit_says_sampled(flags: str, sampled: bool) -> None:
    """The Python SDK sets the random flag, too: its sampled contexts end in -03."""
    assert is_sampled(parent(1, flags)) is sampled


def test_ids_and_traceparent_are_inverse() -> None:
    assert traceparent(*ids(parent(7, "03"))) == parent(7, "03")


def test_the_last_traceparent_that_is_bytes_counts() -> None:
    records = [
        Record([("traceparent", b"a"), ("x", b"y"), ("traceparent", b"b")]),
        Record([("traceparent", b"a"), ("traceparent", None)]),
        Record([("Traceparent", b"a"), ("tracestate", b"b")]),
        Record([]),
        Record(None),
    ]
    assert scan(records) == [b"b", b"a", b"", b"", b""]
    assert last_header([("a", b"1"), ("a", b"2"), ("a", None)], "a") == b"2"


def test_the_last_valid_traceparent_is_found_among_bad_ones() -> None:
    headers = [("traceparent", parent(1)), ("traceparent", parent(2, "ff")), ("traceparent", b"bad")]
    assert last_valid_traceparent(headers) == parent(2, "03")
    assert last_valid_traceparent([("traceparent", b"bad")]) is None


@pytest.mark.parametrize(("raw", "usable"), [
    (b"a=1,b=2", True), (b"a=" + b"x" * 510, True), (b"a=" + b"x" * 511, False), (b",".join([b"a=1"] * 32), True),
    (b",".join([b"a=1"] * 33), False), (b"", False), (None, False), (b"a=\xff", False), (b"a=\n", False)])
def test_an_oversized_tracestate_is_ignored(raw: bytes | None, usable: bool) -> None:
    assert usable_tracestate(raw) == (raw if usable else None)


def test_only_allowed_baggage_goes_on_byte_for_byte() -> None:
    raw = b"tenant=a%20b;prop=x, secret=1 ,region = eu,tenant=c"
    assert allowed_baggage(raw, {"tenant", "region"}, 1024) == b"tenant=a%20b;prop=x,region = eu,tenant=c"
    assert allowed_baggage(raw, set(), 1024) is None
    assert allowed_baggage(raw, {"nobody"}, 1024) is None
    assert allowed_baggage(raw, {"tenant"}, 10) is None
    assert allowed_baggage(b"tenant=" + b"x" * 8192, {"tenant"}, 10_000) is None
