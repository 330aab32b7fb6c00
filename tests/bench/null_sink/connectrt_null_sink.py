"""Take records and do nothing: what is left is the runtime itself."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from connectrt.sdk import Config, ConfigDef, ConfigType, SinkRecord, SinkTask, key


class NullSink(SinkTask):
    """Counts; at its end writes how many came, and when the first and the last batch did, to `report.file`."""

    CONFIG = ConfigDef(key("report.file", ConfigType.STRING, doc="File for the counts."))

    def start(self, config: Config) -> None:
        self._report = Path(str(config["report.file"]))
        self._records = 0
        self._first_s = self._last_s = 0.0

    def put(self, records: Sequence[SinkRecord]) -> None:
        if records:
            self._last_s = time.monotonic()
            self._first_s = self._first_s or self._last_s
            self._records += len(records)

    def stop(self) -> None:
        self._report.write_text(
            json.dumps({"records": self._records, "first_s": self._first_s, "last_s": self._last_s})
        )
