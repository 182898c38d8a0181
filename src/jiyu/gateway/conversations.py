"""``/v1/conversations``: whole conversations assessed, looked up and erased."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from jiyu.errors import InputError, StoreError, StoreUnavailable
from jiyu.formats import canonical
from jiyu.gateway import schemas
from jiyu.gateway.audit import audited
from jiyu.gateway.auth import Caller, caller, state_of, within
from jiyu.gateway.limits import strict_json
from jiyu.gateway.lines import ID_LIMIT
from jiyu.gateway.problems import Refused
from jiyu.gateway.state import State
from jiyu.gateway.taking import may_write
from jiyu.model import Assessment, Conversation
from jiyu.store import conversations, records, retention
from jiyu.store.conversations import Cursor, Summary
from jiyu.store.records import Record
from jiyu.store.scope import Scope

router = APIRouter(tags=["conversations"])
_JSON = "application/json"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ProblemOut, "description": said}
    for code, said in {
        401: "No key, or a wrong one.",
        403: "The key's role does not allow it.",
        422: "Something about it is wrong; `place` says where.",
        429: "Too many requests; `Retry-After` says when.",
        503: "The store cannot be reached; nothing was done, try again.",
    }.items()
}
_ABSENT: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.ProblemOut, "description": "It is not there, or not yours to see."}
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {_JSON: {"schema": {"$ref": "#/components/schemas/ConversationIn"}}},
    }
}


@router.post(
    "/v1/conversations",
    response_model=schemas.AssessmentOut,
    responses=_PROBLEMS
    | {
        409: {"model": schemas.ProblemOut, "description": "It is being judged live."},
        413: {"model": schemas.ProblemOut, "description": "It is too long."},
    },
    openapi_extra=_BODY,
    summary="Assess a whole conversation",
)
async def assess(
    request: Request,
    store: Annotated[bool, Query(description="Keep transcript and assessment.")] = True,
) -> Response:
    """Judge a conversation as a whole and, unless told otherwise, keep it.

    The same conversation again, judged by the same policy, replaces what was kept.
    """
    state = state_of(request)
    who = await caller(request, state)
    conversation = _own(_read(await request.body()), who.scope)
    _check(conversation, state)
    checker = state.current.checker
    begun = time.perf_counter()
    # Long ones would keep every socket waiting.
    assessment = await asyncio.to_thread(checker.assess, conversation)
    state.metrics.observe("judge_seconds", time.perf_counter() - begun, "conversation")
    state.metrics.count("conversations", "batch")
    if not store:
        return Response(msgspec.json.encode(assessment), media_type=_JSON)
    payload = await _keep(state, who, conversation, assessment)
    return Response(payload, media_type=_JSON)


async def _keep(
    state: State, who: Caller, conversation: Conversation, assessment: Assessment
) -> bytes:
    record = Record.of(conversation, assessment, state.current.checker.policy.header.zone)
    try:
        kept = await asyncio.wrap_future(state.writer.call(_ingest, record, who.scope))
    except StoreUnavailable:
        raise
    except StoreError:
        raise Refused(409, "the conversation is being judged live") from None
    if not kept:
        raise Refused(404)
    return record.payload


def _ingest(connection: Connection, record: Record, scope: Scope) -> bool:
    """Store a conversation unless another's stands under its id."""
    known = conversations.summary(connection, record.assessment.conversation_id)
    if known is not None and not may_write(scope, Scope(known.team, known.agent_id)):
        return False
    records.ingest(connection, [record])
    return True


