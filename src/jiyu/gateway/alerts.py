"""``GET /v1/alerts``: server-sent events for supervisors' screens.

Every stream reads the store by its own watermark, the last ``alert_id`` that it has sent, so it
loses and repeats nothing whichever process it ends up at, and a slow reader holds up nobody: no
more is read for it than it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jiyu.errors import StoreError
from jiyu.gateway.audit import BIGGEST, audited
from jiyu.gateway.auth import FRESH, Caller, caller, renewed, services_of, state_of, within
from jiyu.gateway.documented import KEYED
from jiyu.gateway.feed import PAGE, Feed, Wanted
from jiyu.gateway.problems import Refused
from jiyu.model import Severity
from jiyu.store import scope as scopes
from jiyu.store.alerts import StoredAlert

#: A reader that takes nothing for so long is gone.
_STALLED = 30.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

router = APIRouter(tags=["alerts"], responses=KEYED)


class EventStream(Response):
    """An answer that goes on until its reader, its key or the server leaves."""

    def __init__(
        self,
        feed: Feed,
        wanted: Wanted,
        position: int,
        valid: Callable[[], Awaitable[object]],
        *,
        heartbeat: float,
        follow: bool,
        greet: bool,
    ) -> None:
        """Prepare an answer.

        Args:
            feed: Of this process.
            wanted: Which alerts.
            position: After which.
            valid: Raises as soon as the caller may no longer read.
            heartbeat: Seconds after which something is sent, if only to notice a dead line.
            follow: Whether to wait for more at the end.
            greet: Whether to say where it began, to a reader who would not know.
        """
        super().__init__()
        self._feed = feed
        self._wanted = wanted
        self._position = position
        self._valid = valid
        self._heartbeat = heartbeat
        self._follow = follow
        self._greet = greet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        async def put(body: bytes, *, more: bool = True) -> None:
            message = {"type": "http.response.body", "body": body, "more_body": more}
            await asyncio.wait_for(send(message), _STALLED)

        with self._feed.stream(), contextlib.suppress(TimeoutError):
            await put(b"retry: 2000\n")
            if self._greet:
                await put(_event(self._position, "start", b'{"type":"start"}'))
            await self._follow_on(put)
            await put(b"", more=False)

    async def _follow_on(self, put: Callable[[bytes], Awaitable[None]]) -> None:
        spoken = time.monotonic()
        while not self._feed.closed:
            try:
                await self._valid()
                found, self._position = await self._feed.read(self._position, self._wanted)
            except Refused:
                return
            except StoreError:
                # The line stays: its reader need not know, it will get all in the end.
                found = []
                await asyncio.sleep(1.0)
            if found:
                await put(b"".join(_event(a.alert_id, a.type, _shown(a)) for a in found))
                spoken = time.monotonic()
            if len(found) == PAGE:
                continue
            if not self._follow:
                return
            if time.monotonic() - spoken >= self._heartbeat:
                # A comment, and no empty line after it: some readers take that for an event.
                await put(b":\n")
                spoken = time.monotonic()
            await self._feed.wait(self._position, min(self._heartbeat, FRESH))


@router.get(
    "/v1/alerts",
    summary="Alerts as they are raised, as server-sent events",
    response_class=Response,
    responses={
        200: {
            "description": (
                "`id` is the alert's number, `event` what became of the finding (or `start`, "
                "once, for a reader who gave no position), `data` the alert as JSON."
            ),
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def stream(
    request: Request,
    after: Annotated[
        int | None, Query(ge=0, le=BIGGEST, description="All after this alert; 0 is all.")
    ] = None,
    team: Annotated[str | None, Query(max_length=200)] = None,
    agent_id: Annotated[str | None, Query(max_length=200)] = None,
    severity: Annotated[Severity, Query(description="No lower than this.")] = "info",
    follow: Annotated[bool, Query(description="Go on with what comes.")] = True,
) -> Response:
    """Send alerts within the caller's scope; ``Last-Event-ID`` goes before ``after``."""
    state, services = state_of(request), services_of(request)
    who = await caller(request, state)
    wanted = Wanted(_narrowed(who, team, agent_id), severity)
    position = _last_event_id(request)
    position = after if position is None else position
    given = position is not None
    if services.draining:
        raise Refused(503, retry_after=1)
    begin = position if position is not None else await services.feed.start()
    asked = {"team": wanted.scope.team, "agent_id": wanted.scope.agent_id, "after": begin}
    await audited(state, who, "alerts.read", "alerts", after=asked)
    return EventStream(
        services.feed,
        wanted,
        begin,
        lambda: renewed(request, state),
        heartbeat=state.settings.heartbeat,
        follow=follow,
        greet=follow and not given,
    )


def _narrowed(who: Caller, team: str | None, agent_id: str | None) -> scopes.Scope:
    """Return the part of the caller's scope that is asked for.

    Raises:
        Refused: It is not a part of it.
    """
    if any(name is not None and "\0" in name for name in (team, agent_id)):
        raise Refused(422, "not a name")
    asked = scopes.Scope(team or who.scope.team, agent_id or who.scope.agent_id)
    if not within(who.scope, team=asked.team, agent_id=asked.agent_id):
        raise Refused(403, "this key sees other data")
    return asked


def _last_event_id(request: Request) -> int | None:
    given = request.headers.get("last-event-id")
    if not given:
        return None
    if not (given.isascii() and given.isdigit()) or int(given[:20]) > BIGGEST:
        raise Refused(422, "not the id of an alert", place="Last-Event-ID")
    return int(given)


async def _left(receive: Receive) -> None:
    """Return when the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(number: int, kind: str, data: bytes) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (number, kind.encode(), data)


def _shown(alert: StoredAlert) -> bytes:
    """Return an alert with what the store knows of it besides."""
    # A stored payload is what msgspec wrote: one line, as the format of events needs.
    said = msgspec.json.decode(alert.payload, type=dict[str, msgspec.Raw])
    known = {
        "alert_id": alert.alert_id,
        "team": alert.team,
        "agent_id": alert.agent_id,
        "created_at": alert.created_at,
    }
    return msgspec.json.encode({**known, **said})
