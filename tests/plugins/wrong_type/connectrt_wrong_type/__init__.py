"""Entry points in the wrong group, to what is no plugin, and to nothing."""

from __future__ import annotations

from collections.abc import Sequence

from connectrt.sdk import SourceRecord, SourceTask


class NotASink: ...


class Source(SourceTask):
    def poll(self) -> Sequence[SourceRecord] | None:
        return None


def function() -> None: ...
