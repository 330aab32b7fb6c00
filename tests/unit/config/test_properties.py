import pytest

from connectrt.config.properties import PropertiesError, read_properties


def read(text: str | bytes) -> dict[str, str]:
    data = text if isinstance(text, bytes) else text.encode()
    return {one.key: one.value for one in read_properties(data)}


@pytest.mark.parametrize(("text", "expected"), [
    ("a=1\nb = 2\nc:3\nd 4\ne", {"a": "1", "b": "2", "c": "3", "d": "4", "e": ""}),
    ("  # no\n! no\n\n a = x \n", {"a": "x "}),
    ("a==b", {"a": "=b"}),
    ("a = = b", {"a": "= b"}),
    ("a\\=b\\:c\\ d=e", {"a=b:c d": "e"}),
    ("a=1,\\\n   2,\\\r\n\t3\nb=x", {"a": "1,2,3", "b": "x"}),
    ("a=x\\\\\nb=y", {"a": "x\\", "b": "y"}),
    ("a=\\u00e4\\t\\n\\q", {"a": "ä\t\nq"}),
    ("a=\\ud83d\\ude00", {"a": "😀"}),
    ("a=\\ud83d", {"a": "\ufffd"}),
    ("a=1\ra=2", {"a": "2"}),
    ("\\\n# still a comment\na=1", {"a": "1"}),
    ("a=end\\", {"a": "end"})])
def test_a_text_is_read_as_java_reads_it(text: str, expected: dict[str, str]) -> None:
    assert read(text) == expected


def test_bytes_are_utf_8_or_else_latin_1() -> None:
    assert read("a=ü".encode()) == {"a": "ü"}
    assert read("a=ü".encode("latin-1")) == {"a": "ü"}
    assert read(b"\xef\xbb\xbfa=1") == {"a": "1"}


def test_each_property_knows_the_line_it_begins_in() -> None:
    found = read_properties(b"# head\n\na=1,\\\n 2\nb=3")
    assert [(one.key, one.line) for one in found] == [("a", 3), ("b", 5)]


def test_a_malformed_escape_names_its_line() -> None:
    with pytest.raises(PropertiesError, match=r"line 2: Malformed \\uxxxx encoding"):
        read("a=1\nb=C:\\users")
