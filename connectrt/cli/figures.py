"""Write numbers as people read them: 1,234,567 · 12 µs · 1:02:03."""

from __future__ import annotations


def count(number: float | None) -> str:
    """`1,234,567`; nothing for None."""
    return "" if number is None else f"{number:,.0f}"


def rate(per_s: float) -> str:
    """`5,012`, and one decimal where a whole number would say too little: `0.4`."""
    return f"{per_s:,.0f}" if per_s >= 10 or per_s == 0 else f"{per_s:.1f}"


def duration(ns: int) -> str:
    """`850 ns`, `12 µs`, `3.4 ms`, `1.25 s`."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.0f} {unit}" if value >= 100 or unit == "µs" else f"{value:.3g} {unit}"
    return f"{ns} ns"


def clock(seconds: float) -> str:
    """`0:42`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

