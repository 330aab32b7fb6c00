"""What consumer, producer and admin have in common: their settings, what the library logs, and its errors as ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from connectrt.errors import ConfigErrors, ConnectError
from connectrt.kafka import broker_errors
from connectrt.kafka.client_config import Client, java_key, refused, translate
from connectrt.kafka.outage import Outage

log = logging.getLogger(__name__)

T = TypeVar("T")

_OPERATIONS = {Client.CONSUMER: "Read", Client.PRODUCER: "Write", Client.ADMIN: "Describe and Create"}
_CONNECTION_ERRORS = frozenset({"_TRANSPORT", "_RESOLVE", "_SSL"})
#: Told instead of a dead connection, once the library has forgotten the metadata.
_SYMPTOMS = _CONNECTION_ERRORS | {
    "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_UNKNOWN_PARTITION", "_UNKNOWN_TOPIC", "_WAIT_COORD",
}
_PROPERTY = re.compile(r'property:? "([^"]+)"')


class Connection:
    """One client's settings and what it has heard of its brokers."""

    def __init__(self, client: Client, config: Mapping[str, str]) -> None:
        self.settings = translate(client, config)
        self._client = client
        self._config = config
        servers = self.settings.get("bootstrap.servers", "")
        self._place = {"servers": servers, "group": config.get("group.id", ""), "operation": _OPERATIONS[client]}
        self.outage = Outage(servers)
        #: Set when going on makes no sense: the next call is to raise it.
        self.refusal: ConnectError | None = None

    def build(self, make: Callable[[dict[str, Any]], T], **callbacks: object) -> T:
        """Make the library's client. Raises ConfigErrors with every setting that the library refuses."""
        settings: dict[str, Any] = {
            **self.settings, **callbacks, "error_cb": self._told, "logger": _LibraryLog(),
        }
        faults: list[str] = []
        while True:
            try:
                built = make(settings)
            except KafkaException as error:
                text = error.args[0].str().strip()
                named = _PROPERTY.search(text)
                key = self._setting(named[1], settings) if named else None
                if key is None:
                    faults.append(re.sub(r"^Failed to create \w+: ", "", text))
                    raise self._refused(faults) from error
                name = java_key(key, self._config)
                faults.append(f"{name}: {text.replace(named[1], name) if named else text}")
                del settings[key]
                settings.pop("bootstrap.servers", None)  # from now on only more faults are looked for
            else:
                if faults:
                    raise self._refused(faults)
                return built

    def _refused(self, faults: list[str]) -> ConfigErrors:
        return refused(self._client, self._config, faults)

    @staticmethod
    def _setting(named: str, settings: Mapping[str, object]) -> str | None:
        """Return the key under which a setting was given that the library calls by its main name."""
        return next((key for key in (named, java_key(named, {})) if key in settings), None)

    def error(self, error: KafkaError, topic: str = "") -> ConnectError:
        """Return what to raise for an error of the library."""
        if error.name() in _SYMPTOMS and self.outage.suspected:
            return self.outage.describe()
        return broker_errors.translate(error.name(), error.str(), {**self._place, "topic": topic})

    def _told(self, error: KafkaError) -> None:
        """The library's `error_cb`: what concerns no single call."""
        name = error.name()
        if name in _CONNECTION_ERRORS:
            self.outage.failed(error.str())
        elif name == "_ALL_BROKERS_DOWN":
            self.outage.all_down()
        elif error.fatal() or name == "_AUTHENTICATION":
            self.refusal = self.error(error)
        log.debug("%s", error.str(), extra={"action": "kafka_client", "error": name})

    def raise_refusal(self) -> None:
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal


class _LibraryLog:
    """Takes librdkafka's log lines: what matters of them comes as an error as well, or once for each retry."""

    def log(self, level: int, text: str, facility: str, *args: str) -> None:
        level = logging.WARNING if facility == "CONFWARN" else logging.DEBUG
        log.log(level, text, facility, *args, extra={"action": "kafka_client"})
