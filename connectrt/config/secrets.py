"""Keep secrets out of everything that is printed. Invariant: no text form of a Password holds its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HIDDEN: Final = "[hidden]"


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """A secret text; equal to another by its value. Java: `Password`."""

    value: str

    def __repr__(self) -> str:
        return HIDDEN
