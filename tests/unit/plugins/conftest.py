"""Install distributions of tests/plugins as pip leaves them: the package, and a .dist-info folder with entry points."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectrt.plugins.loader import Plugins

DISTRIBUTIONS = Path(__file__).parents[2] / "plugins"
Install = Callable[..., Plugins]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs distributions by folder name and discovers the plugins of all."""
    before = set(sys.modules)

    def install(*names: str) -> Plugins:
        for name in names:
            _install(DISTRIBUTIONS / name, tmp_path)
        monkeypatch.syspath_prepend(tmp_path)
        return Plugins.discover()

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("connectrt_"):
            del sys.modules[module]


def _install(distribution: Path, site: Path) -> None:
    project = tomllib.loads((distribution / "pyproject.toml").read_text())["project"]
    package = project["name"].replace("-", "_")
    shutil.copytree(distribution / package, site / package)
    info = site / f"{package}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
