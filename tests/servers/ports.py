"""Find free ports of this machine's loopback address."""

from __future__ import annotations

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Return `count` different ports nobody listens on now; a server should take them at once."""
    with contextlib.ExitStack() as sockets:
        ports = []
        for _ in range(count):
            taken = sockets.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            ports.append(int(taken.getsockname()[1]))
        return ports
