"""Choose which records' contexts a batch span links to, from raw traceparent bytes.

Invariant: pure, bytes only; nothing is parsed but what is chosen. The usual batch (every header well formed) is checked
as one matrix, 55 bytes wide, in a few C calls; any oddity falls back to looking at each header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import compress
from typing import Literal, NamedTuple

from connectrt.tracing.context import FLAGS_AT, SAMPLED_DIGITS, TRACEPARENT_LENGTH, canonical, is_sampled

_HEX = b"0123456789abcdef"
_TO_BIT = bytes(digit in SAMPLED_DIGITS for digit in range(256))
_ZERO_TRACE_ID = b"-" + b"0" * 32 + b"-"
_ZERO_SPAN_ID = b"-" + b"0" * 16 + b"-"
_IDS_END = FLAGS_AT - 1


class Merged(NamedTuple):
    """A context that several records of the batch share."""

    records: int
    last: int  #: index of the last of them


@dataclass(slots=True)
class Selection:
    """The distinct contexts of a batch to link to, in the order of their first records, and what was left out.

    Traceparents are well formed and of version 00; of their flags only the two lowest bits mean anything.
    """

    traceparents: Sequence[bytes]
    first: Sequence[int]  #: index of the first record with each
    merged: Mapping[bytes, Merged] = field(default_factory=dict)
    dropped: int = 0  #: contexts over the limit
    unsampled: int = 0  #: contexts left out because their sampled bit is 0
    malformed: int = 0  #: records
    missing: int = 0  #: records without a traceparent

    def at(self, places: Sequence[int], missing: int = 0) -> Selection:
        """Renumber the records: the one of index i is the one at places[i]."""
        return replace(self, first=[places[index] for index in self.first], missing=missing, merged={
            raw: Merged(same.records, places[same.last]) for raw, same in self.merged.items()})

    def parts(self, size: int) -> Iterator[Selection]:
        """Cut into selections of at most `size` contexts."""
        for at in range(0, len(self.traceparents), size):
            yield Selection(self.traceparents[at:at + size], self.first[at:at + size], self.merged)


def select(raws: Sequence[bytes], limit: int | None, how: Literal["spread", "first"] = "spread", *,
           unsampled: bool = False) -> Selection:
    """Select at most `limit` sampled contexts (`unsampled`: any) among the records' last traceparents; b"" = none.

    `malformed` is exact only if one of the chosen was: what is not chosen is not parsed.
    """
    if not all(raws):
        places = list(compress(range(len(raws)), raws))
        found = select([raws[place] for place in places], limit, how, unsampled=unsampled)
        return found.at(places, missing=len(raws) - len(places))
    if set(map(len, raws)) == {TRACEPARENT_LENGTH}:
        selection = _limited(_all_alike(raws, unsampled), limit, how)
        if _well_formed(selection.traceparents):
            return selection
    return _limited(_one_by_one(raws, unsampled), limit, how)


def _all_alike(raws: Sequence[bytes], unsampled: bool) -> Selection:
    distinct, first, merged = _without_repeats(raws)
    bits = b"".join(distinct)[FLAGS_AT::TRACEPARENT_LENGTH].translate(_TO_BIT)
    sampled = bits.count(1)
    if unsampled or sampled == len(distinct):
        return Selection(distinct, first, merged)
    return Selection(list(compress(distinct, bits)), list(compress(first, bits)), merged,
                     unsampled=len(distinct) - sampled)


def _one_by_one(raws: Sequence[bytes], unsampled: bool) -> Selection:
    same_ids: dict[bytes, bytes] = {}  # the same ids with other flags are the same context
    wanted: list[bytes] = []
    places: list[int] = []
    left_out: set[bytes] = set()
    malformed = 0
    for place, raw in enumerate(raws):
        clean = canonical(raw)
        if clean is None:
            malformed += 1
        elif unsampled or is_sampled(clean):
            wanted.append(same_ids.setdefault(clean[:_IDS_END], clean))
            places.append(place)
        else:
            left_out.add(clean)
    distinct, first, merged = _without_repeats(wanted)
    return Selection(distinct, first, merged, unsampled=len(left_out), malformed=malformed).at(places)


def _without_repeats(raws: Sequence[bytes]) -> tuple[Sequence[bytes], Sequence[int], dict[bytes, Merged]]:
    if len(set(raws)) == len(raws):
        return raws, range(len(raws)), {}
    first: dict[bytes, int] = {}
    records: dict[bytes, int] = {}
    for place, raw in enumerate(raws):
        if raw in first:
            records[raw] = records.get(raw, 1) + 1
        else:
            first[raw] = place
    last = dict(zip(raws, range(len(raws)), strict=True))
    return list(first), list(first.values()), {raw: Merged(count, last[raw]) for raw, count in records.items()}


def _limited(found: Selection, limit: int | None, how: Literal["spread", "first"]) -> Selection:
    total = len(found.traceparents)
    if limit is None or total <= limit:
        return found
    places = _spread(total, limit) if how == "spread" and limit > 1 else range(limit)
    return Selection([found.traceparents[place] for place in places], [found.first[place] for place in places],
                     found.merged, total - limit, found.unsampled, found.malformed, found.missing)


@lru_cache
def _spread(total: int, limit: int) -> Sequence[int]:
    """Return `limit` places out of `total`, evenly apart, the first and the last among them."""
    return [place * (total - 1) // (limit - 1) for place in range(limit)]


def _well_formed(raws: Sequence[bytes]) -> bool:
    """Tell whether all are version 00, hex where hex belongs, not zero, and no two have the same ids."""
    count = len(raws)
    matrix = b"".join(raws)
    return (matrix[0::TRACEPARENT_LENGTH] == matrix[1::TRACEPARENT_LENGTH] == b"0" * count
            and all(matrix[dash::TRACEPARENT_LENGTH] == b"-" * count for dash in (2, 35, 52))
            and matrix.translate(None, _HEX) == b"---" * count
            and _ZERO_TRACE_ID not in matrix and _ZERO_SPAN_ID not in matrix
            # The headers are distinct: with the same flags on all, so are the ids.
            and (len(set(matrix[_IDS_END::TRACEPARENT_LENGTH])) == len(set(matrix[FLAGS_AT::TRACEPARENT_LENGTH])) == 1
                 or len({raw[:_IDS_END] for raw in raws}) == count))
