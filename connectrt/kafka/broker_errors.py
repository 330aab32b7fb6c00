"""Turn what the client library or a broker reports into our errors: may it pass, whose fault is it, what is the cure.

Errors are known by librdkafka's names (`UNKNOWN_TOPIC_OR_PART`; with `_` in front: the library's own).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from connectrt.errors import ConnectError, RetriableError

#: The same call may succeed later. (Java: RetriableException and its subclasses)
_RETRIABLE = frozenset({
    "_ALL_BROKERS_DOWN", "_IN_PROGRESS", "_MSG_TIMED_OUT", "_NODE_UPDATE", "_PREV_IN_PROGRESS", "_QUEUE_FULL",
    "_RESOLVE", "_RETRY", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_TRANSPORT", "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC",
    "_WAIT_CACHE", "_WAIT_COORD", "BROKER_NOT_AVAILABLE", "CONCURRENT_TRANSACTIONS", "COORDINATOR_LOAD_IN_PROGRESS",
    "COORDINATOR_NOT_AVAILABLE", "FENCED_LEADER_EPOCH", "KAFKA_STORAGE_ERROR", "LEADER_NOT_AVAILABLE",
    "LISTENER_NOT_FOUND", "NETWORK_EXCEPTION", "NOT_CONTROLLER", "NOT_COORDINATOR", "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NOT_LEADER_FOR_PARTITION", "OFFSET_NOT_AVAILABLE",
    "PREFERRED_LEADER_NOT_AVAILABLE", "REBALANCE_IN_PROGRESS", "REPLICA_NOT_AVAILABLE", "REQUEST_TIMED_OUT",
    "THROTTLING_QUOTA_EXCEEDED", "UNKNOWN_LEADER_EPOCH", "UNKNOWN_TOPIC_ID", "UNKNOWN_TOPIC_OR_PART",
    "UNSTABLE_OFFSET_COMMIT",
})

_NO_TOPIC = "topic {topic} does not exist: create it, or correct its name in the connector's config"
_NOT_OURS = ("the group {group} has given the partitions to another member, which starts from the last commit: if this "
             "comes again, raise max.poll.interval.ms or lower max.poll.records")
_AUTHENTICATION = "{servers} refuses this client ({text}): correct sasl.mechanism and sasl.jaas.config"

#: Text and cure by name; what is not here is told in the library's words.
_TEXTS = {
    "UNKNOWN_TOPIC_OR_PART": _NO_TOPIC,
    "_UNKNOWN_TOPIC": _NO_TOPIC,
    "_UNKNOWN_PARTITION": "topic {topic} or the partition asked for does not exist: create it, or correct its name",
    "TOPIC_AUTHORIZATION_FAILED":
        "access to topic {topic} is denied: grant this user {operation} on it (kafka-acls --add --operation ...)",
    "GROUP_AUTHORIZATION_FAILED":
        "access to consumer group {group} is denied: grant this user Read on it, or set consumer.override.group.id",
    "CLUSTER_AUTHORIZATION_FAILED":
        "the cluster denies {operation}: grant this user {operation} on the cluster; brokers before 2.8 also want "
        "IdempotentWrite for enable.idempotence=true",
    "SASL_AUTHENTICATION_FAILED": _AUTHENTICATION,
    "_AUTHENTICATION": _AUTHENTICATION,
    "UNSUPPORTED_SASL_MECHANISM": _AUTHENTICATION,
    "_AUTO_OFFSET_RESET":
        "{text}: with auto.offset.reset=none set a valid offset (PATCH /connectors/<name>/offsets), or set it to "
        "earliest or latest",
    "MSG_SIZE_TOO_LARGE":
        "a record for topic {topic} is larger than allowed: raise producer.override.max.request.size and the topic's "
        "max.message.bytes",
    "_MSG_TIMED_OUT": "a record for topic {topic} was not acknowledged within delivery.timeout.ms: see whether the "
                      "brokers are up and have min.insync.replicas in sync",
    "INVALID_REPLICATION_FACTOR": "{text}: set the replication factor to at most the number of brokers, or to -1",
    "ILLEGAL_GENERATION": _NOT_OURS,
    "UNKNOWN_MEMBER_ID": _NOT_OURS,
    "STALE_MEMBER_EPOCH": _NOT_OURS,
    "_ASSIGNMENT_LOST": _NOT_OURS,
    "FENCED_INSTANCE_ID": "another member of group {group} uses the same group.instance.id: give each task its own",
}


def translate(name: str, text: str, place: Mapping[str, str]) -> ConnectError:
    """Return the error to raise: RetriableError if the same call may succeed later.

    `place` says what is at hand of `topic`, `group`, `servers` and the ACL `operation` the client needs.
    """
    template = _TEXTS.get(name, "{text} ({name})")
    words = defaultdict(lambda: "?", place, text=text, name=name)
    kind = RetriableError if name in _RETRIABLE else ConnectError
    return kind(template.format_map(words))
