"""Check what a connector's config says of topics: those a sink reads and those a source creates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectrt.config.definition import NO_DEFAULT, ConfigDef, ConfigKey, Importance, Type, Width, key
from connectrt.config.parsing import shown, split_list
from connectrt.config.validators import Rule, all_of, non_null
from connectrt.errors import ConfigError


def topics_faults(props: Mapping[str, str | None]) -> dict[str, str]:
    """Return what is wrong with the topics of a sink, by key. Java: `SinkConnectorConfig.validate`."""
    topics, pattern, queue = ((props.get(name) or "").strip() for name in (
        "topics", "topics.regex", "errors.deadletterqueue.topic.name"))
    if bool(topics) == bool(pattern):
        fault = ("topics and topics.regex are mutually exclusive options, but both are set." if topics
                 else "Must configure one of topics or topics.regex")
        return {"topics": fault, "topics.regex": fault}
    if queue and queue in split_list(topics):
        return {"topics": f"The DLQ topic '{queue}' may not be included in the list of topics "
                          f"('topics={shown(split_list(topics))}') consumed by the connector"}
    if queue and pattern and _matches(pattern, queue):
        return {"topics.regex": f"The DLQ topic '{queue}' may not be matched by the regex for the topics "
                                f"('topics.regex={pattern}') consumed by the connector"}
    return {}


def topic_creation_keys(props: Mapping[str, str | None]) -> list[ConfigKey]:
    """Return the keys of a source's topic creation groups; none unless it sets a `topic.creation.…` key. (KIP-158)"""
    if not any(name.startswith("topic.creation.") for name in props):
        return []
    keys = _topic_group("default", include=".*").below("topic.creation.default.", "default", 0)
    # A default that is wrong is reported as such; it must not make the groups wrong as well.
    factor, partitions = (-1 if value.errors else value.value for value in ConfigDef(*keys[2:]).validate(props))
    for alias in dict.fromkeys(split_list(props.get("topic.creation.groups") or "")):
        if alias != "default":
            group = _topic_group(alias, include="", replication_factor=factor, partitions=partitions)
            keys += group.below(f"topic.creation.{alias}.", f"Topic Creation: {alias}", 0)
    return keys


def _topic_group(alias: str, *, include: str, replication_factor: object = NO_DEFAULT,
                 partitions: object = NO_DEFAULT) -> ConfigDef:
    def group_key(name: str, type_: Type, default: object, valid: Rule, title: str, doc: str) -> ConfigKey:
        return key(name, type_, default, valid=valid, importance=Importance.LOW, group=alias, width=Width.LONG,
                   display_name=f"{title} {alias}", doc=doc)

    patterns = all_of(non_null(), _patterns())
    return ConfigDef(
        group_key("include", Type.LIST, include, patterns, "Inclusion Topic Pattern for",
                  "Regular expressions; the group takes topics whose whole name matches one."),
        group_key("exclude", Type.LIST, "", patterns, "Exclusion Topic Pattern for",
                  "Regular expressions of topics that the group does not take."),
        group_key("replication.factor", Type.SHORT, replication_factor, _positive_or_default(
            "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster"),
            "Replication Factor for Topics in", "Replicas; -1: the broker's default."),
        group_key("partitions", Type.INT, partitions, _positive_or_default("Number of partitions must be positive"),
                  "Partition Count for Topics in", "Partitions; -1: the broker's default."))


def _positive_or_default(sentence: str) -> Rule:
    def check(name: str, value: object) -> None:
        if not isinstance(value, int) or (value < 1 and value != -1):
            raise ConfigError(name, shown(value), f"{sentence}, or -1 to use the broker's default")

    return Rule(check, "positive number, or -1 for the broker's default")


def _patterns() -> Rule:
    def check(name: str, value: object) -> None:
        for pattern in value if isinstance(value, list) else ():
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ConfigError(name, shown(value), f"Syntax error in regular expression: {error}") from error

    return Rule(check, "list of regular expressions")


def _matches(pattern: str, topic: str) -> bool:
    try:
        return re.fullmatch(pattern, topic) is not None
    except (re.error, OverflowError, RecursionError):
        return False
