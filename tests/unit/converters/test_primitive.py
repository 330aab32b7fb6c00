"""Bytes and single numbers beyond the recorded cases."""

from __future__ import annotations

import pytest

from connectrt.converters.byte_array import ByteArrayConverter
from connectrt.converters.primitive import FloatConverter, LongConverter, ShortConverter
from connectrt.errors import DataError
from connectrt.sdk import DualConverter


def configured(converter: DualConverter, *, is_key: bool = True) -> DualConverter:
    converter.configure({}, is_key)
    return converter


def test_number_out_of_range_is_refused_and_names_the_key_to_change() -> None:
    with pytest.raises(DataError, match=r"key of orders is no INT16; set key\.converter"):
        configured(ShortConverter()).from_connect_data("orders", None, 40_000)


def test_wrong_length_names_both_lengths_and_the_key_to_change() -> None:
    with pytest.raises(DataError, match=r"value of orders has 3 bytes, not 8; set value\.converter"):
        configured(LongConverter(), is_key=False).to_connect_data("orders", b"abc")


def test_float_beyond_single_precision_is_infinity() -> None:
    assert configured(FloatConverter()).from_connect_data("orders", None, 1e39) == b"\x7f\x80\x00\x00"


def test_bytes_pass_a_batch_untouched() -> None:
    payloads = [b"\xff\x00", None, b""]
    _, values = configured(ByteArrayConverter()).to_connect_batch("orders", payloads)
    assert values is payloads


def test_any_kind_of_bytes_is_written() -> None:
    write = configured(ByteArrayConverter()).from_connect_data
    assert [write("orders", None, kind(b"ab")) for kind in (bytes, bytearray, memoryview)] == [b"ab"] * 3
