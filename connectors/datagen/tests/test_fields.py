"""The `fields` language: what each type makes, and where a fault is said to be."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from connectrt_datagen.draws import draw
from connectrt_datagen.fields import Field, column_of, columns_of, count_words, parse_fields
from connectrt_datagen.kinds import TASK_STEP, WORDS, Rows
from connectrt_datagen.quickstarts import QUICKSTARTS
from hypothesis import given
from hypothesis import strategies as st

from connectrt.sdk import ConfigError, Type

ROWS = Rows(seed=7, task=0, iterations=range(1000), now="2026-03-01T00:00:00.000Z")


def values(text: str, rows: Rows = ROWS) -> Sequence[Any]:
    [field] = parse_fields(text)
    drawn = draw(rows.seed, rows.task, rows.iterations, count_words([field]))
    return columns_of([field], rows, drawn)[0]


def test_sequences_count_from_one_or_from_the_given_start() -> None:
    assert list(values("id:sequence"))[:3] == [1, 2, 3]
    assert list(values("id:sequence(100)"))[:2] == [100, 101]


def test_sequences_of_two_tasks_never_meet() -> None:
    assert next(iter(values("id:sequence", ROWS._replace(task=1)))) == TASK_STEP + 1


def test_ints_include_both_ends_and_nothing_else() -> None:
    assert set(values("n:int(-1,1)")) == {-1, 0, 1}


def test_floats_lie_in_their_range_and_take_decimals() -> None:
    assert all(0 <= value <= 100 for value in values("x:float(0,100)"))
    assert set(values("x:float(0.1,0.3,1)")) == {0.1, 0.2, 0.3}


def test_bools_are_true_in_the_given_share() -> None:
    assert 50 < sum(values("b:bool(0.1)")) < 150
    assert set(values("b:bool(0)")) == {False}


def test_strings_have_the_given_length_and_plain_characters() -> None:
    for length in (1, 10, 11, 33):
        assert all(re.fullmatch(f"[A-Za-z0-9]{{{length}}}", value) for value in values(f"s:string({length})"))


def test_words_come_from_the_word_list() -> None:
    assert len(WORDS) == len(set(WORDS)) == 64
    for text in values("w:words(12)"):
        assert len(text.split()) == 12
        assert set(text.split()) <= set(WORDS)


def test_choices_come_equally_often() -> None:
    made = values("c:choice(a| b c |d)")
    assert set(made) == {"a", "b c", "d"}
    assert all(250 < made.count(text) < 420 for text in set(made))


def test_numbered_texts_follow_the_record_or_are_drawn_from_a_range() -> None:
    assert list(values("u:numbered(User_)"))[:2] == ["User_1", "User_2"]
    assert set(values("u:numbered(R-,1,3)")) == {"R-1", "R-2", "R-3"}
    assert all(0 <= int(value[1:]) <= 20_000 for value in values("u:numbered(x,0,20000)"))


def test_uuids_are_valid_and_differ() -> None:
    made = values("u:uuid")
    assert all(uuid.UUID(value).version == 4 and uuid.UUID(value).variant == uuid.RFC_4122 for value in made)
    assert len(set(made)) == len(made)


def test_now_is_the_time_of_the_batch() -> None:
    assert set(values("at:now")) == {ROWS.now}


def test_refs_hold_values_that_the_quickstart_makes_with_the_same_seed() -> None:
    made = {values("u:ref(users.userid,10)")[at] for at in range(1000)}
    users = parse_fields(QUICKSTARTS["users"].fields)
    assert made == set(column_of(users, "userid", ROWS._replace(iterations=range(10))))
    regions = set(values("r:ref(users.regionid,2)"))
    assert regions == set(column_of(users, "regionid", ROWS._replace(iterations=range(2))))


def test_every_quickstart_can_be_made_and_has_its_key() -> None:
    for quickstart in QUICKSTARTS.values():
        fields = parse_fields(quickstart.fields)
        assert quickstart.key in [field.name for field in fields]
        columns_of(fields, ROWS, draw(7, 0, ROWS.iterations, count_words(fields)))


@given(seed=st.integers(-2**63, 2**63 - 1), task=st.integers(0, 1000), start=st.integers(0, 2**40))
def test_a_record_made_alone_equals_the_one_made_in_a_batch(seed: int, task: int, start: int) -> None:
    fields = parse_fields("a:int(0,1000000), b:uuid, c:words(3), d:float(0,1), e:string(40), f:ref(users.gender)")

    def make(iterations: range) -> list[tuple[object, ...]]:
        rows = Rows(seed, task, iterations, None)
        drawn = draw(seed, task, iterations, count_words(fields))
        return list(zip(*columns_of(fields, rows, drawn), strict=True))

    assert make(range(start, start + 5))[3:4] == make(range(start + 3, start + 4))


def test_blanks_mean_nothing_and_types_carry_their_schema() -> None:
    fields = parse_fields("  id : sequence ,\n\tname: choice( a | b ) ")
    assert [(field.name, field.kind.schema.type) for field in fields] == [("id", Type.INT64), ("name", Type.STRING)]
    assert isinstance(fields[0], Field)


@pytest.mark.parametrize(("text", "at", "why"), [
    ("", 1, "expected the name of a field, but the text ends"),
    ("id", 3, "expected ':' and a type after id, but the text ends"),
    ("id:sequence;x:now", 12, "expected ',' and the next field, or the end, not ';x:now'"),
    ("id:sequence, x:flot(0,1)", 16, "there is no type flot; did you mean float? Types: sequence([start]), int(low, h"),
    ("id:sequence, id:now", 14, "there is a field id already"),
    ("x:int(1)", 3, "int has 1 arguments; write int(low, high)"),
    ("x:now(1)", 3, "now has 1 arguments; write now"),
    ("x:int(1,two)", 9, "high of int must be a whole number, not 'two'"),
    ("x:float(1,b)", 11, "high of float must be a number, not 'b'"),
    ("x:int(9,1)", 3, "int: 9 is above 1"),
    ("x:int(0,99999999999999999999)", 3, "int: the numbers must fit in 64 bits"),
    ("x:float(nan,1)", 3, "float: nan to 1 is no range"),
    ("x:bool(2)", 3, "bool: the share must be from 0 to 1"),
    ("x:numbered(a,1)", 3, "numbered: low needs a high"),
    ("x:ref(user.id)", 3, "ref: there is no quickstart user; there are: users, orders, pageviews"),
    ("x:ref(users.id)", 3, "ref: users has no field 'id'; it has: userid, registertime, regionid, gender"),
    ("x:int(1,2", 10, "expected ')', but the text ends"),
    ("x:int(1,,2)", 9, "expected an argument, not ',2)'"),
    ("x:sequence,", 12, "expected the name of a field, but the text ends"),
])
def test_a_fault_names_its_character_and_the_cure(text: str, at: int, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fields(text)
    assert caught.value.key == "fields"
    assert str(caught.value).startswith(f"Invalid value {text} for configuration fields: at character {at}: {why}")


@given(st.text(alphabet="ab1:,()| .-sequencintfloat", max_size=40) | st.text(max_size=20))
def test_any_text_is_either_read_or_refused_with_a_config_error(text: str) -> None:
    with suppress(ConfigError):
        assert parse_fields(text)
