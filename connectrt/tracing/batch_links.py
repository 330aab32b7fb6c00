"""Link a sink's batch span to the producers' spans: read the headers, select, and say which record each link is for.

Invariant: whatever the headers hold, a batch gets its links to the records whose headers are good.
"""

from __future__ import annotations

import logging
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from opentelemetry.sdk.trace import SpanLimits

from connectrt.data.message import Message
from connectrt.tracing.context import canonical, scan
from connectrt.tracing.links import CompactLinks, LinkBlock
from connectrt.tracing.selection import Merged, Selection, select
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


class Place(NamedTuple):
    """Where a batch comes from: what all its records share, None where they differ."""

    topic: str | None
    partition: int | None


class Found(NamedTuple):
    """What the headers of a batch gave."""

    links: CompactLinks
    counts: Attributes  #: what was linked and what was not
    overflow: Sequence[CompactLinks]  #: the same links in parts, if they are too many for one span


NOWHERE = Place(None, None)


def place_of(messages: Sequence[Message]) -> Place:
    """Find what the records of a batch share."""
    topics = {message.topic() for message in messages}
    if len(topics) > 1:
        return NOWHERE
    partition = messages[-1].partition()
    alike = messages[0].partition() == partition and len({message.partition() for message in messages}) == 1
    return Place(topics.pop(), partition if alike else None)


class BatchLinks:
    """Makes the links of one task's batches."""

    def __init__(self, settings: TracingSettings, limits: SpanLimits, *, old_names: bool = False,
                 read: ReadTraceparents = read_w3c) -> None:
        self._limit = links_limit(settings, limits)
        self._settings = settings
        self._limits = limits
        self._old_names = old_names
        self._read = read
        self._warn_again_at = 0.0

    def find(self, messages: Sequence[Message], place: Place) -> Found:
        """Find the contexts to link to: up to the limit, or all in parts if they may overflow into more spans."""
        selection = self._select(messages)
        links = self._compact(selection, messages, place)
        overflow = []
        if len(links) > self._limit:
            overflow = [self._compact(part, messages, place) for part in selection.parts(self._limit)]
        return Found(links, _counts(selection), overflow)

    def _select(self, messages: Sequence[Message]) -> Selection:
        raws = self._read(messages)
        how = self._settings.links_overflow
        selection = select(raws, None if how == "spans" and self._limit else self._limit,
                           "first" if how == "first" else "spread", unsampled=self._settings.links_unsampled)
        if selection.malformed and time.monotonic() >= self._warn_again_at:
            self._warn_again_at = time.monotonic() + MALFORMED_WARNING_EVERY_S
            _warn_of_malformed(messages, raws, selection.malformed)
        return selection

    def _compact(self, selection: Selection, messages: Sequence[Message], place: Place) -> CompactLinks:
        """Make the links of a selection; what all records of the batch share is not on them."""
        raws = selection.traceparents
        if self._settings.links_attributes:
            records = [messages[index] for index in selection.first]
            blocks = [self._block(raws, records, layout, selection.merged, messages)
                      for layout, raws, records in _alike(raws, records, selection.merged, place)]
        else:
            blocks = [LinkBlock(raws, True)]
        return CompactLinks(blocks, dropped=selection.dropped, limit=self._limits.max_links)

    def _block(self, raws: Sequence[bytes], records: Sequence[Message], layout: _Layout,
               merged: Mapping[bytes, Merged], messages: Sequence[Message]) -> LinkBlock:
        shared: dict[str, str] = {}
        texts: dict[str, list[str]] = {}
        numbers: dict[str, array[int]] = {}
        if layout.topic is not None:
            shared[DESTINATION] = layout.topic[:self._limits.max_attribute_length]
        if layout.partition_digits:
            partitions = array("q", [record.partition() for record in records])
            names = {partition: str(partition) for partition in set(partitions)}
            texts[PARTITION] = [names[partition] for partition in partitions]
            if self._old_names:
                numbers[OLD_PARTITION] = partitions
        offsets = array("q", [record.offset() for record in records])
        if layout.merged:
            same = [merged[raw] for raw in raws]
            numbers["connectrt.link.records"] = array("q", [records for records, _ in same])
            numbers["connectrt.link.offset_first"] = offsets
            numbers["connectrt.link.offset_last"] = array("q", [messages[last].offset() for _, last in same])
        else:
            numbers[OFFSET] = offsets
            if self._old_names:
                numbers[OLD_OFFSET] = offsets
        most = self._limits.max_link_attributes
        if most is not None and len(shared) + len(texts) + len(numbers) > most:
            return LinkBlock(raws, True)
        return LinkBlock(raws, True, shared, texts, numbers)


class _Layout(NamedTuple):
    """What the links of one block have in common."""

    topic: str | None  #: None = told by the span
    merged: bool
    partition_digits: int  #: 0 = told by the span


def _alike(raws: Sequence[bytes], records: Sequence[Message], merged: Mapping[bytes, Merged],
           place: Place) -> Iterable[tuple[_Layout, Sequence[bytes], Sequence[Message]]]:
    """Group links whose attributes have the same keys and sizes; usually that is one group."""
    if place.topic is not None and not merged:
        partitions = {record.partition() for record in records} if place.partition is None else set()
        sizes = {len(str(partition)) for partition in partitions} or {0}
        if len(sizes) == 1:
            return [(_Layout(None, False, sizes.pop()), raws, records)]
    groups: dict[_Layout, tuple[list[bytes], list[Message]]] = {}
    for raw, record in zip(raws, records, strict=True):
        layout = _Layout(record.topic() if place.topic is None else None, raw in merged,
                         len(str(record.partition())) if place.partition is None else 0)
        if layout not in groups:
            groups[layout] = [], []
        groups[layout][0].append(raw)
        groups[layout][1].append(record)
    return [(layout, *group) for layout, group in groups.items()]


def _counts(selection: Selection) -> Attributes:
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
