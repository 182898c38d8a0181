"""How far the store's alerts have come: one task a process looks, and wakes those who wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from jiyu.model import Severity
from jiyu.store import alerts
from jiyu.store.alerts import StoredAlert
from jiyu.store.scope import Scope

if TYPE_CHECKING:
    from jiyu.gateway.state import State

#: Alerts that are read at a time.
PAGE = 200
#: Seconds after which news of other processes is seen.
_LOOK = 0.5


class Wanted(NamedTuple):
    """Which alerts a stream is for."""

    scope: Scope
    severity: Severity


class Feed:
    """What the streams of one process share: how far the store has come."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._changed = asyncio.Event()
        self._woken = asyncio.Event()
        self._streams = 0
        self.head = 0
        self.closed = False

    def wake(self) -> None:
        """Look for news at once."""
        self._woken.set()

    def close(self) -> None:
        """End all streams; their readers come back elsewhere."""
        self.closed = True
        self._tell()

    async def watch(self) -> None:
        """Look for news as long as anybody wants them.

        Raises:
            StoreUnavailable: Later, then.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK)
            self._woken.clear()
            if self._streams:
                head = await asyncio.to_thread(self._last)
                if head > self.head:
                    self.head = head
                    self._tell()

    async def wait(self, position: int, seconds: float) -> None:
        """Return when there is something after a position, or after a while."""
        changed = self._changed
        if self.head <= position and not self.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), seconds)

    async def read(self, position: int, wanted: Wanted) -> tuple[list[StoredAlert], int]:
        """Return a page of alerts, and how far everything has been looked through.

        Raises:
            StoreUnavailable: Later, then.
        """
        return await asyncio.to_thread(self._read, position, wanted)

    async def start(self) -> int:
        """Return where news begin.

        Raises:
            StoreUnavailable: The store cannot be asked.
        """
        return await asyncio.to_thread(self._last)

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream as long as it lasts."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _last(self) -> int:
        with self._state.database.read() as connection:
            return alerts.last_id(connection)

    def _read(self, position: int, wanted: Wanted) -> tuple[list[StoredAlert], int]:
        with self._state.database.read() as connection:
            found = alerts.after(
                connection, position, scope=wanted.scope, severity=wanted.severity, limit=PAGE
            )
            if len(found) == PAGE:
                return found, found[-1].alert_id
            # Of the same moment, and ids are given out in the order of commits.
            return found, max(position, alerts.last_id(connection))
