"""``POST /v1/messages``: may this be sent?

A message is judged as the last turn of a conversation: of the turns that come with it, or of the
live conversation that it names.  Only what is wrong with this message counts; what a conversation
lacks as a whole is judged at its end.  Nothing is stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jiyu.checker import Checker
from jiyu.formats.canonical import reason_of
from jiyu.gateway.auth import caller, state_of
from jiyu.gateway.context import context_of
from jiyu.gateway.limits import strict_json
from jiyu.gateway.lines import ID_LIMIT
from jiyu.gateway.problems import Refused
from jiyu.gateway.settings import Settings
from jiyu.gateway.state import State
from jiyu.model import SEVERITIES, Channel, Facts, Finding, Segment, Speaker, Turn, at_least
from jiyu.session.masking import masked_finding

Decision = Literal["allow", "warn", "block"]
#: Messages judged before others get their turn.
_AT_ONCE = 4
#: Turns before a message that can matter to it.
_CONTEXT = 12
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LIMIT)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that is about to be sent.

    Attributes:
        context: The turns before it, the latest last; goes before what is known of the
            conversation.
    """

    text: str
    speaker: Speaker = "agent"
    channel: Channel = "chat"
    conversation_id: _Id | None = None
    context: tuple[Turn, ...] | None = None


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    messages: tuple[Message, ...]


class Judged(msgspec.Struct, frozen=True):
    """What to do with a message.

    Attributes:
        decision: ``block`` from the policy's severity for the channel on, ``warn`` below it.
        suggestion: What the norm says in this situation, where it does.
    """

    decision: Decision
    findings: tuple[Finding, ...]
    suggestion: str | None


class _Results(msgspec.Struct, frozen=True):
    results: list[Judged]


_encoder = msgspec.json.Encoder()


def judged(checker: Checker, message: Message, context: Sequence[Turn]) -> Judged:
    """Judge a message after some turns.

    Args:
        checker: The policy.
        message: What is about to be sent.
        context: The turns before it.
    """
    session = checker.open(message.conversation_id or "", Facts(channel=message.channel))
    for number, turn in enumerate(context):
        session.feed(_segment(str(number), turn))
    last = len(context)
    alerts = session.feed(Segment("message", message.text, message.speaker))
    turns = session.turns
    findings = tuple(
        masked_finding(turns, alert.finding)
        for alert in alerts
        if alert.type in ("raised", "updated")
        and (alert.finding.turn == last or any(s.turn == last for s in alert.finding.spans))
    )
    if not findings:
        return _ALLOWED
    return _decided(checker, message.channel, findings)


_ALLOWED = Judged("allow", (), None)


def _decided(checker: Checker, channel: Channel, findings: tuple[Finding, ...]) -> Judged:
    bar = getattr(checker.policy.header.blocking, channel)
    # What never deducts is advice, and holds nobody up.
    wrong = sorted(
        (f for f in findings if f.kind == "violation"),
        key=lambda f: -SEVERITIES.index(f.severity),
    )
    if not wrong:
        return Judged("allow", findings, None)
    blocked = bar != "never" and at_least(wrong[0].severity, bar)
    instead = _instead(checker)
    suggestion = next((instead[f.rule] for f in wrong if instead.get(f.rule)), None)
    return Judged("block" if blocked else "warn", findings, suggestion)


@lru_cache(maxsize=8)
def _instead(checker: Checker) -> dict[str, str]:
    return {rule.id: rule.instead for rule in checker.policy.rules}


def _segment(name: str, turn: Turn) -> Segment:
    return Segment(
        name, turn.text, turn.speaker, turn.start, turn.end, turn.at, turn.tags, final=True
    )


async def judge(request: Request) -> Response:
    """Judge one message, or many at once."""
    state = state_of(request)
    who = await caller(request, state)
    raw = await request.body()
    single, messages = _read(raw)
    _check(messages, state.settings)
    checker = state.current.checker
    results: list[Judged] = []
    for number, message in enumerate(messages):
        if number and number % _AT_ONCE == 0:
            await asyncio.sleep(0)
        context = message.context
        if context is None and message.conversation_id is not None:
            context = await context_of(state, message.conversation_id, who.scope)
        results.append(_timed(state, checker, message, (context or ())[-_CONTEXT:]))
    answer: object = results[0] if single else _Results(results)
    return Response(_encoder.encode(answer), media_type="application/json")


def _timed(state: State, checker: Checker, message: Message, context: Sequence[Turn]) -> Judged:
    begun = time.perf_counter()
    result = judged(checker, message, context)
    state.metrics.observe("judge_seconds", time.perf_counter() - begun, "message")
    state.metrics.message(result.decision)
    return result


def _read(raw: bytes) -> tuple[bool, tuple[Message, ...]]:
    """Read a body.

    Raises:
        Refused: It is neither a message nor a batch.
    """
    body = strict_json(raw)
    try:
        if isinstance(body, dict) and "messages" in body:
            return False, msgspec.convert(body, _Batch).messages
        return True, (msgspec.convert(body, Message),)
    except msgspec.ValidationError as error:
        what, _, place = reason_of(error).partition(" - at ")
        raise Refused(422, what, place=place.strip("`").removeprefix("$.") or None) from None


def _check(messages: Sequence[Message], settings: Settings) -> None:
    """Refuse what is too long, with its place.

    Raises:
        Refused: So it is.
    """
    if len(messages) > settings.turns_limit:
        raise Refused(413, "too many messages", place="messages")
    for i, message in enumerate(messages):
        at = f"messages[{i}]." if len(messages) > 1 else ""
        if len(message.text) > settings.text_limit:
            raise Refused(413, "the text is too long", place=f"{at}text")
        for j, turn in enumerate(message.context or ()):
            if len(turn.text) > settings.text_limit:
                raise Refused(413, "the text is too long", place=f"{at}context[{j}].text")
        if len(message.context or ()) > settings.turns_limit:
            raise Refused(413, "too many turns", place=f"{at}context")


routes = [Route("/v1/messages", judge, methods=["POST"])]
