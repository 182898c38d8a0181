"""Webhooks: added, listed and ended by admins; what could not be delivered, and once more."""

from __future__ import annotations

import asyncio
from secrets import token_urlsafe
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from jiyu.gateway.addresses import checked
from jiyu.gateway.audit import BIGGEST
from jiyu.gateway.auth import caller, services_of, state_of
from jiyu.gateway.documented import KEYED, problem
from jiyu.gateway.keys import Name
from jiyu.gateway.limits import StrictRoute
from jiyu.gateway.problems import Refused
from jiyu.model import Severity
from jiyu.store import audit, webhooks
from jiyu.store.scope import Scope
from jiyu.store.webhooks import DeadLetter, Webhook

Number = Annotated[int, Path(ge=1, le=BIGGEST)]

router = APIRouter(tags=["webhooks"], route_class=StrictRoute, responses=KEYED)


class NewWebhook(BaseModel):
    """Where alerts are to be sent, and which."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://example.com/jiyu", "severity": "major"}]},
    )

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    team: Name | None = None
    agent_id: Name | None = None
    severity: Severity = "info"


class MadeWebhook(BaseModel):
    """A new webhook; ``secret`` signs what is sent and is never shown again."""

    webhook_id: int
    secret: str


@router.post("/v1/webhooks", status_code=201, summary="Send alerts from now on to a URL")
async def add(request: Request, wanted: NewWebhook) -> MadeWebhook:
    """Add a webhook and show its secret, this once."""
    state, who = state_of(request), await caller(request, state_of(request))
    url = checked(wanted.url, private=state.settings.webhook_private)
    secret = f"whsec_{token_urlsafe(32)}"
    scope = Scope(wanted.team, wanted.agent_id)
    done = state.writer.call(_add, who.key_id, url, secret, scope, wanted.severity)
    return MadeWebhook(webhook_id=await asyncio.wrap_future(done), secret=secret)


@router.get("/v1/webhooks", summary="Where alerts are sent to")
async def listing(request: Request) -> dict[str, Any]:
    """Return the webhooks in use, without their secrets, and how much waits for them."""
    state = state_of(request)

    def read() -> tuple[list[Webhook], int]:
        with state.database.read() as connection:
            return webhooks.active(connection), webhooks.waiting(connection)

    found, waiting = await asyncio.to_thread(read)
    return {"webhooks": [_shown(one) for one in found], "waiting": waiting}


@router.delete(
    "/v1/webhooks/{webhook_id}",
    status_code=204,
    summary="Send nothing more to a webhook",
    responses=problem(404, "No such webhook in use."),
)
async def disable(request: Request, webhook_id: Number) -> None:
    """End a webhook; what waits for it is not sent."""
    state, who = state_of(request), await caller(request, state_of(request))
    done = state.writer.call(_disable, who.key_id, webhook_id)
    if not await asyncio.wrap_future(done):
        raise Refused(404)


@router.get("/v1/webhooks/dead", summary="Deliveries that were given up, the latest first")
async def dead(request: Request) -> dict[str, Any]:
    """Return what was tried in vain for more than half a day, with the last answer."""
    state = state_of(request)

    def read() -> list[DeadLetter]:
        with state.database.read() as connection:
            return webhooks.dead(connection)

    return {"deliveries": [msgspec.to_builtins(one) for one in await asyncio.to_thread(read)]}


@router.post(
    "/v1/webhooks/deliveries/{delivery_id}/redeliver",
    status_code=202,
    summary="Deliver once more",
    responses=problem(404, "No such delivery."),
)
async def redeliver(request: Request, delivery_id: Number) -> dict[str, int]:
    """Send an alert again, whatever became of it before; its idempotency key stays the same."""
    state, who = state_of(request), await caller(request, state_of(request))
    done = state.writer.call(_redeliver, who.key_id, delivery_id)
    if not await asyncio.wrap_future(done):
        raise Refused(404)
    services_of(request).sender.wake()
    return {"delivery_id": delivery_id}


def _add(
    connection: Connection, actor: str, url: str, secret: str, scope: Scope, severity: Severity
) -> int:
    webhook_id = webhooks.add(connection, url, secret, scope=scope, severity=severity)
    # The host and not the path: that often is a secret of the receiver's.
    after = {"host": url.split("/")[2], "team": scope.team, "agent_id": scope.agent_id}
    audit.record(connection, actor, "webhook.add", str(webhook_id), after=after)
    return webhook_id


def _disable(connection: Connection, actor: str, webhook_id: int) -> bool:
    if all(one.webhook_id != webhook_id for one in webhooks.active(connection)):
        return False
    webhooks.disable(connection, webhook_id)
    audit.record(connection, actor, "webhook.disable", str(webhook_id))
    return True


def _redeliver(connection: Connection, actor: str, delivery_id: int) -> bool:
    found = webhooks.redeliver(connection, delivery_id)
    if found:
        audit.record(connection, actor, "webhook.redeliver", str(delivery_id))
    return found


def _shown(one: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": one.webhook_id,
        "url": one.url,
        "team": one.scope.team,
        "agent_id": one.scope.agent_id,
        "severity": one.severity,
    }
