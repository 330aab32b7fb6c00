"""SimpleHeaderConverter beyond the recorded cases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from connectrt.converters.simple_header import SimpleHeaderConverter
from connectrt.data.schema import STRING

SIZE = 64 * 1024


def read(data: bytes | None) -> object:
    return SimpleHeaderConverter().to_connect_header("orders", "h", data).value


@pytest.mark.parametrize("value", [
    7, 40_000, 1.5, True, "text", [1, 2], {"a": 1}, None, Decimal(2**70), date(2024, 2, 29), time(14, 34, 54, 346_000),
    datetime(2024, 2, 29, 14, 34, 54, 346_000, tzinfo=UTC)])
def test_value_survives_its_text(value: object) -> None:
    assert read(SimpleHeaderConverter().from_connect_header("orders", "h", None, value)) == value


def test_trace_headers_stay_text() -> None:
    traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert read(traceparent) == traceparent.decode()


@pytest.mark.parametrize("data", [
    b"[" * SIZE, b'{"' * (SIZE // 2), b'"' * SIZE, b"\\" * SIZE, b"9" * SIZE, b"0." + b"0" * SIZE + b"1",
    b"[" + b"1," * (SIZE // 4) + b"]", b"[1," * (SIZE // 3), b"1:" * (SIZE // 2), b" ," * (SIZE // 2), b"\xff" * SIZE,
    b"[" + b"14:34:54.346Z," * (SIZE // 14), b"1e" + b"0" * SIZE + b"1", b"\x00" * SIZE,
], ids=lambda data: str(data[:6]))
def test_large_hostile_header_takes_no_more_than_linear_time(data: bytes) -> None:
    """The test's time limit is far from what even one quadratic step would take."""
    SimpleHeaderConverter().to_connect_header("orders", "h", data)


def test_text_nested_deeper_than_python_bears_stays_text() -> None:
    text = "[" * 1000 + "]" * 1000
    assert SimpleHeaderConverter().to_connect_header("orders", "h", text.encode()) == (STRING, text)
