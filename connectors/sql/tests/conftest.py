"""Sinks that are stopped at the end of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from connectors.sql.tests.harness import MakeSink, Sink


@pytest.fixture
def sink(database: str) -> Iterator[MakeSink]:
    """Start a sink task on a database of its own."""
    with ExitStack() as sinks:

        def make(config: Mapping[str, str], *, tolerant: bool = False, task: int = 0) -> Sink:
            made = Sink(database, config, tolerant=tolerant, task=task)
            sinks.callback(made.stop)
            return made

        yield make
