"""The command line itself: help, errors, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from connectrt.cli import COMMANDS, main
from connectrt.cli.exit_codes import ConnectorsFailed, ExitCode, exit_code, print_error
from connectrt.errors import ConfigError, ConfigErrors, ConnectError, PluginError


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("arguments", [["flush"], ["--fast"], ["start"], ["plugins", "a", "b"]])
def test_wrong_usage_is_exit_code_1_with_a_hint_and_no_traceback(
        arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    text = capsys.readouterr().err
    assert "--help" in text
    assert "Traceback" not in text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("connectrt 0.")


@pytest.mark.parametrize(("error", "code"), [
    (ConfigErrors(["a"]), 1), (ConfigError("key", "x", "bad"), 1), (PluginError("no such class"), 1),
    (ConnectError("broker away"), 2), (OSError("disk full"), 2), (ConnectorsFailed("pg-sink"), 3),
])
def test_every_error_has_its_exit_code(error: Exception, code: int) -> None:
    assert exit_code(error) is ExitCode(code)


def test_our_errors_are_told_in_their_own_words_and_others_with_their_class(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(ConfigErrors(["a.yaml:3: no name"]), debug=False)
    assert capsys.readouterr().err == "connectrt: The configuration is invalid (1 error):\n  a.yaml:3: no name\n"
    print_error(KeyError("x"), debug=False)
    assert "KeyError: 'x'" in (text := capsys.readouterr().err)
    assert "--debug" in text
    print_error(KeyError("x"), debug=True)
    assert "KeyError: 'x'" in capsys.readouterr().err


def test_the_help_imports_nothing_of_the_runtime() -> None:
    """Start-up time is part of the contract: `--help` must not pay for what `start` needs."""
    code = "import sys; from connectrt.cli import main; main(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert not any(f"'{name}" in loaded for name in ("rich", "confluent_kafka", "opentelemetry", "starlette", "yaml"))
