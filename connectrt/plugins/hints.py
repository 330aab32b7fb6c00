"""Say what to do about a connector class that is not installed here, or a config meant for another runtime.

Both tables are data only; the classes in them were counted in public repositories, or belong to a bundled connector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The distribution that has a class of this name; the first match counts.
_INSTALL = (
    (r"debezium.*(postgres|jdbc)|jdbc|sql", "connectrt-sql"),
    (r"filestream|file|spooldir", "connectrt-file"),
    (r"s3|gcs|azureblob|objectstore", "connectrt-objectstore"),
    (r"http", "connectrt-http"),
    (r"datagen", "connectrt-datagen"),
    (r"mirror", "connectrt-mirror"),
)

_DEBEZIUM = re.compile(r"(?i)^io\.debezium\.connector\.(?!postgresql|jdbc)(\w+)")


def for_class(name: str) -> str:
    """Return how to get a connector of this class, or what can stand in for it; "" = nothing known."""
    debezium = _DEBEZIUM.match(name)
    if debezium:
        return (
            f"There is no {debezium[1]} change source here; records that Debezium wrote to Kafka elsewhere can be "
            "consumed all the same: a sink with transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState "
            "takes them out of their envelopes"
        )
    package = next((package for pattern, package in _INSTALL if re.search(pattern, name, re.IGNORECASE)), None)
    return f"If it is not installed: pip install {package}" if package else ""


def for_config(config: Mapping[str, str]) -> str | None:
    """Say so if the config was made for a managed cloud's connector: those have the same short names as ours."""
    foreign = next((key for key in ("kafka.auth.mode", "kafka.api.key") if key in config), None)
    if foreign is None:
        return None
    return (
        f"{foreign} belongs to a connector of a managed cloud; the class of the same name here has other keys. Leave "
        "the credentials for Kafka to the worker's config and name the rest as `connectrt plugins` lists them"
    )
