"""StringConverter beyond the recorded cases."""

from __future__ import annotations

import pytest

from connectrt.converters.string import StringConverter
from connectrt.data.schema import INT32, OPTIONAL_STRING, STRING
from connectrt.errors import ConfigError


def string_converter(encoding: str = "UTF-8") -> StringConverter:
    converter = StringConverter()
    converter.configure({"converter.encoding": encoding}, is_key=True)
    return converter


def test_batch_keeps_nulls_in_place_both_ways() -> None:
    converter = string_converter()
    written = converter.from_connect_batch("t", [STRING, None, INT32], ["é", None, 7])
    assert written == ["é".encode(), None, b"7"]
    assert converter.to_connect_batch("t", written) == ([OPTIONAL_STRING] * 3, ["é", None, "7"])


def test_half_a_character_is_written_as_a_question_mark() -> None:
    assert string_converter().from_connect_data("t", STRING, "a\ud800") == b"a?"


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE", "ISO-8859-1", "windows-1252", "utf8"])
def test_text_survives_every_encoding_that_knows_it(encoding: str) -> None:
    converter = string_converter(encoding)
    assert converter.to_connect_data("t", converter.from_connect_data("t", STRING, "Größe")).value == "Größe"


@pytest.mark.parametrize("encoding", ["base64", "rot13", "idna", "nope", ""])
def test_encoding_that_is_not_for_every_text_is_refused(encoding: str) -> None:
    with pytest.raises(ConfigError, match="Unsupported encoding"):
        string_converter(encoding)
