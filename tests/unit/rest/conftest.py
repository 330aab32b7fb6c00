"""REST before a herder of scripted connectors, asked without a socket, with targets byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import pytest
from starlette.types import Message

from connectrt.herder.standalone import StandaloneHerder
from connectrt.rest.app import Rest
from tests.unit.herder.scripted import herding


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> object:
        return json.loads(self.text)

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")


class Client:
    def __init__(self, herder: StandaloneHerder) -> None:
        self.herder = herder
        self.address = "connect.example:8083"
        self._app = Rest(herder)

    def ask(self, method: str, target: str, body: str | bytes | object = None, **headers: str) -> Answer:
        """Anything but text and bytes is sent as JSON. A header is left out if it is empty."""
        given = {"host": self.address} | {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if body is not None:
            body = body if isinstance(body, str | bytes) else json.dumps(body)
            body = body.encode() if isinstance(body, str) else body
            given = {"content-type": "application/json", "content-length": str(len(body))} | given
        return asyncio.run(self._ask(method, target, body or b"", {name: text for name, text in given.items() if text}))

    async def _ask(self, method: str, target: str, body: object, headers: Mapping[str, str]) -> Answer:
        path, _, query = target.partition("?")
        scope = {"type": "http", "method": method, "path": unquote(path, errors="replace"), "raw_path": path.encode(),
                 "query_string": query.encode(), "scheme": "http", "root_path": "", "server": ("127.0.0.1", 8083),
                 "headers": [(name.encode(), text.encode()) for name, text in headers.items()]}
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        text = b"".join(message["body"] for message in sent[1:]).decode()
        return Answer(sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, text)

    def get(self, target: str) -> Answer:
        return self.ask("GET", target)


@pytest.fixture
def rest() -> Iterator[Client]:
    with herding() as herder:
        yield Client(herder)
