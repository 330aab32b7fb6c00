"""Define the keys of workers and of all connectors: Kafka Connect's names, types, defaults and order, and our own.

Invariant: these tables are the only place that knows them; what a connector adds of its own stands in its CONFIG.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from connectrt.config.definition import Config, ConfigDef, ConfigKey, Importance, Type, Width, key
from connectrt.config.parsing import shown
from connectrt.config.validators import (
    Rule,
    all_of,
    at_least,
    between,
    if_given,
    no_repeats,
    non_empty,
    non_empty_without_control_characters,
    non_null,
    one_of,
    one_of_ignoring_case,
    regular_expression,
    unique_aliases,
)
from connectrt.errors import ConfigError, ConfigErrors

BOOLEAN, STRING, INT, SHORT, LONG = Type.BOOLEAN, Type.STRING, Type.INT, Type.SHORT, Type.LONG
LIST, CLASS, PASSWORD = Type.LIST, Type.CLASS, Type.PASSWORD
HIGH, MEDIUM, LOW = Importance.HIGH, Importance.MEDIUM, Importance.LOW

_LISTENER: Final = re.compile(r"https?://(?:\[[0-9a-fA-F:.%]+\]|[0-9a-zA-Z\-._]*):(\d{1,5})")
#: A short name or Java's class name of a policy for client settings.
POLICY: Final = re.compile(r"(?:[\w.]+\.)?(All|None|Principal|Allowlist)(?:ConnectorClientConfigOverridePolicy)?")
_NOT_USED: Final = "Accepted so that files made for Java run unedited; it has no effect here."
_NO_TLS: Final = "REST is not served over TLS yet: put a proxy before an http listener. " + _NOT_USED


def _listeners() -> Rule:
    def check(name: str, value: object) -> None:
        if not value or not isinstance(value, list):
            raise ConfigError(name, shown(value), "at least one URL is expected, such as http://127.0.0.1:8083")
        for url in value:
            match = _LISTENER.fullmatch(url)
            if match is None or int(match[1]) > 65535:
                raise ConfigError(name, url, "a listener is written http://host:port, such as http://127.0.0.1:8083")
            if url.startswith("https:"):
                raise ConfigError(name, url, "REST is not served over TLS yet; put a proxy before an http listener")

    return Rule(check, "list of URLs, ex: http://localhost:8080,http://127.0.0.1:8083")


def _override_policy() -> Rule:
    def check(name: str, value: object) -> None:
        if not isinstance(value, str) or not POLICY.fullmatch(value):
            raise ConfigError(name, shown(value), "String must be one of: All, None, Principal, Allowlist")

    return Rule(check, "[All, None, Principal, Allowlist]")


def _tracing_mode() -> Rule:
    known = one_of("off", "batch+links")

    def check(name: str, value: object) -> None:
        if value == "batch+children":
            raise ConfigError(name, value, "a span for every record is not built yet; use batch+links")
        known(name, value)

    return Rule(check, str(known))


def _tracing_keys(group: str | None) -> tuple[ConfigKey, ...]:
    """The same keys stand in the worker's config as defaults for its connectors."""

    def tracing(name: str, type_: Type, default: object, doc: str, valid: Rule | None = None) -> ConfigKey:
        return key(f"tracing.{name}", type_, default, valid=valid, importance=LOW, group=group, doc=doc)

    return (
        tracing("mode", STRING, "batch+links", "`batch+links`: a span for each put and poll, linked to the spans of "
                "the records' producers. `off`: no spans, no headers read or written.", _tracing_mode()),
        tracing("links.max", INT, 5000, "Links per span. OTEL_SPAN_LINK_COUNT_LIMIT may lower it.", between(0, 5000)),
        tracing("links.overflow", STRING, "spread", "Which records are linked when there are more than "
                "`tracing.links.max`: evenly `spread` ones, the `first`, or all, in `spans` below the batch's.",
                one_of("spread", "spans", "first")),
        tracing("links.unsampled", BOOLEAN, False, "Also link contexts whose trace is not sampled."),
        tracing("links.attributes", BOOLEAN, True, "Put the offset on links; topic and partition where they differ."),
        tracing("batch.sampler", STRING, "linked", "`linked`: record a batch if one of its records is sampled. "
                "`root`: ask the configured sampler only.", one_of("linked", "root")),
        tracing("commit.spans", BOOLEAN, True, "A span for each commit of offsets."),
        tracing("retry.spans", BOOLEAN, True, "A span for each attempt, made only after one has failed."),
        tracing("source.context", STRING, "continue", "What to do with a trace context that a source record brings: "
                "`continue` it, `preserve` it as it is, `replace` it by a new trace, or `none`: write no context.",
                one_of("continue", "preserve", "replace", "none")),
        tracing("source.inject", STRING, "always", "Write contexts into source records `always`, or only if `sampled`.",
                one_of("always", "sampled")),
        tracing("baggage.allow", LIST, "", "Names of baggage entries that may be passed on; all others are left out.",
                no_repeats()),
        tracing("exception.detail", STRING, "type+message", "What spans tell of an exception; `full` adds its stack.",
                one_of("type", "type+message", "full")),
    )


