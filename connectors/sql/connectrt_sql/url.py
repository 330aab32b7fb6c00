"""Read connection URLs: JDBC's, libpq's and SQLAlchemy's way of writing them.

Invariant: what is printed of a URL is host, port and database, never its user, password or parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

from connectrt.sdk import ConfigError

#: Scheme, without `jdbc:` and without a driver (`+psycopg`) -> dialect.
DIALECTS: Final = {"postgresql": "postgresql", "postgres": "postgresql"}

#: Values of dialect.name.
DIALECT_NAMES: Final = {"postgresql": "postgresql", "postgresqldatabasedialect": "postgresql"}

_KEY: Final = "connection.url"
_EXAMPLE: Final = "postgresql://localhost:5432/mydb or jdbc:postgresql://localhost:5432/mydb"


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A URL taken apart. `parameters` keep the names they were written with."""

    dialect: str
    hosts: tuple[Host, ...]
    database: str
    user: str | None
    password: str | None
    parameters: tuple[tuple[str, str], ...]
    jdbc: bool

    def __repr__(self) -> str:
        hosts = ",".join(host.name if host.port is None else f"{host.name}:{host.port}" for host in self.hosts)
        return f"{self.dialect}://{hosts}/{self.database}"


def parse_url(text: str, dialect_name: str = "") -> DatabaseUrl:
    """Take a URL apart. Raises ConfigError; its text does not repeat the URL, which may hold a password."""
    jdbc = text.startswith("jdbc:")
    scheme, colon, rest = text.removeprefix("jdbc:").partition(":")
    if not colon or not scheme:
        raise _fault(f"is not a database URL; write {_EXAMPLE}")
    dialect = _dialect(scheme.split("+")[0].lower(), dialect_name)
    rest, _, query = rest.partition("?")
    if rest.startswith("//"):
        authority, _, database = rest[2:].partition("/")
    elif jdbc:
        authority, database = "", rest  # pgjdbc: jdbc:postgresql:database and jdbc:postgresql:/
    else:
        raise _fault(f"lacks // after {scheme}:; write {_EXAMPLE}")
    credentials, _, hosts = authority.rpartition("@")
    user, has_password, password = credentials.partition(":")
    return DatabaseUrl(
        dialect=dialect, hosts=tuple(_host(each) for each in hosts.split(",")), database=unquote(database.strip("/")),
        user=unquote(user) or None, password=unquote(password) if has_password else None,
        parameters=tuple(parse_qsl(query, keep_blank_values=True)), jdbc=jdbc)


def _dialect(scheme: str, dialect_name: str) -> str:
    if dialect_name:
        dialect = DIALECT_NAMES.get(dialect_name.lower())
        if dialect is None:
            raise ConfigError("dialect.name", dialect_name, f"supported: {', '.join(sorted(set(DIALECTS.values())))}")
        return dialect
    if scheme not in DIALECTS:
        raise _fault(f"is for {scheme!r}; supported: {', '.join(sorted(set(DIALECTS.values())))}. Write {_EXAMPLE}")
    return DIALECTS[scheme]


def _host(text: str) -> Host:
    name, port = text, ""
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise _fault("has a host that is not [IPv6]:port")
        port = port[1:]
    elif ":" in text:
        name, port = text.rsplit(":", 1)
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise _fault("has a port that is not a number from 1 to 65535; a password with @, : or / in it goes into "
                     "connection.password")
    return Host(unquote(name) or "localhost", int(port) if port else None)


def _fault(why: str) -> ConfigError:
    return ConfigError(_KEY, text=f"Invalid value for configuration {_KEY}: it {why}")
