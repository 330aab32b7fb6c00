"""Name the field whose value does not convert."""

from __future__ import annotations

from connectrt.errors import DataError


class FieldError(DataError):
    """What is wrong with a value, and the way to it through structs: `Invalid ... (field order.id)`."""

    def __init__(self, text: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"{text} (field {'.'.join(path)})" if path else text)
        self.text = text
        self.path = path


def in_field(name: str, error: DataError) -> FieldError:
    """Return the error as the struct that holds the field reports it."""
    if isinstance(error, FieldError):
        return FieldError(error.text, (name, *error.path))
    return FieldError(str(error), (name,))
