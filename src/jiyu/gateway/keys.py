"""Keys: made, listed and ended by admins.  A key is shown once, when it is made."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from jiyu.gateway.auth import caller, services_of, state_of
from jiyu.gateway.documented import KEYED, problem
from jiyu.gateway.limits import StrictRoute
from jiyu.gateway.problems import Refused
from jiyu.store import audit, keys
from jiyu.store.keys import Key, Role
from jiyu.store.scope import Scope

#: What a database takes as a name: no control characters, PostgreSQL knows no NUL.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]

router = APIRouter(tags=["administration"], route_class=StrictRoute, responses=KEYED)


class NewKey(BaseModel):
    """What a key is to allow.

    Attributes:
        team: Limits it to a team's data.
        agent_id: Whose data an ``agent`` sees; no other role has it.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"role": "supervisor", "label": "墙上", "team": "一组"}]},
    )

    role: Role
    label: Name
    team: Name | None = None
    agent_id: Name | None = None

    @model_validator(mode="after")
    def _sensible(self) -> NewKey:
        wrong = wrong_scope(self.role, Scope(self.team, self.agent_id))
        if wrong:
            raise ValueError(wrong)
        return self


class MadeKey(BaseModel):
    """A new key; ``key`` is never shown again."""

    key_id: str
    key: str


def wrong_scope(role: Role, scope: Scope) -> str | None:
    """Say why a role cannot have a scope; ``None`` if it can."""
    if (role == "agent") != (scope.agent_id is not None):
        return "an agent's key has an agent_id, no other has"
    if role == "admin" and scope.team is not None:
        return "an admin is not limited to a team"
    return None


@router.post(
    "/v1/keys",
    status_code=201,
    summary="Make a key",
    responses=problem(422, "No such role, or it cannot have this scope."),
)
async def create(request: Request, wanted: NewKey) -> MadeKey:
    """Make a key and show it, this once."""
    state, who = state_of(request), await caller(request, state_of(request))
    scope = Scope(wanted.team, wanted.agent_id)
    made = state.writer.call(make, who.key_id, wanted.role, wanted.label, scope)
    key = await asyncio.wrap_future(made)
    return MadeKey(key_id=key.split("_")[1], key=key)


@router.get("/v1/keys", summary="All keys, revoked ones too")
async def listing(request: Request) -> dict[str, Any]:
    """Return what is known of each key; the key itself is not."""
    state = state_of(request)

    def read() -> list[Key]:
        with state.database.read() as connection:
            return keys.listing(connection)

    return {"keys": [shown(key) for key in await asyncio.to_thread(read)]}


@router.delete(
    "/v1/keys/{key_id}",
    status_code=204,
    summary="End a key",
    responses=problem(404, "No such key, or it has ended."),
)
async def revoke(request: Request, key_id: str) -> None:
    """End a key, in all processes within seconds."""
    state, who = state_of(request), await caller(request, state_of(request))
    if not key_id.isalnum() or not key_id.isascii():
        raise Refused(404)
    if not await asyncio.wrap_future(state.writer.call(end, who.key_id, key_id)):
        raise Refused(404)
    services_of(request).keys.forget(key_id)


def make(connection: Connection, actor: str, role: Role, label: str, scope: Scope) -> str:
    """Make a key and note who made it.

    Raises:
        StoreError: The role cannot have this scope.
    """
    key = keys.create(connection, role, label, scope)
    after = {"role": role, "team": scope.team, "agent_id": scope.agent_id, "label": label}
    audit.record(connection, actor, "key.create", key.split("_")[1], after=after)
    return key


def end(connection: Connection, actor: str, key_id: str) -> bool:
    """End a key and note who ended it; false if there is none."""
    ended = keys.revoke(connection, key_id)
    if ended:
        audit.record(connection, actor, "key.revoke", key_id)
    return ended


def shown(key: Key) -> dict[str, Any]:
    """Return a key as it is listed."""
    return {
        "key_id": key.key_id,
        "role": key.role,
        "team": key.scope.team,
        "agent_id": key.scope.agent_id,
        "label": key.label,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
