"""The door: who asks, whether their role may, and not too often; before anything is read."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from jiyu.errors import StoreError
from jiyu.gateway import auth
from jiyu.gateway.auth import Caller
from jiyu.gateway.limits import Buckets, Sockets
from jiyu.gateway.logs import trace_of
from jiyu.gateway.problems import Refused, refusal, send_refusal
from jiyu.gateway.roles import READERS, Permit, methods_of, permit_of
from jiyu.gateway.settings import Settings

#: Answers that stay open; they count as sockets do.
_STREAMS = {"/v1/alerts"}
#: What a WebSocket is closed with: a policy was violated.
_NOT_ALLOWED = 1008


class Guard:
    """Let through what the table of roles permits; everything else ends here.

    A route that nobody wrote into the table is answered as if it was not there.
    """

    def __init__(self, app: ASGIApp, settings: Settings, sockets: Sockets) -> None:
        self._app = app
        self._settings = settings
        self._writers = Buckets(settings.rate, settings.burst)
        self._readers = Buckets(settings.reader_rate, settings.reader_burst)
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            permit, caller = await self._admitted(scope)
        except (Refused, StoreError) as error:
            await send_refusal(refusal(error), scope, receive, send)
            return
        held = permit.method == "WS" or permit.path in _STREAMS
        trace = trace_of(scope)
        if trace is not None:
            trace.lasting = held
        if not held or caller is None:
            await self._app(scope, receive, send)
            return
        if not self._sockets.enter(caller.key_id):
            refused = Refused(429, "too many sockets are open with this key", retry_after=5)
            await send_refusal(refused, scope, receive, send)
            return
        try:
            await self._held(scope, receive, send)
        finally:
            self._sockets.leave(caller.key_id)

    async def _held(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what stays open for as long as its key is good."""
        if scope["type"] == "http":  # A stream looks after that itself.
            await self._app(scope, receive, send)
            return
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        ending = asyncio.ensure_future(_revoked(HTTPConnection(scope)))
        try:
            await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
                return
            # Before the application, which would say that all is well.
            with contextlib.suppress(RuntimeError):
                await send({"type": "websocket.close", "code": _NOT_ALLOWED})
            serving.cancel()
            await asyncio.wait({serving})
        finally:
            for task in (serving, ending):
                task.cancel()

    async def _admitted(self, scope: Scope) -> tuple[Permit, Caller | None]:
        """Return the line of the table that permits, and who asks.

        Raises:
            Refused: No line permits it, or too often.
            StoreUnavailable: Nobody can say who asks.
        """
        method = "WS" if scope["type"] == "websocket" else scope["method"]
        permit = permit_of(method, scope["path"])
        trace = trace_of(scope)
        if trace is not None and permit is not None:
            trace.template = permit.path
        if permit is not None and self._open(permit):
            return permit, None
        connection = HTTPConnection(scope)
        caller = await auth.caller(connection, auth.state_of(connection))
        if trace is not None:
            trace.key_id = caller.key_id
        buckets = self._readers if caller.role in READERS else self._writers
        wait = buckets.take(caller.key_id)
        if wait:
            raise Refused(429, retry_after=wait)
        if permit is None:
            raise _unknown(scope["path"])
        if permit.roles is not None and caller.role not in permit.roles:
            raise Refused(403)
        if permit.whole and (caller.scope.team or caller.scope.agent_id):
            raise Refused(403, "this key is limited to a part of the data")
        return permit, caller

    def _open(self, permit: Permit) -> bool:
        return permit.roles is None or (permit.path == "/metrics" and self._settings.open_metrics)


async def _revoked(connection: HTTPConnection) -> None:
    """Return once a key is no longer good; an outage of the store is not its fault."""
    while True:
        await asyncio.sleep(auth.FRESH / 2)
        try:
            await auth.renewed(connection, auth.state_of(connection))
        except Refused:
            return
        except StoreError:
            continue


def _unknown(path: str) -> Refused:
    methods = methods_of(path)
    if not methods:
        return Refused(404)
    refused = Refused(405)
    refused.headers = {"Allow": ", ".join(methods)}
    return refused
