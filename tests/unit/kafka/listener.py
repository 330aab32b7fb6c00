"""A rebalance listener that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectrt.data.topic import TopicPartition


class Listener:
    """A RebalanceListener; `hook` is called with each event's name and may raise."""

    def __init__(self, hook: Callable[[str], None] | None = None) -> None:
        self.events: list[tuple[str, list[str]]] = []
        self._hook = hook

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._told("assigned", partitions)

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self._told("revoked", partitions)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._told("lost", partitions)

    def _told(self, event: str, partitions: Sequence[TopicPartition]) -> None:
        self.events.append((event, [str(each) for each in sorted(partitions)]))
        if self._hook is not None:
            self._hook(event)
