"""Put REST together: paths, methods, media types, errors. What the resources do stands in modules of their own.

Invariant: whatever was asked, the answer is one of Kafka Connect's: JSON, or for a malformed path what its web server
says. An error nobody foresaw is logged here and answered with 500.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

from connectrt.errors import ConnectError
from connectrt.herder.herder import Herder
from connectrt.rest import connectors, worker
from connectrt.rest.errors import FrameworkError, MalformedRequestError, error_response, page_response
from connectrt.rest.paths import clean_path

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]

RESOURCES: Final[dict[str, dict[str, Endpoint]]] = {
    "/": {"GET": worker.root},
    "/health": {"GET": worker.health},
    "/metrics": {"GET": worker.metrics},
    "/connectors": {"GET": connectors.list_all, "POST": connectors.create},
    "/connectors/{connector}": {"GET": connectors.info, "DELETE": connectors.delete},
    "/connectors/{connector}/config": {"GET": connectors.config, "PUT": connectors.put_config},
    "/connectors/{connector}/status": {"GET": connectors.status},
    "/connectors/{connector}/restart": {"POST": connectors.restart},
    "/connectors/{connector}/pause": {"PUT": connectors.pause},
    "/connectors/{connector}/resume": {"PUT": connectors.resume},
    "/connectors/{connector}/stop": {"PUT": connectors.stop},
    "/connectors/{connector}/tasks": {"GET": connectors.tasks},
    "/connectors/{connector}/tasks/{task}/status": {"GET": connectors.task_status},
    "/connectors/{connector}/tasks/{task}/restart": {"POST": connectors.restart_task},
}


class Rest:
    """The ASGI application."""

    def __init__(self, herder: Herder) -> None:
        self._herder = herder
        self._router = Router([Route(path, Resource(endpoints)) for path, endpoints in RESOURCES.items()],
                              redirect_slashes=False, default=_unknown_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            path = clean_path(scope.get("raw_path") or scope["path"].encode())
        except MalformedRequestError as error:
            await page_response(error, scope["method"])(scope, receive, sending)
        else:
            await self._router({**scope, "path": path, "herder": self._herder}, receive, sending)
        log.debug("request served", extra={"action": "request", "method": scope["method"], "path": scope["path"],
                                           "status": status, "took_s": time.perf_counter() - began})


class Resource:
    """One path: its endpoints by method. HEAD goes where GET does, OPTIONS lists the methods."""

    def __init__(self, endpoints: dict[str, Endpoint]) -> None:
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except MalformedRequestError as error:
            response = page_response(error, request.method)
        except asyncio.CancelledError:  # the server stops, and this request has had its time to end
            response = error_response(ConnectError("Worker is shutting down"))
        except Exception as error:
            if not isinstance(error, ConnectError | FrameworkError):
                log.error("a request failed: %s", error, exc_info=error,
                          extra={"action": "request", "method": request.method, "path": scope["path"]})
            response = error_response(error)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return self._options()
        endpoint = self._endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            raise FrameworkError(405)
        if endpoint is not worker.metrics:
            _check_media_types(request)
        return await endpoint(request)

    def _options(self) -> Response:
        methods = sorted({*self._endpoints, "OPTIONS", *(["HEAD"] if "GET" in self._endpoints else [])})
        return Response(", ".join(methods), headers={"content-type": "text/plain", "allow": ",".join(methods)})


def _check_media_types(request: Request) -> None:
    accepted = [each.partition(";")[0].strip() for each in request.headers.get("accept", "*/*").split(",")]
    if not {"*/*", "application/*", "application/json"}.intersection(accepted):
        raise FrameworkError(406)
    has_body = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    if has_body and request.method != "GET":
        given = request.headers.get("content-type")
        if given is None:
            raise FrameworkError(415, typed=True)
        media_type = given.partition(";")[0].strip().lower()
        if "/" not in media_type:
            raise MalformedRequestError("Bad Request")
        if media_type != "application/json":
            raise FrameworkError(415)


async def _unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    await error_response(FrameworkError(404))(scope, receive, send)
