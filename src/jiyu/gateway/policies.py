"""Policies: sent, validated with their own examples, stored by digest, and activated for all.

What is activated here is taken up by the other processes within seconds, as they look into the
store; what they judge already goes on by the policy it began with.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import fastapi
from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import Connection

from jiyu.errors import JiyuError, PolicyError, StoreUnavailable
from jiyu.gateway import logs
from jiyu.gateway.auth import caller, services_of, state_of
from jiyu.gateway.documented import KEYED, Responses, problem
from jiyu.gateway.limits import StrictRoute
from jiyu.gateway.problems import Refused
from jiyu.gateway.uploads import files_of, write
from jiyu.gateway.validate import validate
from jiyu.model import PolicyRef
from jiyu.store import audit, policies
from jiyu.store.policies import Activation, StoredPolicy

if TYPE_CHECKING:
    from jiyu.gateway.services import Services
    from jiyu.gateway.state import State

_LOOK = 1.0
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "object", "additionalProperties": {"type": "string"}}
                    },
                },
                "example": {"files": {"policy.yaml": "name: …", "rules/own.yaml": "rules: …"}},
            },
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_UNUSABLE = problem(422, "It cannot be used; `problems` says all that is wrong and where.")
_REFUSED: Responses = {
    **problem(413, "Too large."),
    **problem(415, "Neither JSON nor zip."),
    **_UNUSABLE,
}

router = APIRouter(tags=["policies"], route_class=StrictRoute, responses=KEYED)

Digest = Annotated[str, fastapi.Path(pattern=r"^[0-9a-f]{64}$")]


class Added(BaseModel):
    """A policy that can be activated."""

    name: str
    version: str
    digest: str
    added: bool


@router.post(
    "/v1/policies",
    status_code=201,
    summary="Add a policy",
    openapi_extra=_BODY,
    responses=_REFUSED,
)
async def add(request: Request) -> Added:
    """Validate a policy and store it; nothing is judged by it before it is activated."""
    state, who = state_of(request), await caller(request, state_of(request))
    body = await request.body()
    kind = request.headers.get("content-type", "")
    files = files_of(kind, body, 2 * state.settings.policy_limit)
    ref = await _validated(services_of(request), files)
    done = state.writer.call(_add, ref, files, who.key_id)
    added = await asyncio.wrap_future(done)
    return Added(name=ref.name, version=ref.version, digest=ref.digest, added=added)


@router.get("/v1/policies", summary="All policies, and which one judges")
async def listing(request: Request) -> dict[str, Any]:
    """Return every policy that was added, and what was activated when."""
    state = state_of(request)

    def read() -> tuple[list[StoredPolicy], list[Activation]]:
        with state.database.read() as connection:
            return policies.listing(connection), policies.history(connection, limit=20)

    found, history = await asyncio.to_thread(read)
    active = history[0].digest if history else None
    return {
        "active": active,
        "judging": state.current.checker.policy.digest,
        "policies": [_shown(one, active) for one in found],
        "history": [_activation(one) for one in history],
    }


@router.post(
    "/v1/policies/{digest}/activate",
    summary="Let a policy judge all that begins from now on",
    responses=problem(404, "No policy has this digest.") | _UNUSABLE,
)
async def activate(request: Request, digest: Digest) -> dict[str, Any]:
    """Validate a stored policy once more, as jiyu may have changed, and activate it."""
    state, who = state_of(request), await caller(request, state_of(request))

    def read() -> dict[str, bytes]:
        with state.database.read() as connection:
            return policies.files(connection, digest)

    files = await asyncio.to_thread(read)
    if not files:
        raise Refused(404)
    await _validated(services_of(request), files)
    # Compiled before it is active anywhere: what cannot be compiled here must not be.
    checker = await asyncio.to_thread(state.current.by_digest, digest)
    done = state.writer.call(_activate, digest, who.key_id)
    before = await asyncio.wrap_future(done)
    state.current.activate(checker)
    state.metrics.count("policy_changes", "activated")
    return {"active": digest, "before": before}


async def reload(state: State) -> bool:
    """Read the policy from disk anew, as ``SIGHUP`` asks for; a bad one changes nothing.

    Returns:
        Whether it judges now.
    """
    try:
        await state.reload()
    except JiyuError as error:
        # Its author's words stay out of the log too: ``jiyu lint`` shows them.
        logs.log.error("policy.refused", error=type(error).__name__, problems=len(error.problems))
        state.metrics.count("policy_changes", "refused")
        return False
    digest = state.current.checker.policy.digest
    logs.log.info("policy.reloaded", digest=digest)
    state.metrics.count("policy_changes", "reloaded")
    state.writer.call(audit.record, "SIGHUP", "policy.reload", digest)
    return True


async def follow(state: State) -> None:
    """Take up what other processes have activated, as long as this one lives.

    Raises:
        StoreUnavailable: Later, then.
    """
    refused: str | None = None
    while True:
        await asyncio.sleep(_LOOK)
        try:
            if await asyncio.to_thread(state.current.follow):
                logs.log.info("policy.followed", digest=state.current.checker.policy.digest)
                state.metrics.count("policy_changes", "followed")
        except StoreUnavailable:
            raise
        except PolicyError as error:
            if refused != str(error):
                refused = str(error)
                logs.failed("policy.not_followed", error)


async def _validated(services: Services, files: dict[str, bytes]) -> PolicyRef:
    async with services.validating:
        with tempfile.TemporaryDirectory(prefix="jiyu-policy-") as folder:
            write(files, Path(folder))
            return await validate(Path(folder))


def _add(connection: Connection, ref: PolicyRef, files: dict[str, bytes], actor: str) -> bool:
    added = policies.add(connection, ref, files, actor)
    if added:
        after = {"name": ref.name, "version": ref.version}
        audit.record(connection, actor, "policy.add", ref.digest, after=after)
    return added


def _activate(connection: Connection, digest: str, actor: str) -> str | None:
    before = policies.activate(connection, digest, actor)
    known = None if before is None else before.digest
    audit.record(connection, actor, "policy.activate", digest, before=known, after=digest)
    return known


def _shown(one: StoredPolicy, active: str | None) -> dict[str, Any]:
    return {
        "name": one.ref.name,
        "version": one.ref.version,
        "digest": one.ref.digest,
        "added_by": one.added_by,
        "added_at": one.added_at,
        "active": one.ref.digest == active,
    }


def _activation(one: Activation) -> dict[str, Any]:
    return {"digest": one.digest, "by": one.activated_by, "at": one.activated_at}
