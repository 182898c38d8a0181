"""Sends what waits in the outbox to webhooks, beside everything else and never before it.

At least once: the receiver tells repetitions by ``Idempotency-Key``.  A receiver that is down costs
a few attempts and not the others' time.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import httpx

from jiyu.gateway.addresses import Unreachable, resolved
from jiyu.gateway.logs import failed
from jiyu.gateway.signing import sign
from jiyu.store import webhooks
from jiyu.store.webhooks import Delivery

if TYPE_CHECKING:
    from jiyu.gateway.state import State

_LOOK = 1.0
#: Under way at a time: altogether, and to one receiver.
_MANY = 64
_EACH = 8
#: After a receiver could not be reached, nothing is tried there for so long.
_REST = 4.0


class Sender:
    """The delivery of one process; several share the outbox, each delivery is claimed by one."""

    def __init__(self, state: State) -> None:
        self._state = state
        settings = state.settings
        self._private = settings.webhook_private
        self._client = httpx.AsyncClient(
            timeout=settings.webhook_timeout,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=_MANY, max_keepalive_connections=0),
        )
        self._under_way: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._down: dict[str, float] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look into the outbox at once."""
        self._woken.set()

    async def run(self) -> None:
        """Send as long as the process lives.

        Raises:
            StoreUnavailable: Later, then.
        """
        while True:
            if not await self.once():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), _LOOK)
                self._woken.clear()

    async def once(self) -> int:
        """Begin to send what is due.

        Returns:
            How many are new under way.

        Raises:
            StoreUnavailable: Later, then.
        """
        room = _MANY - len(self._under_way)
        if room <= 0:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return 0
        claimed = await asyncio.to_thread(self._claim, room)
        for one in claimed:
            task = asyncio.ensure_future(self._deliver(one))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(claimed)

    async def close(self) -> None:
        """Stop; what is under way becomes due again by itself."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._client.aclose()

    def _claim(self, limit: int) -> list[Delivery]:
        # To look costs nobody anything; to claim stops all who write.
        with self._state.database.read() as connection:
            if not webhooks.waiting(connection):
                return []
        with self._state.database.begin() as connection:
            return webhooks.claim(connection, limit, seconds=self._lease())

    def _lease(self) -> float:
        return 60.0 + 2 * self._state.settings.webhook_timeout

    async def _deliver(self, delivery: Delivery) -> None:
        turn = self._turns.setdefault(delivery.url, asyncio.Semaphore(_EACH))
        async with turn:
            if self._down.get(delivery.url, 0.0) > time.monotonic():
                answer: str | None = "resting"
            else:
                answer = await self._post(delivery)
        self._state.metrics.count("deliveries", "failed" if answer else "delivered")
        try:
            await asyncio.to_thread(self._note, delivery, answer)
        except Exception as error:
            # It is due again by itself.
            failed("webhook.not_noted", error)

    async def _post(self, delivery: Delivery) -> str | None:
        """Send once; return what went wrong: a status or the name of an error."""
        try:
            async with asyncio.timeout(3 * self._state.settings.webhook_timeout):
                status = await self._status(delivery)
        except Unreachable as error:
            answer = f"unreachable: {error}"
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as error:
            answer = type(error).__name__
        else:
            return None if 200 <= status < 300 else str(status)
        self._down[delivery.url] = time.monotonic() + _REST
        return answer

    async def _status(self, delivery: Delivery) -> int:
        target = await resolved(delivery.url, private=self._private)
        url = httpx.URL(delivery.url)
        netloc = url.netloc.decode()
        headers = {
            "Host": netloc,
            "Content-Type": "application/json",
            "User-Agent": "jiyu-webhook/1",
            "Idempotency-Key": f"jiyu-alert-{delivery.alert_id}",
            "Jiyu-Delivery": str(delivery.delivery_id),
            "Jiyu-Attempt": str(delivery.attempts),
            "Jiyu-Signature": sign(delivery.secret, delivery.payload, time.time()),
        }
        # The address that was looked at; the certificate must still be the name's.
        async with self._client.stream(
            "POST",
            url.copy_with(host=target.address),
            content=delivery.payload,
            headers=headers,
            extensions={"sni_hostname": target.host},
        ) as response:
            # Its body is not read: nothing in it matters, and it might never end.
            return response.status_code

    def _note(self, delivery: Delivery, answer: str | None) -> None:
        with self._state.database.begin() as connection:
            if answer is None:
                webhooks.delivered(connection, delivery)
            else:
                webhooks.failed(connection, delivery, answer)