def _ssl_keys() -> Iterable[ConfigKey]:
    table: tuple[tuple[str, Type, object, Importance], ...] = (
        ("protocol", STRING, "TLSv1.3", MEDIUM), ("provider", STRING, None, MEDIUM), ("cipher.suites", LIST, "", LOW),
        ("enabled.protocols", LIST, "TLSv1.2,TLSv1.3", MEDIUM), ("keystore.type", STRING, "JKS", MEDIUM),
        ("keystore.location", STRING, None, HIGH), ("keystore.password", PASSWORD, None, HIGH),
        ("key.password", PASSWORD, None, HIGH), ("keystore.key", PASSWORD, None, HIGH),
        ("keystore.certificate.chain", PASSWORD, None, HIGH), ("truststore.certificates", PASSWORD, None, HIGH),
        ("truststore.type", STRING, "JKS", MEDIUM), ("truststore.location", STRING, None, HIGH),
        ("truststore.password", PASSWORD, None, HIGH), ("keymanager.algorithm", STRING, "SunX509", LOW),
        ("trustmanager.algorithm", STRING, "PKIX", LOW), ("endpoint.identification.algorithm", STRING, "https", LOW),
        ("secure.random.implementation", STRING, None, LOW), ("engine.factory.class", CLASS, None, LOW))
    for name, type_, default, importance in table:
        valid = no_repeats() if type_ is LIST else None
        yield key(f"ssl.{name}", type_, default, valid=valid, importance=importance, doc=_NO_TLS)


