"""Sum up a run per connector: what went in and out, what failed, and what its destination says it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectrt.cli.figures import clock, count, rate
from connectrt.herder.herder import TaskRow
from connectrt.worker.messages import State, TaskId

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType


@dataclass(frozen=True, slots=True)
class ConnectorTotal:
    """One connector's run."""

    name: str
    tasks: int
    failed: int  #: tasks that are FAILED, the connector itself counted too
    records_in: int
    records_out: int
    errors: int  #: records that failed for good
    at_destination: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole run; rich draws it."""

    how: str  #: "stopped" or "drained"
    seconds: float  #: of the whole run
    busy_seconds: float  #: since all tasks ran, which rates are told by
    totals: Sequence[ConnectorTotal]
    spans_exported: int
    spans_dropped: int
    failures: Mapping[str, str] = field(default_factory=dict)  #: task or connector -> whole text of its failure

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        yield Padding(Text.assemble((self.how, "bold"), f" after {clock(self.seconds)}"), (1, 1, 1, 1))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("CONNECTOR", no_wrap=True, overflow="ellipsis")
        for head in ("RECORDS IN", "RECORDS OUT", "RECORDS/S", "ERRORS"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("AT THE DESTINATION", overflow="fold")
        for total in self.totals:
            errors = Text(count(total.errors + total.failed), "bold red" if total.errors + total.failed else "")
            table.add_row(total.name, count(total.records_in), count(total.records_out), rate(self._rate(total)),
                          errors, _counts(total.at_destination))
        yield Padding(table, (0, 1))
        yield Padding(Text(self._spans()), (1, 1))
        for name, text in self.failures.items():
            yield Padding(Text.assemble(("✗ ", "red"), (f"{name}: ", "bold"), text.rstrip()), (0, 1, 1, 1))

    def _rate(self, total: ConnectorTotal) -> float:
        return total.records_out / self.busy_seconds if self.busy_seconds > 0 else 0.0

    def _spans(self) -> str:
        return f"spans exported {count(self.spans_exported)}, dropped {count(self.spans_dropped)}"


def totals(rows: Sequence[TaskRow], metrics: Mapping[TaskId, Mapping[str, float]],
           destinations: Mapping[str, Mapping[str, int]]) -> list[ConnectorTotal]:
    """Add up the tasks of each connector."""
    by_name: dict[str, list[TaskRow]] = {}
    for row in rows:
        by_name.setdefault(row.connector, []).append(row)
    errors = dict.fromkeys(by_name, 0)
    for task, values in metrics.items():
        errors[task.connector] = errors.get(task.connector, 0) + int(values.get("total_record_errors", 0))
    return [
        ConnectorTotal(
            name, sum(row.task is not None for row in its), sum(row.state is State.FAILED for row in its),
            sum(row.records_in for row in its), sum(row.records_out for row in its), errors[name],
            destinations.get(name, {}))
        for name, its in by_name.items()
    ]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{target} {count(number)}" for target, number in counts.items())
