"""Names that another distribution has as well."""

from __future__ import annotations

from connectrt.sdk import Predicate, SinkRecord, SourceConnector, SourceRecord


class OtherSourceConnector(SourceConnector): ...


class OtherPredicate(Predicate):
    def test(self, record: SinkRecord | SourceRecord) -> bool:
        return False
