"""Answer: how many rows a second, at which cost, next to the best loop written by hand?

Contenders run one after the other, round after round, against the same servers and the same preloaded topic.
Usage: `python -m tests.bench.run insert upsert nothing --runs 5 --count 1000000`. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from tests.bench.measure import Measured, measure
from tests.bench.orders import PARTITIONS, preload
from tests.bench.stage import CONNECTRT, Stage, counts, described, environment, stage, tracing_backend

TOPIC: Final = "orders"
TABLE: Final = "orders"
RECORD_BYTES: Final = 147
TIMEOUT_S: Final = 600.0
MODES: Final = ("off", "batch+links")
UPSERT: Final = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}


@dataclass
class Result:
    """One run of one contender."""

    measured: Measured
    streaming_s: float
    commits: int
    spans: int
    links: int


@dataclass
class Contender:
    """One way to do the work; `run` does it once."""

    name: str
    run: Callable[[], Result]


class Bench:
    """The contenders of each question on one stage."""

    def __init__(self, on: Stage, count: int, changes: dict[str, str]) -> None:
        self.stage = on
        self.count = count
        self._changes = changes

    def question(self, name: str) -> list[Contender]:
        if name == "nothing":
            return [
                Contender("bare loop: consume, read headers", self.bare_loop),
                *(Contender(f"connectrt, sink that does nothing, `{mode}`", self._nothing(mode)) for mode in MODES),
            ]
        return [
            Contender(f"loop by hand, {name}", lambda: self.by_hand(name)),
            *(Contender(f"connectrt, {name}, `{mode}`", self._sink(name, mode)) for mode in MODES),
        ]

    def _sink(self, way: str, mode: str) -> Callable[[], Result]:
        return lambda: self.sink(way, mode)

    def _nothing(self, mode: str) -> Callable[[], Result]:
        return lambda: self.nothing(mode)

    def by_hand(self, way: str) -> Result:
        return self._fill_table(way, self._raw_loop(way))

    def sink(self, way: str, mode: str) -> Result:
        changes = {**(UPSERT if way == "upsert" else {}), **self._changes}
        sink = self.stage.sink(TOPIC, TABLE, **changes) | {"consumer.override.group.id": uuid.uuid4().hex}
        command = [*CONNECTRT, "start", str(self.stage.config(sink, {"tracing.mode": mode})), "--drain"]
        return self._traced(mode, lambda env: self._fill_table(way, command, env))

    def bare_loop(self) -> Result:
        return self._reported(measure(self._raw_loop("read"), self.stage.folder, environment({}), None, TIMEOUT_S))

    def nothing(self, mode: str) -> Result:
        report = self.stage.folder / "null-sink.json"
        converter = "org.apache.kafka.connect.converters.ByteArrayConverter"
        sink = {
            "connector.class": "NullSinkConnector", "topics": TOPIC, "tasks.max": "1", "report.file": str(report),
            "key.converter": converter, "value.converter": converter,
            "consumer.override.auto.offset.reset": "earliest", "consumer.override.group.id": uuid.uuid4().hex,
        }
        command = [*CONNECTRT, "start", str(self.stage.config(sink, {"tracing.mode": mode})), "--drain"]

        def run(env: dict[str, str]) -> Result:
            measured = measure(command, self.stage.folder, environment(env), None, TIMEOUT_S)
            measured.stdout = report.read_text()
            return self._reported(measured)

        return self._traced(mode, run)

    def _raw_loop(self, way: str) -> list[str]:
        return [
            sys.executable, "-m", "tests.bench.raw_loop", way, "--bootstrap", self.stage.kafka.bootstrap,
            "--topic", TOPIC, "--group", uuid.uuid4().hex, "--url", self.stage.url, "--table", TABLE,
            "--count", str(self.count),
        ]

    def _fill_table(self, way: str, command: Sequence[str], env: dict[str, str] | None = None) -> Result:
        self.stage.fresh_table(TABLE, half_of=self.count if way == "upsert" else 0)
        commits = self.stage.commits()
        file = self.stage.table_file(TABLE)
        measured = measure(command, self.stage.folder, environment(env or {}), file, TIMEOUT_S)
        assert self.stage.rows(TABLE) == self.count, f"{self.stage.rows(TABLE)} of {self.count} rows arrived"
        return Result(measured, measured.streaming_s, self.stage.commits() - commits, 0, 0)

    def _traced(self, mode: str, run: Callable[[dict[str, str]], Result]) -> Result:
        if mode == "off":
            return run({})
        with tracing_backend() as endpoint:
            result = run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
            came = counts(endpoint)
            result.spans, result.links = came["spans"], came["links"]
            return result

    def _reported(self, measured: Measured) -> Result:
        """For a contender without a table: it tells itself when its first and its last batch were done."""
        report = json.loads(measured.stdout)
        assert report["records"] == self.count, f"{report['records']} of {self.count} records came"
        return Result(measured, report["last_s"] - report["first_s"], 0, 0, 0)


def table(contenders: Sequence[Contender], results: Sequence[Sequence[Result]], count: int) -> str:
    """Markdown: one line per contender; medians, with minimum and maximum of the rate."""
    lines = [
        "| | rows/s, median (min-max) | of by hand | MB/s | CPU µs/record, whole process | while streaming "
        "| RSS peak MiB | growth MiB | commits | spans | links |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    by_hand = statistics.median(count / result.streaming_s for result in results[0])
    for contender, runs in zip(contenders, results, strict=True):
        rates = sorted(count / result.streaming_s for result in runs)
        rate = statistics.median(rates)
        median = [
            f"{statistics.median(values):.{digits}f}" for digits, values in (
                (2, [result.measured.cpu_s / count * 1e6 for result in runs]),
                (2, [result.measured.streaming_cpu_s / count * 1e6 for result in runs]),
                (0, [result.measured.rss_peak_mib for result in runs]),
                (0, [result.measured.rss_growth_mib for result in runs]),
                (0, [result.commits for result in runs]),
                (0, [result.spans for result in runs]),
                (0, [result.links for result in runs]),
            )
        ]
        lines.append(
            f"| {contender.name} | {rate:,.0f} ({rates[0]:,.0f}-{rates[-1]:,.0f}) | {rate / by_hand:.2f} "
            f"| {rate * RECORD_BYTES / 1e6:.0f} | {' | '.join(median)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", nargs="+", choices=["insert", "upsert", "nothing"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--set", action="append", default=[], metavar="key=value", help="a key of the connector")
    parser.add_argument("--only", default="", help="only contenders whose name contains this, and the one by hand")
    given = parser.parse_args()
    with ExitStack() as running:
        on = running.enter_context(stage())
        on.kafka.create_topic(TOPIC, PARTITIONS)
        preload(on.kafka.bootstrap, TOPIC, given.count)
        bench = Bench(on, given.count, dict(pair.split("=", 1) for pair in given.set))
        print(f"{given.count:,} orders, {given.runs} runs. {described()}\n")
        for question in given.questions:
            first, *others = bench.question(question)
            contenders = [first, *(one for one in others if given.only in one.name)]
            results: list[list[Result]] = [[] for _ in contenders]
            for _ in range(given.runs):
                for contender, runs in zip(contenders, results, strict=True):
                    runs.append(contender.run())
            print(table(contenders, results, given.count), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