@router.get(
    "/v1/conversations",
    response_model=schemas.PageOut,
    responses=_PROBLEMS,
    summary="List conversations, the latest first",
)
async def listing(
    request: Request,
    team: Annotated[str | None, Query(max_length=ID_LIMIT)] = None,
    agent_id: Annotated[str | None, Query(max_length=ID_LIMIT)] = None,
    state: Literal["open", "closed"] | None = None,
    since: Annotated[float | None, Query(description="Seconds since 1970.")] = None,
    until: float | None = None,
    after: Annotated[
        str | None, Query(max_length=1000, description="`next` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """List what the key may see."""
    here = state_of(request)
    scope = _narrowed((await caller(request, here)).scope, team, agent_id)
    if scope is None:
        return _page([], None)
    before = None if after is None else _cursor(after)

    def read() -> list[Summary]:
        with here.database.read() as connection:
            return conversations.page(
                connection,
                scope=scope,
                since=since,
                until=until,
                state=state,
                before=before,
                limit=limit + 1,
            )

    found = await asyncio.to_thread(read)
    more = _token(conversations.cursor(found[limit - 1])) if len(found) > limit else None
    return _page(found[:limit], more)


@router.get(
    "/v1/conversations/{conversation_id}",
    response_model=schemas.ConversationOut,
    responses=_PROBLEMS | _ABSENT,
    summary="Summary, assessment and transcript of a conversation",
)
async def one(request: Request, conversation_id: str) -> Response:
    """Return what is stored of a conversation; that it was read is noted."""
    here = state_of(request)
    who = await caller(request, here)

    def read() -> tuple[Summary, bytes | None, bytes | None] | None:
        with here.database.read() as connection:
            summary = conversations.summary(connection, conversation_id, who.scope)
            if summary is None:
                return None
            assessment = conversations.assessment(connection, conversation_id)
            return summary, assessment, conversations.transcript(connection, conversation_id)

    found = None if "\0" in conversation_id else await asyncio.to_thread(read)
    if found is None:
        raise Refused(404)
    summary, assessment, transcript = found
    await audited(here, who, "conversation.read", conversation_id)
    answer = b'{"summary":%b,"assessment":%b,"transcript":%b}' % (
        msgspec.json.encode(_line(summary)),
        assessment or b"null",
        transcript or b"null",
    )
    return Response(answer, media_type=_JSON)


@router.delete(
    "/v1/conversations/{conversation_id}",
    status_code=204,
    response_class=Response,
    responses=_PROBLEMS | _ABSENT,
    summary="Erase a conversation",
)
async def erase(request: Request, conversation_id: str) -> Response:
    """Remove every trace of a conversation but an audit entry; what is judged live ends."""
    here = state_of(request)
    who = await caller(request, here)
    known = "\0" not in conversation_id
    gone = known and await asyncio.wrap_future(
        here.writer.call(_erase, conversation_id, who.key_id, who.scope)
    )
    if not gone:
        raise Refused(404)
    here.hub.erased(conversation_id)
    with contextlib.suppress(StoreUnavailable):
        # What is deleted is overwritten already; this empties the log and shortens the file.
        await asyncio.to_thread(retention.scrub, here.database)
    return Response(status_code=204)


def _erase(connection: Connection, conversation_id: str, actor: str, scope: Scope) -> bool:
    if conversations.summary(connection, conversation_id, scope) is None:
        return False
    return retention.erase(connection, conversation_id, actor)


def _read(raw: bytes) -> Conversation:
    """Read a body.

    Raises:
        Refused: It is no conversation.
    """
    strict_json(raw)
    try:
        return canonical.decode(canonical.Line("-", None, raw))
    except InputError as error:
        what, _, place = error.problems[0].message.partition(" - at ")
        raise Refused(422, what, place=place.strip("`").removeprefix("$.") or None) from None


def _own(conversation: Conversation, scope: Scope) -> Conversation:
    """Fill in whose it is by the key, which may not claim another's.

    Raises:
        Refused: It does.
    """
    said = Scope(conversation.team, conversation.agent_id)
    filled = Scope(said.team or scope.team, said.agent_id or scope.agent_id)
    if not within(scope, team=filled.team, agent_id=filled.agent_id):
        raise Refused(403, "team or agent_id is not this key's")
    return msgspec.structs.replace(conversation, team=filled.team, agent_id=filled.agent_id)


def _check(conversation: Conversation, state: State) -> None:
    limits = state.settings
    name = conversation.conversation_id
    if len(name) > ID_LIMIT or "\0" in f"{name}{conversation.team}{conversation.agent_id}":
        raise Refused(422, f"1 to {ID_LIMIT} characters, no NUL", place="conversation_id")
    if len(conversation.turns) > limits.turns_limit:
        raise Refused(413, "too many turns", place="turns")
    for number, turn in enumerate(conversation.turns):
        if len(turn.text) > limits.text_limit:
            raise Refused(413, "the text is too long", place=f"turns[{number}].text")


def _narrowed(scope: Scope, team: str | None, agent_id: str | None) -> Scope | None:
    """Return what is asked for within what the key may see; ``None`` is nothing."""
    if team is not None and scope.team not in (None, team):
        return None
    if agent_id is not None and scope.agent_id not in (None, agent_id):
        return None
    return Scope(team or scope.team, agent_id or scope.agent_id)


def _line(summary: Summary) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(summary)
    del said["owner"]
    return said | {"state": summary.state}


def _page(found: list[Summary], more: str | None) -> Response:
    answer = {"conversations": [_line(one) for one in found], "next": more}
    return Response(msgspec.json.encode(answer), media_type=_JSON)


def _token(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def _cursor(token: str) -> Cursor:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise Refused(422, "no place in a list", place="after") from None
