"""Every error the runtime raises on purpose; the class says what the caller does, the text what the user does.

| class              | who raises it                     | what the runtime does                               |
|--------------------|-----------------------------------|-----------------------------------------------------|
| RetriableError     | poll, put, converters, transforms | tries again with backoff (Java: RetriableException) |
| DataError          | converters, transforms, sinks     | the record failed; errors.tolerance decides         |
| ConfigError        | ConfigDef and config files        | refuses the config; REST answers 400                |
| any other          | anywhere in a task                | the task is FAILED before its offset is committed   |
"""

from __future__ import annotations

from collections.abc import Iterable


class ConnectError(Exception):
    """Root of all errors of connectrt. Java: `ConnectException`."""


class ConfigError(ConnectError):
    """One key of a config is wrong. Java: `ConfigException`.

    The text is Kafka's own (`Invalid value x for configuration k: why`), because tools match on it.
    """

    def __init__(self, key: str, value: object = None, why: str | None = None, *, text: str | None = None) -> None:
        self.key = key
        self.value = value
        self.why = why
        if text is None:
            shown = "null" if value is None else value
            text = f"Invalid value {shown} for configuration {key}" + (f": {why}" if why else "")
        super().__init__(text)


class ConfigErrors(ConnectError):
    """All faults of one or several configs, reported together; `faults` holds one line each."""

    def __init__(self, faults: Iterable[str], title: str = "The configuration is invalid") -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} error" + ("" if len(self.faults) == 1 else "s")
        super().__init__("\n".join([f"{title} ({count}):", *(f"  {fault}" for fault in self.faults)]))


class NotFoundError(ConnectError):
    """The named connector, task, plugin or topic does not exist."""


class AlreadyExistsError(ConnectError):
    """A connector of this name exists already."""


class PluginError(ConnectError):
    """A plugin cannot be found, imported or built."""


class DataError(ConnectError):
    """One record's data cannot be converted or written. Java: `DataException`."""


class RetriableError(ConnectError):
    """The other side is away for now; the same call may succeed later. Java: `RetriableException`."""


class BrokersAwayError(RetriableError):
    """No broker can be reached, for some seconds already."""


class TaskCancelledError(ConnectError):
    """The task was told to stop while it waited; nothing is wrong and nothing was lost."""
