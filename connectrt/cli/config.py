"""Read and check config files for the commands that take some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from connectrt.config.files import read_config
from connectrt.config.settings import ConfigFiles
from connectrt.herder.preflight import Checked, check_files
from connectrt.plugins.loader import Plugins
from connectrt.worker.config import is_worker_key


class ReadConfig(NamedTuple):
    files: ConfigFiles
    checked: Checked


def read_and_check(paths: Sequence[Path], sets: Sequence[str], environ: Mapping[str, str],
                   plugins: Plugins) -> ReadConfig:
    """Return what the files say and what is wrong with it; nothing is raised and nothing is connected to."""
    files = read_config(paths, is_worker_key=is_worker_key, sets=sets, environ=environ)
    return ReadConfig(files, check_files(files, plugins))
