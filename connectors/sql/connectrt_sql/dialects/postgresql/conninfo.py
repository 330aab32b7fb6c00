"""Translate a URL and `connection.*` keys into libpq's parameters.

Invariant: a parameter that is not understood is left out with a warning; one that concerns security is an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from psycopg import pq

from connectrt.sdk import ConfigError
from connectrt_sql.config import CONFIG, DRIVER_PARAMETERS
from connectrt_sql.settings import Settings
from connectrt_sql.url import DatabaseUrl

log = logging.getLogger(__name__)

#: A dead network must be noticed, not waited for: keepalives after 30 s, unanswered data after 60 s.
_DEFAULTS: Final = {
    "connect_timeout": "10", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3",
    "tcp_user_timeout": "60000", "client_encoding": "UTF8"}

_SERVER_TYPES: Final = {
    "any": "any", "primary": "read-write", "master": "read-write", "secondary": "standby", "slave": "standby",
    "preferSecondary": "prefer-standby", "preferSlave": "prefer-standby", "preferPrimary": "any"}

#: pgjdbc's parameters -> libpq's name and value.
_JDBC: Final[Mapping[str, Callable[[str], tuple[str, str]]]] = {
    "user": lambda text: ("user", text),
    "password": lambda text: ("password", text),
    "sslmode": lambda text: ("sslmode", text),
    "sslrootcert": lambda text: ("sslrootcert", text),
    "sslcert": lambda text: ("sslcert", text),
    "sslkey": lambda text: ("sslkey", text),
    "ApplicationName": lambda text: ("application_name", text),
    "options": lambda text: ("options", text),
    "currentSchema": lambda text: ("options", f"-c search_path={text}"),
    "connectTimeout": lambda text: ("connect_timeout", text),
    "loginTimeout": lambda text: ("connect_timeout", text),
    "socketTimeout": lambda text: ("tcp_user_timeout", str(int(text) * 1000)),
    "tcpKeepAlive": lambda text: ("keepalives", "1" if text.lower() == "true" else "0"),
    "targetServerType": lambda text: ("target_session_attrs", _SERVER_TYPES[text]),
}

#: pgjdbc's parameters for things done otherwise here.
_NEEDLESS: Final = frozenset((
    "reWriteBatchedInserts", "defaultRowFetchSize", "prepareThreshold", "preparedStatementCacheQueries", "stringtype",
    "binaryTransfer", "loggerLevel", "autosave"))

_SECURITY: Final = ("ssl", "socketfactory", "password", "gss", "kerberos", "jaas", "channelbinding", "authentication")


def conninfo(settings: Settings, application_name: str) -> dict[str, str]:
    """Return libpq's parameters. Raises ConfigError; a warning tells of parameters that are left out."""
    url = settings.url
    found = {"application_name": application_name, **_DEFAULTS, **_address(url)}
    if url.user is not None:
        found["user"] = url.user
    if url.password is not None:
        found["password"] = url.password
    for name, text in url.parameters:
        _add(found, _from_url(url, name, text))
    for name, text in settings.parameters.items():
        if name in DRIVER_PARAMETERS:
            _add(found, (name, text))
        elif f"connection.{name}" not in CONFIG:
            _left_out(f"connection.{name}", name)
    if settings.user is not None:
        found["user"] = settings.user
    if settings.password is not None:
        found["password"] = settings.password
    return found


def _address(url: DatabaseUrl) -> dict[str, str]:
    address = {"host": ",".join(host.name for host in url.hosts),
               "port": ",".join(str(host.port or 5432) for host in url.hosts)}
    return address | ({"dbname": url.database} if url.database else {})


def _from_url(url: DatabaseUrl, name: str, text: str) -> tuple[str, str] | None:
    if not url.jdbc and name in _libpq_names():
        return name, text
    if name == "ssl":
        return ("sslmode", "verify-full") if text.lower() in ("true", "") else None
    if name in _JDBC:
        try:
            return _JDBC[name](text)
        except (KeyError, ValueError):
            raise ConfigError("connection.url", text=f"Invalid value for configuration connection.url: its parameter "
                                                     f"{name} has a value that is not understood") from None
    if name not in _NEEDLESS:
        _left_out("connection.url", name)
    return None


def _add(found: dict[str, str], pair: tuple[str, str] | None) -> None:
    if pair is None:
        return
    name, text = pair
    found[name] = f"{found[name]} {text}" if name == "options" and name in found else text


def _left_out(key: str, name: str) -> None:
    plain = name.lower().replace("_", "")
    if any(word in plain for word in _SECURITY):
        raise ConfigError(key, text=f"Invalid value for configuration {key}: the parameter {name} concerns security "
                                    "and is not known here; known are sslmode, sslrootcert, sslcert and sslkey")
    log.warning("connection parameter is left out", extra={"action": "configure", "key": key, "parameter": name})


def _libpq_names() -> frozenset[str]:
    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
