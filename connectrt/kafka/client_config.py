"""Translate Kafka's (Java) client settings to librdkafka's.

Invariant: every key given is translated, passed on as it is, or named in one warning; every fault is reported together
under the key the user wrote. Where the two libraries have different defaults, Java's hold, so that a config keeps its
meaning; the exceptions stand below with their reasons.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from connectrt.errors import ConfigError, ConfigErrors
from connectrt.kafka.security import translate_sasl, translate_stores

log = logging.getLogger(__name__)

Translated = dict[str, str]


class Client(StrEnum):
    CONSUMER = "consumer"
    PRODUCER = "producer"
    ADMIN = "admin"


#: Java's defaults where librdkafka's are others.
_COMMON: Translated = {
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "1000",
    "socket.connection.setup.timeout.ms": "10000",
    "socket.keepalive.enable": "true",
    "socket.timeout.ms": "30000",
}
_DEFAULTS: dict[Client, Translated] = {
    Client.CONSUMER: _COMMON | {
        "allow.auto.create.topics": "true",
        "auto.offset.reset": "earliest",  # Connect's; a plain consumer's is latest
        "isolation.level": "read_uncommitted",
        # librdkafka's own queue, which Java has not. It stops fetching a partition while the queue is full; the default
        # of a second halves the throughput. The size is what a task needs to never run dry, and no more memory.
        "fetch.queue.backoff.ms": "10",
        "queued.min.messages": "20000",
        "queued.max.messages.kbytes": "16384",
        # A partition that was left out of a fetch waits for the next: half a second, if the others are idle.
        "fetch.wait.max.ms": "100",
    },
    Client.PRODUCER: _COMMON | {
        "acks": "all",
        "enable.idempotence": "true",
        "message.max.bytes": "1048576",
        "partitioner": "murmur2_random",  # Java's: a key stays in its partition whoever produces it
        "queue.buffering.max.kbytes": "32768",
    },
    Client.ADMIN: _COMMON,
}
#: What the runtime relies on, whatever the config says.
_FORCED: dict[Client, Translated] = {
    Client.CONSUMER: {
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "enable.partition.eof": "true",  # the only way to learn that a position has passed a transaction's markers
    },
    Client.PRODUCER: {},
    Client.ADMIN: {},
}

_RENAMED = {
    "fetch.max.wait.ms": "fetch.wait.max.ms",
    "max.request.size": "message.max.bytes",
    "metadata.max.age.ms": "topic.metadata.refresh.interval.ms",
    "receive.buffer.bytes": "socket.receive.buffer.bytes",
    "send.buffer.bytes": "socket.send.buffer.bytes",
    "ssl.keystore.certificate.chain": "ssl.certificate.pem",
    "ssl.keystore.key": "ssl.key.pem",
    "ssl.truststore.certificates": "ssl.ca.pem",
}
#: librdkafka's main name of a setting, as its messages say it -> the alias Java has.
_ALIASES = {
    "compression.codec": "compression.type",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "max.in.flight": "max.in.flight.requests.per.connection",
    "message.send.max.retries": "retries",
    "message.timeout.ms": "delivery.timeout.ms",
    "metadata.broker.list": "bootstrap.servers",
    "queue.buffering.max.ms": "linger.ms",
    "request.required.acks": "acks",
    "sasl.mechanisms": "sasl.mechanism",
}
#: The runtime's own business, or read by the security translation.
_HANDLED = re.compile(
    r"compression\.\w+\.level|max\.poll\.records|max\.block\.ms|default\.api\.timeout\.ms|exclude\.internal\.topics|enable\.auto\.commit"
    r"|(key|value)\.(de)?serializer|sasl\.(mechanism|jaas\.config|(login|client)\.callback\.handler\.class)"
    r"|ssl\.(trust|key)store\.(location|password|type)")
#: Java's inner workings, and what Confluent's platform adds.
_IGNORED = re.compile(
    r"auto\.commit\.interval\.ms|auto\.include\.jmx\.reporter|config\.providers.*|confluent\..*|interceptor\.classes"
    r"|metadata\.max\.idle\.ms|metric\.reporters|metrics\..*|partitioner\.(adaptive|availability)\..*"
    r"|sasl\.kerberos\.ticket\..*|sasl\.login\..*|sasl\.oauthbearer\.(clock|expected|header|jwks|jwt|sub|scope\.claim).*"
    r"|security\.providers|share\..*|socket\.connection\.setup\.timeout\.max\.ms"
    r"|ssl\.(enabled\.protocols|engine\.factory\.class|keymanager\.algorithm|protocol|provider"
    r"|secure\.random\.implementation|trustmanager\.algorithm)|transaction\.two\.phase\.commit\.enable")


def translate(client: Client, config: Mapping[str, str]) -> Translated:
    """Return librdkafka's config for one client. Raises ConfigErrors with all faults."""
    given = {key.strip(): value.strip() for key, value in config.items()}
    found = dict(_DEFAULTS[client])
    faults: list[str] = []
    ignored = []
    for key, value in given.items():
        if _HANDLED.fullmatch(key):
            continue
        if _IGNORED.fullmatch(key):
            ignored.append(key)
            continue
        try:
            found |= _VALUES[key](value) if key in _VALUES else {_RENAMED.get(key, key): value}
        except ConfigError as fault:
            faults.append(str(fault))
    for section in (translate_sasl, translate_stores):
        try:
            found |= section(given)
        except ConfigError as fault:
            faults.append(str(fault))
    if client is Client.CONSUMER and not given.get("group.id"):
        faults.append(str(ConfigError("group.id", given.get("group.id"), "a consumer of a connector needs a group")))
    if faults:
        raise refused(client, given, faults)
    if ignored:
        log.warning("client settings without a meaning here are ignored: %s", ", ".join(sorted(ignored)),
                    extra={"action": "translate_client_config", "client": given.get("client.id", client)})
    if client is Client.PRODUCER:
        _settle_idempotence(found)
        level = given.get(f"compression.{given.get('compression.type')}.level")
        found |= {"compression.level": level} if level else {}
    return found | _FORCED[client]


