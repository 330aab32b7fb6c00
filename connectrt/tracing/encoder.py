"""Encode spans for OTLP: spans with compact links here, all others by the SDK's encoder.

Invariant: the bytes parse to what the SDK's encoder alone would have made, but that spans with compact links come last.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common import trace_encoder
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from connectrt.tracing import protobuf
from connectrt.tracing.links import CompactLinks, links_of, without_links

Piece = bytes | bytearray


class Encoded(bytes):
    """A serialized ExportTraceServiceRequest."""

    def SerializePartialToString(self) -> bytes:
        """Let the exporter treat this as the protobuf message it expects."""
        return self


def encode_spans(spans: Sequence[ReadableSpan]) -> Encoded:
    """Encode one request. Messages may be concatenated: lists in them add up. (Protocol Buffers)"""
    compact: dict[int, list[tuple[ReadableSpan, CompactLinks]]] = {}
    plain: list[ReadableSpan] = []
    for span in spans:
        links = links_of(span)
        if links is None or links.added:
            plain.append(span)
        else:
            compact.setdefault(id(span.instrumentation_scope), []).append((span, links))
    parts: list[Piece] = [trace_encoder.encode_spans(plain).SerializePartialToString()] if plain else []
    for of_one_scope in compact.values():
        parts += _resource_spans(of_one_scope)
    return Encoded(b"".join(parts))


def _resource_spans(spans: Sequence[tuple[ReadableSpan, CompactLinks]]) -> list[Piece]:
    """Encode spans of one instrumentation scope (and so of one resource) as ExportTraceServiceRequest (1)."""
    resource = trace_encoder.encode_spans([without_links(spans[0][0])]).resource_spans[0]
    scope = resource.scope_spans[0]
    del scope.spans[:], resource.scope_spans[:]
    pieces: list[Piece] = [scope.SerializePartialToString()]
    for span, links in spans:
        pieces += _framed(2, _simple(span, links) or _by_sdk(span, links))
    return _framed(1, [resource.SerializePartialToString(), *_framed(2, pieces)])


def _framed(field: int, pieces: list[Piece]) -> list[Piece]:
    """Make a message of its pieces. They are joined once, at the end: links are too many to be copied often."""
    return [protobuf.message_head(field, sum(map(len, pieces))), *pieces]


def _simple(span: ReadableSpan, links: CompactLinks) -> list[Piece] | None:
    """Encode a span that has nothing but attributes and links; None if it has more."""
    context, parent, attributes = span.context, span.parent, span.attributes or {}
    simple = {key: value for key, value in attributes.items() if isinstance(value, (str, bool, int, float))}
    if (context is None or context.trace_state or span.status.status_code is not StatusCode.UNSET or span.events
            or span.dropped_attributes or span.dropped_events or len(simple) < len(attributes)):
        return None
    return [
        protobuf.span_head(context.trace_id, context.span_id, parent and parent.span_id, span.name,
                           span.kind.value + 1),
        protobuf.span_times(span.start_time or 0, span.end_time or 0),
        *[protobuf.span_attribute(key, value) for key, value in simple.items()],
        *links.encode(),
        protobuf.span_tail(links.dropped, parent is not None and parent.is_remote),
    ]


def _by_sdk(span: ReadableSpan, links: CompactLinks) -> list[Piece]:
    encoded = trace_encoder.encode_spans([without_links(span)]).resource_spans[0].scope_spans[0].spans[0]
    return [encoded.SerializePartialToString(), *links.encode()]
