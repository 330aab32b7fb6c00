"""README.md shows what the config accepts."""

from __future__ import annotations

from pathlib import Path

from connectrt_sql.config import CONFIG

from connectrt.config.reference import markdown

README = Path(__file__).parents[1] / "README.md"


def test_the_reference_of_the_readme_is_that_of_the_config() -> None:
    _, found, reference = README.read_text().partition("## All keys\n")
    assert found
    assert reference.partition("\n### ")[2] == markdown(CONFIG).partition("### ")[2]
