"""Ask whether somebody listens on a port of this machine."""

from __future__ import annotations

import socket

TIMEOUT_S = 0.5


def listens(port: int) -> bool:
    """True if a connection to localhost, over IPv4 or IPv6, is accepted."""
    try:
        socket.create_connection(("localhost", port), TIMEOUT_S).close()
    except OSError:
        return False
    return True
