"""One record's way, drawn as a tree."""

from __future__ import annotations

import re

import pytest

from connectrt.cli.trace_tree import TraceTree, bar, guides
from tests.unit.cli.pictures import draw, line

STORY = [
    line(0, "create orders", "PRODUCER", 0, 41, "root"),
    line(1, "send orders", "CLIENT", 150, 1500, "link", "b"),
    line(1, "process orders", "CONSUMER", 2400, 5600, "link", "c"),
    line(2, "COPY orders", "CLIENT", 3000, 3600, trace="c"),
    line(2, "commit orders", "CLIENT", 8100, 1800, trace="c"),
]


def test_links_are_marked_and_children_are_not() -> None:
    text = draw(TraceTree(STORY))
    assert [re.split(r"  +[+]", each)[0].strip(" │") for each in text[2:]] == [
        "create orders", "├─ ↪ send orders", "└─ ↪ process orders", "├─ COPY orders", "└─ commit orders"]


def test_each_line_tells_when_it_began_and_how_long_it_took() -> None:
    assert "+2.4 ms" in draw(TraceTree(STORY))[4]
    assert "5.6 ms" in draw(TraceTree(STORY))[4]


def test_a_trace_is_named_where_it_begins_only() -> None:
    text = draw(TraceTree(STORY))
    assert ["trace" in each for each in text[2:]] == [True, True, True, False, False]
    assert "9.9 ms in 3 linked traces" in text[1]


def test_bars_are_drawn_where_there_is_room() -> None:
    assert not any("━" in each for each in draw(TraceTree(STORY), 80))
    assert all("━" in each for each in draw(TraceTree(STORY), 120)[2:])


@pytest.mark.parametrize("width", [40, 80, 104, 250])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    text = draw(TraceTree([*STORY, line(3, "INSERT INTO " + "very_long_name" * 20)]), width)
    assert max(map(len, text)) <= width
    assert len(text) == 2 + len(STORY) + 1


def test_guides_go_on_until_the_last_child() -> None:
    assert guides([0, 1, 2, 2, 1, 2, 3]) == ["", "├─ ", "│  ├─ ", "│  └─ ", "└─ ", "   └─ ", "      └─ "]


def test_a_bar_stands_at_its_time_and_is_never_empty() -> None:
    assert bar(0, 100, 100, 10) == "━" * 10
    assert bar(50, 20, 100, 10) == "     ━━"
    assert bar(100, 0, 100, 10) == "         ━"
    assert bar(0, 0, 0, 10) == "━"
