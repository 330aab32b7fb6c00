"""Find the rows a database refuses among those it takes. Pure.

Attempts for k bad rows of n: 2k if the database names the row at fault, else about 2k·log2(n/k)+2k.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from connectrt.sdk import ConnectError
from connectrt_sql.errors import Fault

T = TypeVar("T")

#: If this many rows and all of them are refused for the same reason, the reason is not in the rows.
FEWEST_FOR_VERDICT = 20


def isolate(rows: Sequence[T], write: Callable[[Sequence[T]], Fault | None], *,
            most_failures: int) -> list[tuple[T, Fault]]:
    """Write all rows that can be written, in order; return the others.

    `write` writes all of its rows and returns None, or none of them and returns whose fault it is. Once there are more
    than `most_failures`, or more than a fifth of the rows, the rest is written one by one. Raises ConnectError if it is
    not the rows.
    """
    failures: list[tuple[T, Fault]] = []
    parts: list[Sequence[T]] = [rows]
    limit = min(most_failures, max(1, len(rows) // 5))
    while parts:
        part = parts.pop()
        if len(part) > 1 and len(failures) > limit:
            parts.extend([row] for row in reversed(part))
            continue
        fault = write(part) if part else None
        if fault is None:
            continue
        if len(part) == 1:
            failures.append((part[0], fault))
        elif fault.row is not None and 0 <= fault.row < len(part):
            failures.append((part[fault.row], fault))
            parts += [part[fault.row + 1:], part[:fault.row]]
        else:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
    reasons = {fault.code for _, fault in failures}
    if len(rows) >= FEWEST_FOR_VERDICT and len(failures) == len(rows) and len(reasons) == 1:
        raise ConnectError(f"all of {len(rows)} rows are refused for the same reason, so it is not the records: "
                           f"{failures[0][1]}")
    return failures
