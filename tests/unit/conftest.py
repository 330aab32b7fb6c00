"""Leave logging as it was, whatever the command line under test has set up."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

LIBRARIES = ("asyncio", "connectrt", "opentelemetry", "urllib3", "uvicorn")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level = logging.root.handlers.copy(), logging.root.level
    levels = {name: logging.getLogger(name).level for name in LIBRARIES}
    yield
    logging.root.handlers = handlers
    logging.root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
