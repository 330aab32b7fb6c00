"""Run a herder's requests on one thread, and what could block on threads of its own.

Invariant: a request is never cancelled by who asked for it, so no change is left half done; only the end of the thread
cancels, and every future is done by then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

from connectrt.errors import ConnectError

T = TypeVar("T")
P = ParamSpec("P")


class HerderThread:
    """An event loop on a thread named `herder`: a request mostly waits, and others run meanwhile."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._main, name="herder", daemon=True)
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._ended: asyncio.Event
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._thread.start()
        self._loop.result()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the thread; requests under way fail."""
        self._loop.result().call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def request(self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `work` on the thread. From any thread, after `start`; the future cannot be cancelled."""
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()

        async def run() -> None:
            try:
                answer.set_result(await work(*args, **kwargs))
            except asyncio.CancelledError:
                answer.set_exception(ConnectError("Worker is shutting down"))
            except Exception as error:
                answer.set_exception(error)

        try:
            self._loop.result().call_soon_threadsafe(lambda: self.spawn(run()))
        except RuntimeError:  # the loop is closed
            answer.set_exception(ConnectError("Worker is shutting down"))
        return answer

    # -- on the thread itself -----------------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for; it must not raise."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def cancel_others(self) -> None:
        """End every request and spawned work but the caller's own."""
        others = self._running - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def aside(self, name: str, function: Callable[[], T]) -> T:
        """Call a function that may block, on a thread of its own, which is left alone if this is cancelled."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(outcome: Callable[[], None]) -> None:
            if not answer.done():
                outcome()

        def run() -> None:
            try:
                outcome = partial(answer.set_result, function())
            except Exception as error:
                outcome = partial(answer.set_exception, error)
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(settle, outcome)

        threading.Thread(target=run, name=name, daemon=True).start()
        return await answer

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        self._loop.set_result(asyncio.get_running_loop())
        await self._ended.wait()
        await self.cancel_others()
