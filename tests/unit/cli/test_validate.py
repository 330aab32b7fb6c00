"""`connectrt validate`, and what `connectrt start` says before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectrt.cli import main

CONFIGS = sorted((Path(__file__).parents[3] / "configs").glob("*.yaml"))

GOOD = """
connectors:
  orders: {connector.class: DatagenConnector, topic: orders, quickstart: orders}
"""
BAD = """
connectors:
  orders:
    connector.class: DatagenConector
    topic: orders
  users:
    connector.class: DatagenConnector
    kafka.topci: users
    fields: id:sequense
    tasks.max: many
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.yaml"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_each_config_of_the_repository_is_valid_without_a_warning(
        path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert main(["validate", str(path)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "valid" in said.out
    assert "secret" not in said.out


def test_a_valid_file_is_told_by_connector_with_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert main(["validate", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}:3: orders: valid DatagenConnector\n"


@pytest.mark.parametrize("command", ["validate", "start"])
def test_all_faults_of_all_connectors_are_told_at_once_each_with_its_line(
        command: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(BAD)
    assert main([command, str(file)]) == 1
    said = capsys.readouterr().err
    assert f"{file}:4: orders: connector.class: " in said
    assert "did you mean DatagenConnector" in said
    assert f"{file}:9: users: fields: " in said
    assert "at character 4: there is no type sequense; did you mean sequence?" in said
    assert f"{file}:10: users: tasks.max: " in said
    assert "kafka.topic" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(("text", "place", "why"), [
    ("connectors:\n  a: {b: c\n", ":3: ", "not YAML"),
    ("connectors:\n\ta: b\n", ":2: ", "indent with blanks"),
    ("", ": ", "the file holds no config"),
])
def test_a_file_that_cannot_be_read_is_told_with_its_place(
        text: str, place: str, why: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(text)
    assert main(["validate", str(file)]) == 1
    said = capsys.readouterr().err
    assert f"{file}{place}" in said
    assert why in said


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: cannot be read: No such file" in capsys.readouterr().err


def test_warnings_alone_are_no_fault(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD.replace("quickstart: orders", "quickstart: orders, itterations: 5"))
    assert main(["validate", str(file)]) == 0
    said = capsys.readouterr()
    assert "warning: " in said.err
    assert "iterations" in said.err
    assert "valid" in said.out


def test_a_key_set_on_the_command_line_counts(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(GOOD)
    assert main(["validate", str(file), "--set", "connectors.orders.rate=fast"]) == 1
    assert "--set: orders: rate: " in capsys.readouterr().err
    assert main(["validate", str(file), "--set", "bootstrap.servers=elsewhere:9092"]) == 0
