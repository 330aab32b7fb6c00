"""The only door between REST's event loop and the herder's thread.

Invariant: the event loop never blocks: reads return at once, requests are awaited with a time limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from starlette.requests import Request

from connectrt.errors import ConnectError
from connectrt.herder.herder import Herder

T = TypeVar("T")

REQUEST_TIMEOUT_S: Final = 90.0  # Java: `RestRequestTimeout`, not configurable there either
HEALTH_TIMEOUT_S: Final = 10.0


class RequestTimedOutError(ConnectError):
    """The herder has not answered in time; what was asked for goes on."""


def herder_of(request: Request) -> Herder:
    """For reads."""
    herder: Herder = request.scope["herder"]
    return herder


async def call_herder(request: Request, ask: Callable[[Herder], Future[T]], timeout_s: float | None = None) -> T:
    """Ask, and await the answer for REQUEST_TIMEOUT_S. Raises what the herder raised, or RequestTimedOutError."""
    answer = asyncio.wrap_future(ask(herder_of(request)))
    done, _ = await asyncio.wait({answer}, timeout=REQUEST_TIMEOUT_S if timeout_s is None else timeout_s)
    if not done:
        answer.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody waits for it any more
        raise RequestTimedOutError("Request timed out. The request goes on; see status for what came of it.")
    return await answer
