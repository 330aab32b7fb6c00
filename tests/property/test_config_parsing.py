"""Values survive being shown and parsed, as far as Kafka's text forms can tell them apart."""

import math

from hypothesis import given
from hypothesis import strategies as st

from connectrt.config.parsing import Type, parse_value, value_text
from connectrt.errors import ConfigError


@given(number=st.floats())
def test_a_double_is_the_same_after_it_was_shown_and_parsed(number: float) -> None:
    parsed = parse_value("k", value_text(number), Type.DOUBLE)
    assert parsed == number or (isinstance(parsed, float) and math.isnan(parsed) and math.isnan(number))


@given(elements=st.lists(st.text(st.characters(codec="ascii", exclude_characters=",", min_codepoint=33), min_size=1)))
def test_a_list_is_the_same_after_it_was_shown_and_parsed(elements: list[str]) -> None:
    assert parse_value("k", value_text(elements), Type.LIST) == elements


@given(text=st.text(), type_=st.sampled_from(Type))
def test_any_text_is_parsed_or_refused_by_every_type(text: str, type_: Type) -> None:
    try:
        value = parse_value("k", text, type_)
    except ConfigError:
        return
    assert value is not None
