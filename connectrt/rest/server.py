"""Serve REST on its own thread with its own event loop.

Invariant: the addresses are taken when the server is made, so that a port in use is told before anything runs; requests
that come too early wait in the socket's queue. The web framework, an eighth of the CPU time of a start, is
imported on the server's thread when the first request comes, or when the connectors have had their time to start.
"""

from __future__ import annotations

import errno
import logging
import select
import socket
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from connectrt.config.definition import Config
from connectrt.errors import ConnectError
from connectrt.herder.herder import Herder

if TYPE_CHECKING:
    from uvicorn import Server

log = logging.getLogger(__name__)

_BACKLOG: Final = 128
_WITHOUT_EFFECT: Final = ("access.control.allow.origin", "response.http.headers.config")
#: Long enough for connectors to start without sharing the interpreter with imports.
_HEAD_START_S: Final = 2.0


class RestServer:
    """Listens on the worker's `listeners`."""

    def __init__(self, config: Config) -> None:
        """Raises ConnectError if an address cannot be had. Port 0 is any free port."""
        self._config = config
        self._sockets: list[socket.socket] = []
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._woken, self._waker = socket.socketpair()
        self._thread: threading.Thread | None = None
        for key in _WITHOUT_EFFECT:
            if config.get_string(key):
                log.warning("a key has no effect yet; a proxy before REST can do what it asks for",
                            extra={"action": "read_config", "key": key})
        try:
            for url in config.get_list("listeners"):
                self._sockets.append(_listen(url))
        except ConnectError:
            self._close()
            raise

    @property
    def urls(self) -> Sequence[str]:
        """Where it listens, with the real ports."""
        return [f"http://{_host(listening)}:{_port(listening)}" for listening in self._sockets]

    @property
    def worker_id(self) -> str:
        """`host:port` under which others reach this worker; stands in every status."""
        host = self._config.get_string_or_none("rest.advertised.host.name") or _host(self._sockets[0])
        port = self._config["rest.advertised.port"]
        return f"{host}:{_port(self._sockets[0]) if port is None else port}"

    def start(self, herder: Herder) -> None:
        """Answer requests from now on."""
        for url in self.urls:
            log.info("REST listens", extra={"action": "listen", "url": url})
        self._thread = threading.Thread(target=self._main, args=(herder,), name="rest", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Refuse new requests, give those under way a moment, close the addresses."""
        self._stopping.set()
        self._waker.close()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._close()

    def _main(self, herder: Herder) -> None:
        select.select([*self._sockets, self._woken], [], [], _HEAD_START_S)
        if self._stopping.is_set():
            return
        import uvicorn

        from connectrt.rest.app import Rest

        # h11, because uvicorn always brings it: one parser everywhere, and REST is no hot path.
        self._server = uvicorn.Server(uvicorn.Config(
            Rest(herder), http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=1))
        self._server.should_exit = self._stopping.is_set()
        self._server.run(sockets=self._sockets)

    def _close(self) -> None:
        for each in (*self._sockets, self._woken, self._waker):
            each.close()


def _listen(url: str) -> socket.socket:
    parts = urlsplit(url)
    host, port = parts.hostname or "0.0.0.0", parts.port or 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ConnectError(_cure(url, error)) from error
    if host in ("0.0.0.0", "::"):
        log.warning("REST is open to every machine that reaches this one, and asks nobody who they are; "
                    "listeners=http://127.0.0.1:8083 keeps it on this machine", extra={"action": "listen", "url": url})
    return listening


def _cure(url: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (f"REST cannot listen on {url}: another process does. Stop that, or set another port; "
                "listeners=http://127.0.0.1:0 takes any that is free")
    return (f"REST cannot listen on {url}: {error.strerror or error}. Set listeners to an address of this machine "
            "and a port above 1023")


def _host(listening: socket.socket) -> str:
    """The address others use; this machine's name if it listens on all addresses."""
    host: str = listening.getsockname()[0]
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