#: Keys of a standalone worker. Java: `StandaloneConfig`
WORKER: Final = ConfigDef(
    key("bootstrap.servers", LIST, "localhost:9092", valid=no_repeats(empty=False), importance=HIGH,
        doc="Kafka brokers to begin with, as host:port; the others are learned from them."),
    key("client.dns.lookup", STRING, "use_all_dns_ips", importance=MEDIUM, doc=_NOT_USED,
        valid=one_of("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only")),
    key("key.converter", CLASS, "org.apache.kafka.connect.storage.StringConverter", importance=HIGH,
        doc="Converter of record keys for connectors that name none; keys of its own begin with `key.converter.`"),
    key("key.converter.plugin.version", STRING, None, importance=LOW, doc="Version of the key converter."),
    key("value.converter", CLASS, "org.apache.kafka.connect.json.JsonConverter", importance=HIGH,
        doc="Converter of record values for connectors that name none. Where it is left out, it reads and writes JSON "
            "without schemas (`value.converter.schemas.enable=false`)."),
    key("value.converter.plugin.version", STRING, None, importance=LOW, doc="Version of the value converter."),
    key("task.shutdown.graceful.timeout.ms", LONG, 5000, importance=LOW,
        doc="How long all tasks together may take to stop; what has not stopped by then is abandoned."),
    key("task.stuck.timeout.ms", LONG, 60000, valid=at_least(1), importance=LOW,
        doc="A call into a plugin that takes longer is shown as stalled in status, and its stack is logged."),
    key("task.connect.timeout.ms", LONG, 60000, valid=at_least(1), importance=LOW,
        doc="How long a new task tries to reach its brokers; one that has reached them once waits on."),
    key("offset.flush.interval.ms", LONG, 60000, importance=LOW, doc="Time between commits of offsets."),
    key("offset.flush.timeout.ms", LONG, 5000, importance=LOW, doc="Longest wait for one commit of offsets."),
    key("plugin.path", LIST, None, valid=no_repeats(null=True), importance=LOW,
        doc="Plugins are installed with pip and found by their entry points. " + _NOT_USED),
    key("plugin.discovery", STRING, "hybrid_warn", importance=LOW, doc=_NOT_USED,
        valid=one_of_ignoring_case("only_scan", "service_load", "hybrid_warn", "hybrid_fail")),
    key("metrics.sample.window.ms", LONG, 30000, valid=at_least(0), importance=LOW,
        doc="Length of one window that rates, maxima and averages are taken over."),
    key("metrics.num.samples", INT, 2, valid=at_least(1), importance=LOW, doc="Number of windows that are kept."),
    key("metrics.recording.level", STRING, "INFO", valid=one_of("INFO", "DEBUG"), importance=LOW, doc=_NOT_USED),
    key("metric.reporters", LIST, "org.apache.kafka.common.metrics.JmxReporter", valid=no_repeats(), importance=LOW,
        doc="Metrics are read from `GET /metrics`. " + _NOT_USED),
    key("header.converter", CLASS, "org.apache.kafka.connect.storage.SimpleHeaderConverter", importance=LOW,
        doc="Converter of record headers for connectors that name none."),
    key("header.converter.plugin.version", STRING, None, importance=LOW, doc="Version of the header converter."),
    key("config.providers", LIST, "", valid=no_repeats(), importance=LOW,
        doc="Names of config providers; each has `config.providers.<name>.class` and may have "
            "`config.providers.<name>.param.<key>`. `env`, `file` and `dir` need not be named."),
    key("connector.client.config.override.policy", STRING, "All", importance=MEDIUM, valid=_override_policy(),
        doc="Which client settings (`producer.override.…`) connectors may change: `All`, `None`, `Principal` (those "
            "that say who the client is), `Allowlist` (those in `connector.client.config.override.allowlist`)."),
    key("connector.client.config.override.allowlist", LIST, "", valid=no_repeats(), importance=MEDIUM,
        doc="Client settings that the policy `Allowlist` lets connectors change, without the `….override.` prefix."),
    key("topic.creation.enable", BOOLEAN, True, importance=LOW,
        doc="Let source connectors that have `topic.creation.…` keys create their topics."),
    *_ssl_keys(),
    key("topic.tracking.enable", BOOLEAN, True, importance=LOW, doc="Remember which topics each connector has used."),
    key("topic.tracking.allow.reset", BOOLEAN, True, importance=LOW, doc="Let REST forget them."),
    key("listeners", LIST, "http://127.0.0.1:8083", valid=_listeners(), importance=LOW,
        doc="Addresses that REST listens on. `http://:8083` is every address of this machine."),
    key("rest.advertised.host.name", STRING, None, importance=LOW, doc="Host name in this worker's id and URL."),
    key("rest.advertised.port", INT, None, importance=LOW, doc="Port in this worker's id and URL."),
    key("rest.advertised.listener", STRING, None, importance=LOW, doc="Which of the listeners others use: `http`."),
    key("access.control.allow.origin", STRING, "", importance=LOW,
        doc="Origin that browsers may call from; `*` = any."),
    key("access.control.allow.methods", STRING, "", importance=LOW, doc="Methods that those origins may use."),
    key("response.http.headers.config", STRING, "", importance=LOW,
        doc="Headers of REST response: `action name:value`, comma-separated; actions set, add, setDate, addDate."),
    key("ssl.client.auth", STRING, "none", valid=one_of("required", "requested", "none"), importance=LOW, doc=_NO_TLS),
    key("rest.extension.classes", LIST, "", valid=no_repeats(), importance=LOW, doc=_NOT_USED),
    key("admin.listeners", LIST, None, importance=LOW,
        doc="Addresses of `/admin/…`; left out: those of `listeners`; empty: none."),
    key("offset.storage.file.filename", STRING, None, importance=HIGH,
        doc="File that keeps source offsets; left out: `connectrt.offsets` beside the first config file."),
    *_tracing_keys(None),
)

#: What a worker's config may hold besides: settings of clients, converters and providers.
WORKER_PREFIXES: Final = ("producer.", "consumer.", "admin.", "key.converter.", "value.converter.", "header.converter.",
                          "config.providers.", "metrics.context.", "listeners.https.", "admin.listeners.https.",
                          "sasl.", "security.", "socket.connection.", "reconnect.backoff.", "retry.backoff.")


class _ShownWith:
    """A plugin version: visible where the class it belongs to is known."""

    def __init__(self, class_key: str) -> None:
        self._class_key = class_key

    def valid_values(self, name: str, parsed: Mapping[str, object]) -> list[object]:
        return []

    def visible(self, name: str, parsed: Mapping[str, object]) -> bool:
        return parsed.get(self._class_key) is not None


def _version_range() -> Rule:
    def check(name: str, value: object) -> None:
        if isinstance(value, str) and value[:1] in ("[", "(") and not re.search(r"[\])]", value):
            raise ConfigError(name, text=f"Unbounded range: {value}")

    return Rule(check, "a version, or a range such as [1.0,2.0)")


