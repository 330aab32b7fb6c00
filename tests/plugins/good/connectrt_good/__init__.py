"""One plugin of each kind, doing as little as it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectrt.sdk import (
    ConfigDef,
    ConfigProvider,
    ConfigType,
    Converter,
    HeaderConverter,
    Predicate,
    Schema,
    SchemaAndValue,
    SinkRecord,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
    Transformation,
    key,
)
from connectrt.sdk.transform import Record


class GoodSourceTask(SourceTask):
    def poll(self) -> Sequence[SourceRecord] | None:
        return None


class GoodSourceConnector(SourceConnector):
    task_class = GoodSourceTask


class WriterTask(SinkTask):
    """Writes nothing."""

    CONFIG = ConfigDef(key("file", ConfigType.STRING, doc="Where to write nothing."))
    version = "9.9"

    def put(self, records: Sequence[SinkRecord]) -> None: ...


class GoodConverter(Converter):
    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        return None

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, data)


class GoodHeaderConverter(HeaderConverter):
    def from_connect_header(self, topic: str, name: str, schema: Schema | None, value: object) -> bytes | None:
        return None

    def to_connect_header(self, topic: str, name: str, data: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(None, data)


class UpperKey(Transformation):
    def apply(self, record: Record) -> Record | None:
        return record


class UpperValue(UpperKey): ...


class LowerValue(UpperKey): ...


class GoodPredicate(Predicate):
    def test(self, record: SinkRecord | SourceRecord) -> bool:
        return True


class GoodConfigProvider(ConfigProvider):
    def get(self, path: str, keys: frozenset[str]) -> Mapping[str, str]:
        return {}
