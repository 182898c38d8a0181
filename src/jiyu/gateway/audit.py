"""Who read or changed what: written beside each act, and shown to admins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from jiyu.gateway.auth import Caller, state_of
from jiyu.gateway.documented import KEYED
from jiyu.gateway.problems import Refused
from jiyu.store import audit
from jiyu.store.audit import Values

if TYPE_CHECKING:
    from jiyu.gateway.state import State

#: The greatest id that both databases can compare with.
BIGGEST = 2**63 - 1

router = APIRouter(tags=["administration"], responses=KEYED)


async def audited(
    state: State,
    caller: Caller,
    action: str,
    target: str,
    *,
    before: Values | str | None = None,
    after: Values | str | None = None,
) -> None:
    """Note what a caller does; returns once it is durable, so that no reading goes unnoticed.

    Args:
        state: Of the application.
        caller: Who.
        action: What, such as ``conversation.read``.
        target: To what; an id, never a text.
        before: What it was: a fingerprint or plain values.
        after: What it became.

    Raises:
        StoreUnavailable: It cannot be noted, so it must not be done.
    """
    noted = state.writer.call(
        audit.record, caller.key_id, action, target, before=before, after=after
    )
    await asyncio.wrap_future(noted)


@router.get("/v1/audit", summary="Who read or changed what, the latest first")
async def listing(
    request: Request,
    target: Annotated[str | None, Query(max_length=200)] = None,
    before_id: Annotated[int | None, Query(ge=1, le=BIGGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Return a page; ``before_id`` of the next one is the last id of this."""
    state = state_of(request)

    def read() -> list[audit.Entry]:
        with state.database.read() as connection:
            return audit.entries(connection, target=target, before_id=before_id, limit=limit)

    if target is not None and "\0" in target:
        raise Refused(422, "not a name", place="target")
    entries = await asyncio.to_thread(read)
    following = entries[-1].audit_id if len(entries) == limit else None
    return {"entries": [msgspec.to_builtins(e) for e in entries], "before_id": following}