def _converter_keys(part: str, order: int) -> tuple[ConfigKey, ConfigKey]:
    name = f"{part}.converter"
    return (
        key(name, CLASS, None, importance=LOW, group="Common", order=order, width=Width.SHORT,
            display_name=f"{part.title()} converter class",
            doc=f"Converter of record {part}s; left out: the worker's, with the worker's `{name}.…` keys."),
        key(f"{name}.plugin.version", STRING, None, valid=_version_range(), importance=LOW, group="Common",
            order=order + 1, width=Width.SHORT, display_name=f"{part.title()} converter version",
            doc=f"Version of the {part} converter.", recommender=_ShownWith(name)))


def _errors(name: str, type_: Type, default: object, order: int, width: Width, title: str, doc: str,
            valid: Rule | None = None) -> ConfigKey:
    return key(f"errors.{name}", type_, default, valid=valid, group="Error Handling", order=order, width=width,
               display_name=title, doc=doc)


#: Keys of every connector, but those of tracing, which stand at the end of SINK and SOURCE. Java: `ConnectorConfig`
CONNECTOR: Final = ConfigDef(
    key("name", STRING, valid=non_empty_without_control_characters(), importance=HIGH, group="Common", order=1,
        width=Width.MEDIUM, display_name="Connector name", doc="Name of this connector, unique on its worker."),
    key("connector.class", STRING, importance=HIGH, group="Common", order=2, width=Width.LONG,
        display_name="Connector class",
        doc="Class of the connector: full name, simple name, or that without `Connector`."),
    key("connector.plugin.version", STRING, None, valid=_version_range(), group="Common", order=3, width=Width.MEDIUM,
        display_name="Connector version", doc="Version of the connector.", recommender=_ShownWith("connector.class")),
    key("tasks.max", INT, 1, valid=at_least(1), importance=HIGH, group="Common", order=4, width=Width.SHORT,
        display_name="Tasks max", doc="Most tasks this connector may have."),
    key("tasks.max.enforce", BOOLEAN, True, importance=LOW, group="Common", order=5, width=Width.SHORT,
        display_name="Enforce tasks max",
        doc="Deprecated. Fail a connector that makes more tasks than `tasks.max`; false: run them all."),
    *_converter_keys("key", 6),
    *_converter_keys("value", 8),
    *_converter_keys("header", 10),
    key("transforms", LIST, "", valid=all_of(non_null(), unique_aliases("transformation aliases")), importance=LOW,
        group="Transforms", order=12, width=Width.LONG, display_name="Transforms",
        doc="Aliases of the transformations, in their order; each has `transforms.<alias>.type` and keys of its own."),
    key("predicates", LIST, "", valid=all_of(non_null(), unique_aliases("predicate aliases")), importance=LOW,
        group="Predicates", order=13, width=Width.LONG, display_name="Predicates",
        doc="Aliases of predicates that `transforms.<alias>.predicate` may name; each has `predicates.<alias>.type`."),
    key("config.action.reload", STRING, "restart", valid=one_of("none", "restart"), importance=LOW, group="Common",
        order=14, width=Width.MEDIUM, display_name="Reload Action",
        doc="What to do when a value from a config provider expires: `restart` the connector, or `none`."),
    _errors("retry.timeout", LONG, 0, 1, Width.MEDIUM, "Retry Timeout for Errors",
            "How long a failed operation is tried again, in milliseconds. 0: not at all, -1: for ever."),
    _errors("retry.delay.max.ms", LONG, 60000, 2, Width.MEDIUM, "Maximum Delay Between Retries for Errors",
            "Longest pause between two attempts."),
    _errors("tolerance", STRING, "none", 3, Width.SHORT, "Error Tolerance",
            "`none`: the first record that fails stops the task. `all`: such records are skipped, and reported as the "
            "other `errors.…` keys say.", one_of("none", "all")),
    _errors("log.enable", BOOLEAN, False, 4, Width.SHORT, "Log Errors",
            "Log each record that failed, also a tolerated one."),
    _errors("log.include.messages", BOOLEAN, False, 5, Width.SHORT, "Log Error Details",
            "Log where the failed record came from as well: topic, partition, offset, or source partition and offset."),
)

