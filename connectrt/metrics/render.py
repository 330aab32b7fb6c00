"""Write metrics in Prometheus' text format (version 0.0.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from connectrt.metrics.registry import METRICS, Kind, Metric
from connectrt.metrics.task import DURATION_BUCKETS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(series: Iterable[tuple[Labels, Mapping[str, float]]]) -> str:
    """Return the page: for each set of labels its values, by the names of the registry."""
    rows = [(_label_text(labels), values) for labels, values in series]
    lines: list[str] = []
    for metric in METRICS:
        samples = [line for labels, values in rows for line in _samples(metric, labels, values)]
        if samples:
            name = metric.prometheus_name
            lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}", *samples]
    return "\n".join([*lines, ""])


def _samples(metric: Metric, labels: str, values: Mapping[str, float]) -> Iterator[str]:
    if metric.kind is Kind.HISTOGRAM:
        yield from _histogram(metric, labels, values)
    elif metric.name in values:
        yield f"{metric.prometheus_name}{_braces(labels, metric.labels)} {_number(values[metric.name])}"


def _histogram(metric: Metric, labels: str, values: Mapping[str, float]) -> Iterator[str]:
    name, key = metric.prometheus_name, metric.name
    if f"{key}_count" not in values:
        return
    count = _number(values[f"{key}_count"])
    buckets = [(f"{bound:g}", _number(values[f"{key}_le_{bound}"])) for bound in DURATION_BUCKETS]
    for bound, seen in (*buckets, ("+Inf", count)):
        within = _braces(labels, metric.labels, f'le="{bound}"')
        yield f"{name}_bucket{within} {seen}"
    yield f"{name}_sum{_braces(labels, metric.labels)} {_number(values[f'{key}_sum'])}"
    yield f"{name}_count{_braces(labels, metric.labels)} {count}"


def _label_text(labels: Labels) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())


def _braces(*labels: str) -> str:
    text = ",".join(each for each in labels if each)
    return f"{{{text}}}" if text else ""


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else repr(value)