def refused(client: Client, config: Mapping[str, str], faults: list[str]) -> ConfigErrors:
    """The error that carries all faults of one client's config."""
    name = f"the {client} {config.get('client.id', '')}".strip()
    return ConfigErrors(faults, f"The settings of {name} are invalid")


def java_key(name: str, config: Mapping[str, str]) -> str:
    """Return the key the user wrote for a librdkafka setting, as far as it can be told."""
    name = _ALIASES.get(name, name)
    return next((java for java, ours in _RENAMED.items() if ours == name and java in config), name)


def metadata_max_age_s(config: Mapping[str, str]) -> float:
    """How often a subscription by pattern looks for new topics."""
    return int(config.get("topic.metadata.refresh.interval.ms", "300000")) / 1000


def _settle_idempotence(found: Translated) -> None:
    """Java drops idempotence when other settings rule it out; librdkafka would refuse to start."""
    in_flight = found.get("max.in.flight.requests.per.connection", "5")
    ruled_out = (found["acks"] not in ("all", "-1") or found.get("retries") == "0"
                 or (in_flight.isdecimal() and int(in_flight) > 5))
    if ruled_out and found["enable.idempotence"].lower() == "true":
        log.warning("enable.idempotence is off: it needs acks=all, retries above 0 and at most 5 requests in flight; a "
                    "retry may write a record twice", extra={"action": "translate_client_config"})
        found["enable.idempotence"] = "false"


# -- settings whose values differ too ---------------------------------------------------------------------------------


def _offset_reset(value: str) -> Translated:
    known = {"earliest": "earliest", "latest": "latest", "none": "error"}
    if value not in known:
        raise ConfigError("auto.offset.reset", value, "String must be one of: earliest, latest, none")
    return {"auto.offset.reset": known[value]}


_EAGER = {"RangeAssignor": "range", "range": "range", "RoundRobinAssignor": "roundrobin", "roundrobin": "roundrobin"}
_COOPERATIVE = {"CooperativeStickyAssignor": "cooperative-sticky", "cooperative-sticky": "cooperative-sticky"}


def _assignors(value: str) -> Translated:
    """Java may list both kinds, and stays eager as long as it does; librdkafka refuses that."""
    names = [name.strip().rpartition(".")[2] for name in value.split(",")]
    unknown = [name for name in names if name not in _EAGER | _COOPERATIVE]
    if unknown:
        raise ConfigError("partition.assignment.strategy", value,
                          f"{unknown[0]} is not known; there are RangeAssignor, RoundRobinAssignor, "
                          "CooperativeStickyAssignor")
    eager = [_EAGER[name] for name in names if name in _EAGER]
    return {"partition.assignment.strategy": ",".join(eager or [_COOPERATIVE[names[0]]])}


def _partitioner(value: str) -> Translated:
    known = {"": "murmur2_random", "DefaultPartitioner": "murmur2_random", "UniformStickyPartitioner": "random",
             "RoundRobinPartitioner": "random"}
    name = value.rpartition(".")[2]
    if name not in known:
        raise ConfigError("partitioner.class", value, "partitioners are Java code; a transform can set a partition")
    return {"partitioner": known[name]}


def _ignore_keys(value: str) -> Translated:
    return {"partitioner": "random"} if value.lower() == "true" else {}


def _buffer_memory(value: str) -> Translated:
    if not value.isdecimal():
        raise ConfigError("buffer.memory", value, "Not a number of type LONG")
    return {"queue.buffering.max.kbytes": str(max(1, int(value) // 1024))}


def _request_timeout(value: str) -> Translated:
    """Java waits so long for any answer. librdkafka's setting of this name is the broker's limit for an ack."""
    if not value.isdecimal():
        raise ConfigError("request.timeout.ms", value, "Not a number of type INT")
    return {"socket.timeout.ms": str(min(int(value), 300_000))}


def _endpoint_identification(value: str) -> Translated:
    return {"ssl.endpoint.identification.algorithm": value.lower() or "none"}


def _cipher_suites(value: str) -> Translated:
    if "_WITH_" in value:
        raise ConfigError("ssl.cipher.suites", value, "name them as OpenSSL does: ECDHE-RSA-AES256-GCM-SHA384")
    return {"ssl.cipher.suites": value.replace(",", ":")} if value else {}


def _drop_empty(key: str) -> Callable[[str], Translated]:
    return lambda value: {key: value} if value else {}


_VALUES: dict[str, Callable[[str], Translated]] = {
    "auto.offset.reset": _offset_reset,
    "bootstrap.servers": lambda value: {"bootstrap.servers": ",".join(map(str.strip, value.split(",")))},
    "buffer.memory": _buffer_memory,
    "client.rack": _drop_empty("client.rack"),
    "partition.assignment.strategy": _assignors,
    "partitioner.class": _partitioner,
    "partitioner.ignore.keys": _ignore_keys,
    "request.timeout.ms": _request_timeout,
    "ssl.cipher.suites": _cipher_suites,
    "ssl.endpoint.identification.algorithm": _endpoint_identification,
}
