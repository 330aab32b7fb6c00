"""Link a sink's batch span to the producers' spans: read the headers, select, and say which record each link is for.

Invariant: whatever the headers hold, a batch gets its links to the records whose headers are good.
"""

from __future__ import annotations

import logging
import time
from array import array
from collections.abc import Callable, Collection, Sequence

from opentelemetry.sdk.trace import SpanLimits

from connectrt.kafka.client import Message
from connectrt.tracing.context import canonical, scan
from connectrt.tracing.links import CompactLinks, IntColumn, TextColumn
from connectrt.tracing.selection import Selection, select
from connectrt.tracing.semconv import DESTINATION, OFFSET, OLD_OFFSET, OLD_PARTITION, PARTITION, Attributes
from connectrt.tracing.settings import TracingSettings

log = logging.getLogger(__name__)

MALFORMED_WARNING_EVERY_S = 600.0

ReadTraceparents = Callable[[Sequence[Message]], list[bytes]]


def read_w3c(messages: Sequence[Message]) -> list[bytes]:
    """Return each record's last traceparent, b"" where there is none."""
    try:
        return scan(messages)
    except ValueError:  # the client library could not decode a header's name: only that record goes without
        return [_read_one(message) for message in messages]


def _read_one(message: Message) -> bytes:
    try:
        return scan([message])[0]
    except ValueError:
        return b"not readable"


def links_limit(settings: TracingSettings, limits: SpanLimits) -> int:
    """How many links one span may have: the connector's limit and the SDK's both bind."""
    return settings.links_max if limits.max_links is None else min(settings.links_max, limits.max_links)


class BatchLinks:
    """Makes the links of one task's batches."""

    def __init__(self, settings: TracingSettings, limits: SpanLimits, *, old_names: bool = False,
                 read: ReadTraceparents = read_w3c) -> None:
        self.limit = links_limit(settings, limits)
        self.in_spans_of_their_own = settings.links_overflow == "spans"
        self._settings = settings
        self._limits = limits
        self._old_names = old_names
        self._read = read
        self._warn_again_at = 0.0

    def select(self, messages: Sequence[Message]) -> Selection:
        """Select the contexts to link to: all when they overflow into spans of their own, else up to the limit."""
        raws = self._read(messages)
        how = self._settings.links_overflow
        selection = select(raws, None if self.in_spans_of_their_own else self.limit,
                           "first" if how == "first" else "spread", unsampled=self._settings.links_unsampled)
        if selection.malformed and time.monotonic() >= self._warn_again_at:
            self._warn_again_at = time.monotonic() + MALFORMED_WARNING_EVERY_S
            _warn_of_malformed(messages, raws, selection.malformed)
        return selection

    def compact(self, selection: Selection, messages: Sequence[Message], topics: Collection[str],
                partitions: Collection[int]) -> CompactLinks:
        """Make the links of a selection; what all records share is not repeated on them."""
        count = len(selection.traceparents)
        columns: list[IntColumn | TextColumn] = []
        if self._settings.links_attributes and count:
            records = [messages[index] for index in selection.first]
            if len(topics) > 1:
                longest = self._limits.max_attribute_length
                columns.append(TextColumn(DESTINATION, [record.topic()[:longest] for record in records]))
            if len(topics) > 1 or len(partitions) > 1:
                numbers = [record.partition() for record in records]
                columns.append(TextColumn(PARTITION, [str(number) for number in numbers]))
                if self._old_names:
                    columns.append(IntColumn(OLD_PARTITION, array("q", numbers)))
            columns += self._offsets(selection, messages, records)
        return CompactLinks(selection.traceparents, b"\1" * count, columns[:self._limits.max_link_attributes],
                            dropped=selection.dropped, limit=self._limits.max_links)

    def _offsets(self, selection: Selection, messages: Sequence[Message],
                 records: Sequence[Message]) -> list[IntColumn]:
        offsets = array("q", [record.offset() for record in records])
        merged = [selection.merged.get(raw) for raw in selection.traceparents] if selection.merged else []
        if not any(merged):
            return [IntColumn(key, offsets) for key in (OFFSET, OLD_OFFSET)[:1 + self._old_names]]
        single = array("q", [-1 if same else offset for offset, same in zip(offsets, merged, strict=True)])
        return [
            *(IntColumn(key, single) for key in (OFFSET, OLD_OFFSET)[:1 + self._old_names]),
            IntColumn("connectrt.link.records", array("q", [same.records if same else -1 for same in merged])),
            IntColumn("connectrt.link.offset_first", array("q", [offset if same else -1 for offset, same
                                                                 in zip(offsets, merged, strict=True)])),
            IntColumn("connectrt.link.offset_last", array("q", [messages[same.last].offset() if same else -1
                                                                for same in merged])),
        ]


def counts(selection: Selection) -> Attributes:
    """Tell what was linked and what was not, as attributes of the batch span."""
    attributes: Attributes = {"connectrt.links.total": len(selection.traceparents) + selection.dropped}
    for name, count in (("dropped", selection.dropped), ("unsampled", selection.unsampled),
                        ("malformed", selection.malformed), ("missing", selection.missing)):
        if count:
            attributes[f"connectrt.links.{name}"] = count
    return attributes


def _warn_of_malformed(messages: Sequence[Message], raws: Sequence[bytes], count: int) -> None:
    index = next(index for index, raw in enumerate(raws) if raw and canonical(raw) is None)
    message = messages[index]
    log.warning("traceparent headers that are not W3C trace contexts: the records are processed without a link",
                extra={"action": "malformed_traceparent", "records": count, "topic": message.topic(),
                       "partition": message.partition(), "offset": message.offset()})
