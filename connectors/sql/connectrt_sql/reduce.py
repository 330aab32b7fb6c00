"""Bring the operations of a transaction into the order in which they are written. Pure.

Invariant: writing the groups in order leaves a table as if the operations had been applied one by one, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any, Protocol

import msgspec

Key = tuple[Any, ...]


class Named(Protocol):
    """A column."""

    @property
    def name(self) -> str: ...


class OpKind(Enum):
    WRITE = "write"
    DELETE = "delete"


class Op(msgspec.Struct, frozen=True, gc=False):
    """One operation on one row. Columns it does not name stay as they are."""

    kind: OpKind
    key: Key  #: comparable; equal keys mean the same row
    columns: tuple[Named, ...]
    row: tuple[object, ...]  #: of a DELETE only the key's values
    record: Any  #: where it came from
    replaces: bool = False  #: a DELETE of the same key came before


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that one statement can do."""

    kind: OpKind
    columns: tuple[Named, ...]
    ops: Sequence[Op]


def reduce_by_key(ops: Iterable[Op], *, creates: bool) -> list[Op]:
    """Return one operation per key, in order of the last one of each key.

    `creates`: a write makes a row that is not there (upsert); without it a write after a delete does nothing (update).
    """
    newest: dict[Key, Op] = {}
    for op in ops:
        old = newest.pop(op.key, None)
        newest[op.key] = op if old is None else _after(old, op, creates)
    return list(newest.values())


def group(ops: Sequence[Op], keys: int) -> list[Group]:
    """Group reduced operations, deletes first, sorted by key: all tasks then lock rows in the same order."""
    ops = sorted(ops, key=attrgetter("key"))
    deleted = [op for op in ops if op.kind is OpKind.DELETE or op.replaces]
    groups: dict[tuple[Named, ...], list[Op]] = {}
    for op in ops:
        if op.kind is OpKind.WRITE:
            groups.setdefault(op.columns, []).append(op)
    writes = [Group(OpKind.WRITE, columns, members) for columns, members in groups.items()]
    return [*([Group(OpKind.DELETE, deleted[0].columns[:keys], deleted)] if deleted else []), *writes]


def in_runs(ops: Iterable[Op], *, cut_at_repeats: bool) -> list[Group]:
    """Keep the order: cut where the kind or the columns change and, if asked to, where a key comes again."""
    groups: list[Group] = []
    run: list[Op] = []
    keys: set[Key] = set()
    for op in ops:
        if run and (op.kind is not run[0].kind or op.columns != run[0].columns or (cut_at_repeats and op.key in keys)):
            groups.append(Group(run[0].kind, run[0].columns, run))
            run, keys = [], set()
        run.append(op)
        keys.add(op.key)
    return [*groups, Group(run[0].kind, run[0].columns, run)] if run else groups


def _after(old: Op, new: Op, creates: bool) -> Op:
    """What a key's operation becomes when another one follows it."""
    if new.kind is OpKind.DELETE:
        return new
    if old.kind is OpKind.DELETE:
        return msgspec.structs.replace(new, replaces=True) if creates else old
    if new.columns is old.columns or new.columns == old.columns:
        return msgspec.structs.replace(new, replaces=True) if old.replaces else new
    merged = {column.name: (column, value) for column, value in zip(old.columns, old.row, strict=True)}
    merged.update((column.name, (column, value)) for column, value in zip(new.columns, new.row, strict=True))
    return Op(OpKind.WRITE, new.key, tuple(column for column, _ in merged.values()),
              tuple(value for _, value in merged.values()), new.record, old.replaces)
