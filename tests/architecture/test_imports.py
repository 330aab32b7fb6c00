"""Imports point the way the architecture says; the layers themselves stand in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively"
            yield node.module or ""


def sources(folder: str) -> list[Path]:
    return sorted(ROOT.glob(f"{folder}/**/*.py"))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.timeout(60)
def test_each_layer_knows_only_the_layers_below() -> None:
    # In a process of its own: it switches all loggers off that exist when it is called.
    done = subprocess.run([Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_connector_needs_nothing_of_the_runtime_but_the_sdk() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sources("connectors/*/connectrt_*") for name in imports(file)
        if within(name, "connectrt") and not within(name, "connectrt.sdk")
    ]
    assert not wrong


def test_the_runtime_imports_no_connector() -> None:
    connectors = [folder.name for folder in ROOT.glob("connectors/*/connectrt_*") if (folder / "__init__.py").exists()]
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sources("connectrt") for name in imports(file)
        if any(within(name, connector) for connector in connectors)
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("library", "home"), [("confluent_kafka", "kafka"), ("opentelemetry", "tracing"), ("starlette", "rest"),
                          ("uvicorn", "rest"), ("click", "cli"), ("rich", "cli"), ("yaml", "config")],
)
def test_a_library_is_imported_by_the_one_package_it_is_there_for(library: str, home: str) -> None:
    wrong = [
        str(file.relative_to(ROOT)) for file in sources("connectrt")
        if not file.is_relative_to(ROOT / "connectrt" / home) and any(within(name, library) for name in imports(file))
    ]
    assert not wrong
