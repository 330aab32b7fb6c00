"""Take worker keys from environment variables and keys of both kinds from `--set`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from connectrt.config.properties import PropertiesError, read_properties
from connectrt.config.settings import Origin

_CONNECT: Final = "CONNECT_"
_SEPARATORS: Final = {"_": ".", "__": "-", "___": "_"}
#: Logging is set up before any config is read.
_LOGGING: Final = "CONNECT_LOG4J_"
#: Names without a prefix that Debezium's container image takes.
_DEBEZIUM: Final = ("BOOTSTRAP_SERVERS", "GROUP_ID", "CONFIG_STORAGE_TOPIC", "OFFSET_STORAGE_TOPIC",
                    "STATUS_STORAGE_TOPIC", "KEY_CONVERTER", "VALUE_CONVERTER", "REST_PORT", "REST_HOST_NAME",
                    "OFFSET_FLUSH_INTERVAL_MS", "OFFSET_FLUSH_TIMEOUT_MS")
_STRIMZI_SERVERS: Final = "KAFKA_CONNECT_BOOTSTRAP_SERVERS"
_STRIMZI_CONFIG: Final = "KAFKA_CONNECT_CONFIGURATION"


class Override(NamedTuple):
    key: str
    text: str
    origin: Origin


def from_environment(environ: Mapping[str, str],
                     is_worker_key: Callable[[str], bool]) -> tuple[list[Override], list[str]]:
    """Return the keys of all `CONNECT_…` variables that are a worker's, and warnings about the others."""
    found: list[Override] = []
    unknown: list[str] = []
    for name, text in sorted(environ.items()):
        if name.startswith(_CONNECT) and not name.startswith(_LOGGING):
            key = re.sub("_{1,3}", lambda match: _SEPARATORS[match[0]], name.removeprefix(_CONNECT).lower())
            if is_worker_key(key):
                found.append(Override(key, text, Origin(f"variable {name}")))
            else:
                unknown.append(name)
    warnings = [f"Variables that name no key of a worker are ignored: {', '.join(unknown)}"] if unknown else []
    return found, warnings


def from_foreign_environment(environ: Mapping[str, str]) -> tuple[list[Override], list[str]]:
    """Return the keys that other container images would take from their variables, and faults.

    They fill only what no file says: such names may stand in an environment for the sake of another program.
    """
    found = [Override(name.lower().replace("_", "."), environ[name], Origin(f"variable {name}"))
             for name in _DEBEZIUM if name in environ]
    faults: list[str] = []
    if servers := environ.get(_STRIMZI_SERVERS):
        found.append(Override("bootstrap.servers", servers, Origin(f"variable {_STRIMZI_SERVERS}")))
    try:
        for one in read_properties(environ.get(_STRIMZI_CONFIG, "").encode("utf-8", "replace")):
            found.append(Override(one.key, one.value, Origin(f"variable {_STRIMZI_CONFIG}", one.line)))
    except PropertiesError as error:
        faults.append(f"{Origin(f'variable {_STRIMZI_CONFIG}', error.line)}: {error.why}")
    return found, faults


def from_command_line(sets: Collection[str], connectors: Collection[str],
                      is_worker_key: Callable[[str], bool]) -> tuple[list[tuple[str | None, Override]], list[str]]:
    """Return each `--set key=value` with the connector it is for (None: the worker), and faults."""
    found: list[tuple[str | None, Override]] = []
    faults: list[str] = []
    for text in sets:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            faults.append(f"--set {key}: write --set key=value")
            continue
        below = key.removeprefix("connectors.")
        named = max((name for name in connectors if below.startswith(f"{name}.")), key=len, default=None)
        if below == key and is_worker_key(key):
            found.append((None, Override(key, value, Origin("--set"))))
        elif named is not None:
            found.append((named, Override(below.removeprefix(f"{named}."), value, Origin("--set"))))
        elif below == key and len(connectors) == 1:
            found.append((next(iter(connectors)), Override(key, value, Origin("--set"))))
        else:
            listed = ", ".join(sorted(connectors)) or "none"
            faults.append(f"--set {key}: not a key of the worker; for a connector write "
                          f"--set connectors.<name>.<key>=… (connectors: {listed})")
    return found, faults
