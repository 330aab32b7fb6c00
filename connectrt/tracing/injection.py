"""Decide which trace headers a source's record leaves with, as `tracing.source.context` says.

Invariant: pure; the record's own header list is never changed, and a context that someone brought goes on or is linked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from connectrt.data.record import TraceCarrier
from connectrt.tracing.context import (
    BAGGAGE_MAX_BYTES,
    CARRIED_BAGGAGE_MAX_BYTES,
    allowed_baggage,
    canonical,
    is_sampled,
    last_header,
    last_valid_traceparent,
    usable_tracestate,
)
from connectrt.tracing.settings import SourceContext
from connectrt.tracing.source import HeaderList


class Plan(NamedTuple):
    """What becomes of one record's trace headers."""

    headers: HeaderList  #: a new list: what stays
    brought: bytes | None = None  #: the canonical context in `headers` that goes on as it came
    #: A context is still to be added: that of a create span, or the batch's shared one.
    wanted: bool = False
    parent: TraceCarrier | None = None  #: of the create span; canonical and sampled
    replaced: bytes | None = None  #: what the create span links to


def plan(headers: HeaderList, carrier: TraceCarrier | None, how: SourceContext, allow: Collection[str]) -> Plan:
    """Plan for one record with these converted headers and this context found beside its data."""
    if how == "none":
        return Plan(list(headers))
    found = last_valid_traceparent(headers)
    if how == "replace":
        context = found or (canonical(carrier.traceparent) if carrier else None)
        kept = [*_without(headers, "traceparent", "tracestate", "baggage"), *_allowed(headers, allow),
                *_carried_baggage(carrier, allow)]
        return Plan(kept, wanted=True, replaced=context)
    if how == "preserve" and any(name == "traceparent" for name, _ in headers):
        return Plan(list(headers), brought=found)
    if found is not None:
        return Plan(_one_of_each(headers, found), brought=found)
    kept = list(headers) if how == "preserve" else _bounded(_without(headers, "traceparent", "tracestate"))
    context = canonical(carrier.traceparent) if carrier else None
    if carrier is None or context is None:
        return Plan(kept, wanted=True)
    kept += _carried_baggage(carrier, allow)
    clean = TraceCarrier(context, usable_tracestate(carrier.tracestate))
    if how == "continue" and is_sampled(context):
        return Plan(kept, wanted=True, parent=clean)
    return Plan(kept + context_headers(clean), brought=context)


def context_headers(context: TraceCarrier) -> HeaderList:
    """Return a context as headers, baggage left out."""
    headers: HeaderList = [("traceparent", context.traceparent)]
    if context.tracestate is not None:
        headers.append(("tracestate", context.tracestate))
    return headers


def _one_of_each(headers: HeaderList, traceparent: bytes) -> HeaderList:
    tracestate = usable_tracestate(last_header(headers, "tracestate"))
    return _bounded(_without(headers, "traceparent", "tracestate")) + context_headers(
        TraceCarrier(traceparent, tracestate))


def _without(headers: HeaderList, *names: str) -> HeaderList:
    return [header for header in headers if header[0] not in names]


def _bounded(headers: HeaderList) -> HeaderList:
    """Drop baggage that is longer than the W3C asks anyone to carry."""
    size = sum(len(value or b"") for name, value in headers if name == "baggage")
    return headers if size <= BAGGAGE_MAX_BYTES else _without(headers, "baggage")


def _allowed(headers: HeaderList, allow: Collection[str]) -> HeaderList:
    kept = [allowed_baggage(value, allow, BAGGAGE_MAX_BYTES) for name, value in headers if name == "baggage"]
    return [("baggage", members) for members in kept if members]


def _carried_baggage(carrier: TraceCarrier | None, allow: Collection[str]) -> HeaderList:
    members = allowed_baggage(carrier.baggage, allow, CARRIED_BAGGAGE_MAX_BYTES) if carrier else None
    return [("baggage", members)] if members else []
