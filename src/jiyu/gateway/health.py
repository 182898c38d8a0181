"""Whether the process lives, and whether it can work."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from jiyu.errors import StoreError
from jiyu.gateway.auth import services_of, state_of
from jiyu.gateway.documented import OPEN

if TYPE_CHECKING:
    from jiyu.gateway.state import State

#: Anybody may ask, so the store is bothered once in so many seconds.
_FRESH = 1.0
_PATIENCE = 3.0

router = APIRouter(tags=["operations"])


class Readiness:
    """What ``/readyz`` has found lately."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = asyncio.Lock()
        self._found: tuple[float, dict[str, bool]] = (-1e9, {})

    async def checks(self) -> dict[str, bool]:
        """Return each thing that is needed, and whether it is there."""
        async with self._lock:
            if time.monotonic() - self._found[0] > _FRESH:
                policy = self._state.current.checker is not None
                found = {"policy": policy, **await self._store()}
                self._found = (time.monotonic(), found)
        return self._found[1]

    async def _store(self) -> dict[str, bool]:
        return {"store": await self._readable(), "writer": await self._writable()}

    async def _readable(self) -> bool:
        def read() -> None:
            with self._state.database.read() as connection:
                connection.exec_driver_sql("SELECT 1")

        try:
            await asyncio.wait_for(asyncio.to_thread(read), _PATIENCE)
        except (StoreError, TimeoutError):
            return False
        return True

    async def _writable(self) -> bool:
        """Say whether the writer commits; a write that does nothing shows it."""
        try:
            done = asyncio.wrap_future(self._state.writer.call(_nothing))
            await asyncio.wait_for(done, _PATIENCE)
        except (StoreError, TimeoutError):
            return False
        return True


@router.get("/healthz", summary="Is the process alive?", openapi_extra=OPEN)
async def healthz() -> JSONResponse:
    """Answer, which says all."""
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    summary="Can it take work? Store, writer and policy",
    openapi_extra=OPEN,
    responses={503: {"description": "Not now: which part is missing stands in the answer."}},
)
async def readyz(request: Request) -> JSONResponse:
    """Say whether a load balancer should send anything here."""
    services = services_of(request)
    checks = {**await services.readiness.checks(), "serving": not services.draining}
    ready = state_of(request) is not None and all(checks.values())
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "checks": checks},
        200 if ready else 503,
        {} if ready else {"Retry-After": "2"},
    )


def _nothing(_connection: Connection) -> None:
    """Do nothing, durably."""
