"""``WS /v1/live``: live conversations over a socket, acknowledged once they are durable.

Each frame of the client is one line of the live protocol with a number of the client's, ``seq``,
which should grow by one a line.  The server answers

* ``{"type": "ack", "seq": n}``: all lines up to this one are committed, or were set aside with an
  error; it need not come for every single line;
* an alert, or ``{"type": "closed", "assessment": …}``, after the commit of the line that led to it
  and before its ``ack``;
* ``{"type": "error", "seq": n, "message": …}`` for a line that says nothing sensible.

A client that was cut off connects again and sends every line after its last ``ack`` once more, with
the same numbers.  What had been committed is recognised; the alerts that it led to are told again,
as their ``ack`` was not received, and each carries an ``alert_id`` by which it is known for sure.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from jiyu.errors import InputError
from jiyu.gateway.auth import Caller, caller, state_of
from jiyu.gateway.lines import Said, read, seq_of
from jiyu.gateway.opened import Frame, Job
from jiyu.gateway.state import State
from jiyu.model import Segment
from jiyu.store.journal import Line

#: Lines of one socket that may be under way; beyond that its client has to wait.
WINDOW = 1024
#: Seconds for which one socket may keep the others waiting.
SLICE = 0.002
#: Alerts that a socket remembers, so that a line sent twice over it tells nothing twice.
_REMEMBERED = 8192
#: The close code for: connect again.
_RESTART = 1012


class Socket:
    """One client; judged lines leave in the order in which they came."""

    def __init__(self, websocket: WebSocket, state: State, who: Caller) -> None:
        self._websocket = websocket
        self._state = state
        self._who = who
        self._jobs: deque[Job] = deque()
        self._pushed: deque[Frame] = deque()
        self._told: set[int] = set()
        self._order: deque[int] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._last = 0
        self._leaving = False

    async def run(self) -> None:
        """Read and answer until either side has had enough."""
        both = [asyncio.create_task(self._read_all()), asyncio.create_task(self._tell_all())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            done = await asyncio.gather(*both, return_exceptions=True)
        for error in done:
            gone = isinstance(error, (WebSocketDisconnect, asyncio.CancelledError, RuntimeError))
            if isinstance(error, Exception) and not gone:
                raise error

    async def leave(self, patience: float = 5.0) -> None:
        """Read no more, acknowledge what has come, and say good-bye."""
        self._leaving = True
        end = asyncio.get_running_loop().time() + patience
        while self._jobs and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.005)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(_RESTART)

    def push(self, frames: Sequence[Frame]) -> None:
        """Tell what no line of this socket has led to."""
        self._pushed.extend(frames)
        self._wake.set()

    async def _read_all(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if self._leaving:
                continue  # It is not acknowledged, so it will come again, elsewhere.
            text = message.get("text")
            self._take(message.get("bytes") or b"" if text is None else text.encode())
            if len(self._jobs) >= WINDOW:
                self._room.clear()
                await self._room.wait()
            if loop.time() - begun > SLICE:
                await asyncio.sleep(0)
                begun = loop.time()

    def _take(self, raw: bytes) -> None:
        try:
            said = read(raw, self._last)
        except InputError as error:
            self._set_aside(seq_of(raw, self._last), error.problems[0].message)
            return
        self._last = said.seq
        if any(isinstance(i, Segment) and self._too_long(i) for i in said.items):
            self._set_aside(said.seq, "the text is too long")
            return
        job = Job(said, self._who.scope, self._finished, self)
        self._jobs.append(job)
        self._state.hub.feed(job)

    def _too_long(self, segment: Segment) -> bool:
        return len(segment.text) > self._state.settings.text_limit

    def _set_aside(self, seq: int, message: str) -> None:
        self._last = seq
        job = Job(Said(seq, "", (), Line("event", b"")), self._who.scope, self._finished, self)
        self._jobs.append(job)
        job.refuse(message)

    def _finished(self) -> None:
        if self._jobs and self._jobs[0].finished:
            self._wake.set()

    async def _tell_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            ack = -1
            while self._jobs and self._jobs[0].finished:
                job = self._jobs[0]
                ack = job.said.seq
                if job.frames:
                    # With its acknowledgement right behind: both arrive, or neither.
                    await self._tell(job.frames)
                    await self._acknowledge(ack)
                    ack = -1
                self._jobs.popleft()
            if ack >= 0:
                await self._acknowledge(ack)
            if len(self._jobs) < WINDOW // 2:
                self._room.set()
            while self._pushed:
                await self._tell([self._pushed.popleft()])

    async def _tell(self, frames: Sequence[Frame]) -> None:
        for number, text in frames:
            if number is not None:
                if number in self._told:
                    continue
                self._told.add(number)
                self._order.append(number)
                if len(self._order) > _REMEMBERED:
                    self._told.discard(self._order.popleft())
            await self._websocket.send({"type": "websocket.send", "text": text})

    async def _acknowledge(self, seq: int) -> None:
        text = f'{{"type":"ack","seq":{seq}}}'
        await self._websocket.send({"type": "websocket.send", "text": text})


async def live(websocket: WebSocket) -> None:
    """Serve one client."""
    state = state_of(websocket)
    who = await caller(websocket, state)
    if state.draining:
        await websocket.close(_RESTART)
        return
    await websocket.accept()
    socket = Socket(websocket, state, who)
    state.sockets.add(socket)
    try:
        await socket.run()
    finally:
        state.sockets.discard(socket)
        if websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await websocket.close()


routes = [WebSocketRoute("/v1/live", live)]
