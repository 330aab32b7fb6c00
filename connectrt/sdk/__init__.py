"""The plugin contract: everything a connector, converter or transform imports."""

from connectrt.config.definition import Config, ConfigDef, Importance, Width, key
from connectrt.config.definition import Type as ConfigType
from connectrt.config.validators import at_least, between, if_given, non_empty, one_of
from connectrt.data.headers import NO_HEADERS, Header, Headers
from connectrt.data.logical import DATE, TIME, TIMESTAMP, decimal_schema
from connectrt.data.record import ConnectRecord, SinkRecord, SourceRecord, TimestampType, TraceCarrier
from connectrt.data.schema import Field, Schema, SchemaAndValue, SchemaBuilder, Type
from connectrt.data.struct import field_value, looks_like_envelope, validate_value
from connectrt.data.topic import RecordMetadata, TopicPartition
from connectrt.errors import ConfigError, ConfigErrors, ConnectError, DataError, RetriableError
from connectrt.sdk.connector import Connector, ConnectorContext, SinkConnector, SourceConnector
from connectrt.sdk.converter import CONVERTER_TYPE, Converter, DualConverter, HeaderConverter
from connectrt.sdk.task import (
    EndOfSource,
    ErrantRecordReporter,
    OffsetReader,
    SinkOffsets,
    SinkTask,
    SinkTaskContext,
    SourceOffset,
    SourcePartition,
    SourceTask,
    SourceTaskContext,
    Task,
    TaskContext,
)
from connectrt.sdk.tracing import Attributes, TaskSpan, TaskTracing
from connectrt.sdk.transform import ConfigProvider, Predicate, Transformation

__all__ = [
    "CONVERTER_TYPE", "DATE", "NO_HEADERS", "TIME", "TIMESTAMP", "Attributes", "Config", "ConfigDef", "ConfigError",
    "ConfigErrors", "ConfigProvider", "ConfigType", "ConnectError", "ConnectRecord", "Connector", "ConnectorContext",
    "Converter", "DataError", "DualConverter", "EndOfSource", "ErrantRecordReporter", "Field", "Header",
    "HeaderConverter", "Headers", "Importance", "OffsetReader", "Predicate", "RecordMetadata", "RetriableError",
    "Schema", "SchemaAndValue", "SchemaBuilder", "SinkConnector", "SinkOffsets", "SinkRecord", "SinkTask",
    "SinkTaskContext", "SourceConnector", "SourceOffset", "SourcePartition", "SourceRecord", "SourceTask",
    "SourceTaskContext", "Task", "TaskContext", "TaskSpan", "TaskTracing", "TimestampType", "TopicPartition",
    "TraceCarrier", "Transformation", "Type", "Width", "at_least", "between", "decimal_schema", "field_value",
    "if_given", "key", "looks_like_envelope", "non_empty", "one_of", "validate_value",
]
