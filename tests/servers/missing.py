"""Decide what a missing server means: skipped on a laptop with the reason, failed in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


class ServerMissing(Exception):
    """A server cannot be run on this machine; the text says what to install."""


def need_program(name: str, install: str) -> str:
    """Return the program's path. Raises ServerMissing."""
    if path := shutil.which(name):
        return path
    raise ServerMissing(f"{name} is not on PATH: install {install}")


def skip_or_fail(missing: ServerMissing) -> NoReturn:
    """End the running test."""
    if os.environ.get("CI", "").lower() in {"", "0", "false"}:
        pytest.skip(str(missing))
    pytest.fail(str(missing), pytrace=False)
