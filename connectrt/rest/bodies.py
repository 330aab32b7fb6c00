"""Read request bodies as Kafka Connect reads them.

Invariant: a config's values are text; numbers keep the digits they were written with. What Java's JSON library refuses
is refused here, with ConnectError, which becomes a 500 as it does there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NoReturn

from starlette.requests import Request

from connectrt.errors import ConnectError
from connectrt.rest.errors import BadRequestError
from connectrt.worker.messages import State

_CREATE_FIELDS = frozenset({"name", "config", "initial_state"})


@dataclass(frozen=True, slots=True)
class CreateConnector:
    """Body of POST /connectors."""

    name: str
    config: dict[str, str | None]
    initial_state: State | None


async def read_create(request: Request) -> CreateConnector:
    body = _object(await _json(request), 'a connector is created with {"name": …, "config": {…}}')
    for field in body.keys() - _CREATE_FIELDS:
        raise ConnectError(f'Unrecognized field "{field}", not marked as ignorable '
                           '(3 known properties: "config", "name", "initial_state")')
    name = _text(body.get("name"), "name")
    state = _text(body.get("initial_state"), "initial_state")
    config = _config(body.get("config"))
    name = "" if name is None else name.strip()
    return CreateConnector(name, _named(config, name), None if state is None else _state(state))


async def read_config(request: Request, name: str) -> dict[str, str | None]:
    """Body of PUT /connectors/{c}/config."""
    return _named(_config(await _json(request)), name)


async def _json(request: Request) -> object:
    try:
        # Numbers stay text: 12345678901234567890 and 1.50 must come out as they went in.
        return json.loads(await request.body(), parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ConnectError(f"The request body is not JSON: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")


def _object(value: object, expected: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConnectError(f"The request body is not a JSON object: {expected}")
    return value


def _text(value: object, field: str) -> str | None:
    if value is True or value is False:
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    raise ConnectError(f"Cannot deserialize the value of {field}: text is expected, not a JSON "
                       f"{'object' if isinstance(value, dict) else 'array'}")


def _config(value: object) -> dict[str, str | None]:
    if value is None:
        raise ConnectError("There is no config: it must be a JSON object of keys and texts")
    return {key: _text(text, key) for key, text in _object(value, "a config maps keys to texts").items()}


def _named(config: dict[str, str | None], name: str) -> dict[str, str | None]:
    """Return the config with the connector's name in it. Raises BadRequestError if it has another."""
    given = config.setdefault("name", name)
    if given != name:
        raise BadRequestError(
            f"Connector name configuration ({given}) doesn't match connector name in the URL ({name})")
    return config


def _state(text: str) -> State:
    if text.upper() not in (State.RUNNING, State.PAUSED, State.STOPPED):
        raise ConnectError(f"initial_state is {text}, but must be RUNNING, PAUSED or STOPPED")
    return State(text.upper())
