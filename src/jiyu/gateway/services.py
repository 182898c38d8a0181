"""What goes on beside the requests: deliveries, news, retention, figures, policies of others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from jiyu.errors import StoreUnavailable
from jiyu.gateway import policies, retention
from jiyu.gateway.auth import Keys
from jiyu.gateway.delivery import Sender
from jiyu.gateway.feed import Feed
from jiyu.gateway.health import Readiness
from jiyu.gateway.limits import Sockets
from jiyu.gateway.logs import failed

if TYPE_CHECKING:
    from jiyu.gateway.state import State

_PAUSE = 2.0


class Services:
    """The background work of one process; begins and ends with its application.

    Attributes:
        keys: Who is known.
        feed: For the streams of alerts.
        sender: To webhooks.
        readiness: For ``/readyz``.
        validating: Held while an uploaded policy is judged.
        draining: Whether the process is about to end.
    """

    def __init__(self, state: State, sockets: Sockets | None = None) -> None:
        """Prepare; needs a running event loop."""
        self._state = state
        self._tasks: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()
        self.keys = Keys(state)
        self.feed = Feed(state)
        self.sender = Sender(state)
        self.readiness = Readiness(state)
        # One policy at a time: it keeps a core busy.
        self.validating = asyncio.Semaphore(1)
        self.draining = False
        if sockets is not None:
            state.metrics.gauge("open_sockets", lambda: sockets.total)

    async def start(self) -> None:
        """Begin."""
        jobs: dict[str, Callable[[], Awaitable[None]]] = {
            "alerts": self.feed.watch,
            "webhooks": self.sender.run,
            "policies": lambda: policies.follow(self._state),
            "retention": lambda: retention.run(self._state),
            "metrics": self._dump,
        }
        self._tasks = [asyncio.create_task(_kept(*job), name=job[0]) for job in jobs.items()]

    def wake(self) -> None:
        """Tell that alerts were stored here, so that nobody waits; from any thread."""
        with contextlib.suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(self._wake)

    def drain(self) -> None:
        """Take nothing more that lasts: load balancers leave, readers of streams come back."""
        self.draining = True
        self.feed.close()

    async def stop(self) -> None:
        """End everything; nothing is lost by it."""
        self.drain()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sender.close()
        self._state.metrics.dump()

    def _wake(self) -> None:
        self.feed.wake()
        self.sender.wake()

    async def _dump(self) -> None:
        while True:
            self._state.metrics.dump()
            await asyncio.sleep(1.0)


async def _kept(name: str, job: Callable[[], Awaitable[None]]) -> None:
    """Keep a job going: an outage of the store is waited for, anything else is logged as well."""
    while True:
        try:
            await job()
        except StoreUnavailable:
            pass
        except Exception as error:
            # The next turn may do better.
            failed("service.failed", error, service=name)
        await asyncio.sleep(_PAUSE)
