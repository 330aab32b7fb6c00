"""`connectrt plugins`."""

from __future__ import annotations

import pytest

from connectrt.cli import main
from connectrt.cli.plugins import explain_key
from connectrt.config.definition import Type, key
from connectrt.config.validators import at_least


def test_all_plugins_are_listed_under_their_heads(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "KIND"
    assert any("DatagenConnector" in row and "connectrt-datagen" in row for row in rows)


def test_one_kind_is_listed_in_singular_or_plural(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plugins", "source_connectors"])
    plural = capsys.readouterr().out
    main(["plugins", "source_connector"])
    assert capsys.readouterr().out == plural
    assert all(row.startswith("source connector") for row in plural.splitlines()[1:])


@pytest.mark.parametrize("name", ["Datagen", "DatagenConnector", "io.confluent.kafka.connect.datagen.DatagenConnector"])
def test_a_plugin_is_explained_under_any_of_its_names(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", name]) == 0
    text = capsys.readouterr().out
    assert text.startswith("DatagenConnector 0.1.0 (source connector of connectrt-datagen)")
    assert "kafka.topic" in text


def test_an_unknown_plugin_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "DatagenConector"]) == 1
    assert "did you mean DatagenConnector?" in capsys.readouterr().err


def test_a_key_is_explained_with_type_default_and_rule() -> None:
    head, doc = explain_key(key("rate", Type.INT, 5, valid=at_least(1), doc="Records per second."))
    assert head == "rate  (int, default 5, [1,...])"
    assert doc == "    Records per second."
    assert next(iter(explain_key(key("url", Type.PASSWORD)))) == "url  (password, required)"
    assert "hunter2" not in next(iter(explain_key(key("url", Type.PASSWORD, "hunter2"))))