#: Keys of every sink connector. Java: `SinkConnectorConfig`
SINK: Final = CONNECTOR.with_keys((
    key("topics", LIST, "", valid=no_repeats(), importance=HIGH, group="Common", order=4, width=Width.LONG,
        display_name="Topics", doc="Topics to read. Either this or `topics.regex` must be given."),
    key("topics.regex", STRING, "", valid=regular_expression(), importance=HIGH, group="Common", order=4,
        width=Width.LONG, display_name="Topics regex",
        doc="Regular expression that the whole name of a topic must match to be read."),
    _errors("deadletterqueue.topic.name", STRING, "", 6, Width.MEDIUM, "Dead Letter Queue Topic Name",
            "Topic for records that failed; empty: none."),
    _errors("deadletterqueue.topic.replication.factor", SHORT, 3, 7, Width.MEDIUM,
            "Dead Letter Queue Topic Replication Factor", "Replicas of that topic, if it has to be created."),
    _errors("deadletterqueue.context.headers.enable", BOOLEAN, False, 8, Width.MEDIUM, "Enable Error Context Headers",
            "Say in headers `__connect.errors.…` of such a record what failed, where and why."),
    *_tracing_keys("Tracing"),
))

#: Keys of every source connector. Java: `SourceConnectorConfig`
SOURCE: Final = CONNECTOR.with_keys((
    key("topic.creation.groups", LIST, "", valid=all_of(non_null(), unique_aliases("topic creation groups")),
        importance=LOW, group="Topic Creation", order=1, width=Width.LONG, display_name="Topic Creation Groups",
        doc="Aliases of groups of topics, in the order they are asked; `topic.creation.<group>.include` says which "
            "topics, further keys how they are created."),
    key("exactly.once.support", STRING, "requested", valid=one_of_ignoring_case("required", "requested"),
        group="Exactly Once Support", order=2, width=Width.SHORT, display_name="Exactly once support",
        doc="`required`: refuse this config unless records can be written exactly once."),
    key("transaction.boundary", STRING, "poll", valid=one_of_ignoring_case("interval", "poll", "connector"),
        group="Exactly Once Support", order=3, width=Width.SHORT, display_name="Transaction Boundary",
        doc="What is one transaction, where records are written exactly once: one `poll`, what comes in an `interval`, "
            "or what the `connector` says."),
    key("transaction.boundary.interval.ms", LONG, None, valid=if_given(at_least(0)), importance=LOW,
        group="Exactly Once Support", order=4, width=Width.SHORT, display_name="Transaction boundary interval",
        doc="Length of that interval; left out: the worker's `offset.flush.interval.ms`."),
    key("offsets.storage.topic", STRING, None, valid=non_empty(), importance=LOW, group="offsets.topic", order=1,
        width=Width.LONG, display_name="Offsets topic", doc="A topic of its own for this connector's source offsets."),
    *_tracing_keys("Tracing"),
))


#: Keys, or beginnings of keys, of workers that form a cluster. Java: `DistributedConfig`
_CLUSTER: Final = ("group.id", "config.storage.", "offset.storage.", "status.storage.", "session.timeout.ms",
                   "heartbeat.interval.ms", "rebalance.timeout.ms", "connect.protocol", "scheduled.rebalance.",
                   "worker.sync.", "worker.unsync.", "exactly.once.source.support", "inter.worker.", "metadata.",
                   "client.id", "send.buffer.bytes", "receive.buffer.bytes", "request.timeout.ms",
                   "connections.max.idle.ms")


def is_worker_key(name: str) -> bool:
    return name in WORKER or name.startswith((*WORKER_PREFIXES, *_CLUSTER))


def is_cluster_key(name: str) -> bool:
    """A key that has no effect on a worker of its own."""
    return name not in WORKER and name.startswith(_CLUSTER)


def parse_worker(props: Mapping[str, str | None]) -> Config:
    """Return the worker's config. Raises ConfigErrors with all faults."""
    faults = [*worker_faults(props).values()]
    if faults:
        raise ConfigErrors([text for texts in faults for text in texts], "The worker's configuration is invalid")
    return WORKER.parse(props)


def worker_faults(props: Mapping[str, str | None]) -> dict[str, list[str]]:
    """Return what is wrong with a worker's config, by key."""
    faults = {value.name: value.errors for value in WORKER.validate(props) if value.errors}
    if "config.storage.topic" in props:
        faults["config.storage.topic"] = ["A cluster of workers is not built yet: leave config.storage.topic out to "
                                          "run a single one"]
    return faults


def with_worker_defaults(props: Mapping[str, str], worker: Config) -> dict[str, str]:
    """Return a connector's config in which `tracing.…` keys that it does not set are the worker's."""
    return {name: text for name, text in worker.originals.items() if name.startswith("tracing.")} | dict(props)
