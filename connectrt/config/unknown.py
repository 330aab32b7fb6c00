"""Say what to do about a key that no definition knows: what it is nearest to, or what has become of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

_RETIRED: Final = tuple((re.compile(pattern), cure) for pattern, cure in (
    (r"rest\.(port|host\.name)", "no longer read: set listeners=http://host:port"),
    (r"internal\.(key|value)\.converter(\..*)?", "no longer read: offsets and configs are always JSON; remove it"),
    (r"confluent\..*", "belongs to a product of Confluent and has no effect here; remove it"),
    (r"log4j\..*", "has no effect here: logging is set on the command line; remove it"),
    (r"(producer|consumer)\.(override\.)?interceptor\.classes",
     "Java classes cannot be loaded, and tracing needs none: it is built in; remove it"),
    (r"(connector|(key|value|header)\.converter|(transforms|predicates)\..+)\.plugin\.version",
     "of each plugin the one version that is installed is used; choose it with pip"),
    (r"[_/].*", "taken for a comment; YAML has # for that")))


def retired(name: str) -> str | None:
    """Return the cure for a key that other versions or runtimes have, None if it is not known as such."""
    return next((cure for pattern, cure in _RETIRED if pattern.fullmatch(name)), None)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` is probably a slip of."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, 0.8)), None)
