"""Create the topics a source writes to, by the first creation group that matches. (KIP-158)

Invariant: a topic that exists is never touched, and each topic is looked up once per task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from connectrt.config.definition import Config
from connectrt.errors import ConfigErrors, ConnectError, RetriableError
from connectrt.kafka.client import Admin

PREFIX = "topic.creation."


@dataclass(frozen=True, slots=True)
class TopicGroup:
    """How topics of one group are made. -1 = the broker's default."""

    name: str
    include: re.Pattern[str] | None  #: None = nothing; the default group is asked last and takes all
    exclude: re.Pattern[str] | None
    partitions: int
    replication_factor: int
    config: Mapping[str, str]

    def takes(self, topic: str) -> bool:
        if self.name == "default":
            return True
        excluded = self.exclude is not None and self.exclude.fullmatch(topic) is not None
        return not excluded and self.include is not None and self.include.fullmatch(topic) is not None


def topic_groups(config: Config) -> tuple[TopicGroup, ...]:
    """Read topic.creation.*; empty if the connector sets none of them. Raises ConfigErrors with all faults."""
    props = config.with_prefix(PREFIX)
    if not props:
        return ()
    faults: list[str] = []
    aliases = [alias for alias in config.get_list("topic.creation.groups") if alias != "default"]
    groups = [_group(alias, props, faults) for alias in [*aliases, "default"]]
    if faults:
        raise ConfigErrors(faults)
    return tuple(groups)


def _group(alias: str, props: Mapping[str, str], faults: list[str]) -> TopicGroup:
    own = {key.removeprefix(alias + "."): value for key, value in props.items() if key.startswith(alias + ".")}
    default = {key.removeprefix("default."): value for key, value in props.items() if key.startswith("default.")}
    settings = {**default, **own}

    def number(key: str) -> int:
        text = settings.pop(key, None)
        if text is None:
            faults.append(f'Missing required configuration "{PREFIX}default.{key}" which has no default value.')
            return -1
        if not re.fullmatch(r"-1|[1-9]\d*", text.strip()):
            faults.append(f"Invalid value {text} for configuration {PREFIX}{alias}.{key}: must be at least 1, or -1 "
                          "for the broker's default")
            return -1
        return int(text)

    def pattern(key: str) -> re.Pattern[str] | None:
        settings.pop(key, None)
        text = own.get(key, "").strip()
        try:
            return re.compile("|".join(f"(?:{part.strip()})" for part in text.split(","))) if text else None
        except re.error as error:
            faults.append(f"Invalid value {text} for configuration {PREFIX}{alias}.{key}: {error}")
            return None

    include, exclude = pattern("include"), pattern("exclude")
    partitions, replication = number("partitions"), number("replication.factor")
    return TopicGroup(alias, include, exclude, partitions, replication, settings)


class TopicCreation:
    """Makes sure of a topic before its first record. Task thread only."""

    def __init__(self, task: str, groups: tuple[TopicGroup, ...], admin: Admin) -> None:
        self._task = task
        self._groups = groups
        self._admin = admin
        self._known: set[str] = set()

    def ensure(self, topic: str) -> None:
        """Raises RetriableError if the brokers are away, ConnectError if the topic cannot be made."""
        if topic in self._known or not self._groups:
            return
        try:
            if topic not in self._admin.describe_topics([topic]):
                group = next(group for group in self._groups if group.takes(topic))
                self._admin.create_topic(topic, group.partitions, group.replication_factor, group.config)
        except RetriableError:
            raise
        except ConnectError as error:
            raise ConnectError(f"{self._task}: Task failed to create new topic {topic}: {error}. Create it by hand, or "
                               f"correct {PREFIX}*") from error
        self._known.add(topic)
