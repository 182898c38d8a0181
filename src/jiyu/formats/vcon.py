"""vCon: a conversation as the IETF's drafts describe it.

Read: 0.0.1 to 0.4.0; sixteen published vCons were seen, half of them without a version.  The
model is an own one, because the ``vcon`` package is capped on Python 3.11 and depends on
pytest.  An unknown entry in ``critical`` must be refused.  What was said stands in dialogs of
type ``text``, or, for recordings, in an analysis of type ``transcript``; a file behind an
address is not fetched.  ``party_history`` tells who hung up, and holds.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

from jiyu.errors import InputError
from jiyu.formats.build import LABEL, in_order, label_of, rest, shaped, spoken, turn
from jiyu.formats.jsonsource import parse
from jiyu.formats.roles import role_of
from jiyu.formats.source import refused
from jiyu.formats.times import moment, seconds
from jiyu.model import Conversation, Event, Turn

#: Extensions that change nothing in how the text is read.
_KNOWN_CRITICAL = frozenset({"CC", "WTF", "lifecycle"})
_HISTORY = {"hold": "hold", "unhold": "resume", "drop": "hangup"}


class _Meta(msgspec.Struct):
    role: str | None = None


class _Party(msgspec.Struct):
    role: str | None = None
    name: str | None = None
    meta: _Meta | None = None


class _Change(msgspec.Struct):
    party: int | None = None
    event: str | None = None
    time: str | None = None


class _Dialog(msgspec.Struct):
    type: str | None = None
    start: str | float | None = None
    parties: Any = None
    originator: int | None = None
    mediatype: str | None = None
    encoding: str | None = None
    body: Any = None
    party_history: list[_Change] | None = None


class _Analysis(msgspec.Struct):
    type: str | None = None
    encoding: str | None = None
    body: Any = None


class _Said(msgspec.Struct):
    speaker: str | float | None = None
    role: str | None = None
    text: str | None = None
    message: str | None = None
    transcript: str | None = None
    start: float | None = None
    end: float | None = None


class _VCon(msgspec.Struct):
    uuid: str | None = None
    parties: list[_Party] = []
    dialog: list[_Dialog] = []
    analysis: list[_Analysis] = []
    critical: list[str] = []


def is_vcon(value: Any) -> bool:
    """Recognise a vCon, with or without its version."""
    return "vcon" in value or {"uuid", "parties", "dialog"} <= value.keys()


def read_vcon(value: Any, name: str) -> Iterator[Conversation]:
    """Yield the conversation of a vCon."""
    vcon = shaped(value, _VCon)
    if not _KNOWN_CRITICAL.issuperset(vcon.critical):
        raise refused("a critical extension is not known - at `$.critical`")
    labels = [(p.role or (p.meta.role if p.meta else None), p.name) for p in vcon.parties]
    typed: list[Turn] = []
    events: list[Event] = []
    for dialog in vcon.dialog:
        if dialog.type == "text":
            typed += _typed(dialog, labels)
        elif dialog.type == "transfer":
            events.append(Event("transfer", _at(dialog.start)))
        events += _history(dialog.party_history or (), labels)
    heard = [] if typed else [t for a in vcon.analysis if a.type == "transcript" for t in _heard(a)]
    hung_up = ("hangup_party",) if any(e.type == "hangup" for e in events) else ()
    read = spoken(
        vcon.uuid or name,
        typed or in_order(heard),
        _leftover(value),
        *(("timestamps", "verbatim_fillers") if typed else ()),
        *hung_up,
        channel="chat" if typed else "phone",
    )
    starts = sorted(at for d in vcon.dialog if (at := _at(d.start)))
    yield msgspec.structs.replace(
        read, started_at=starts[0] if starts else None, events=tuple(events)
    )


def _at(value: str | float | None) -> str | None:
    """Return a date of the draft; older drafts allowed seconds since 1970."""
    return value if isinstance(value, str) else moment(value)


def _leftover(value: Any) -> dict[str, Any]:
    """Return everything but what is said, which stands in the turns."""
    dialogs = [
        {k: v for k, v in d.items() if k not in ("body", "party_history")}
        for d in value.get("dialog") or ()
    ]
    others = [a for a in value.get("analysis") or () if a.get("type") != "transcript"]
    kept = {"parties": value.get("parties"), "dialog": dialogs, "analysis": others}
    return rest(value, _VCon) | {k: v for k, v in kept.items() if v}


def _typed(dialog: _Dialog, labels: list[tuple[str | None, str | None]]) -> Iterator[Turn]:
    body = _body(dialog.body, dialog.encoding)
    if not isinstance(body, str):
        return
    parties = dialog.parties if isinstance(dialog.parties, list) else [dialog.parties]
    first = parties[0] if parties else None
    who = dialog.originator if dialog.originator is not None else first
    known = isinstance(who, int) and 0 <= who < len(labels)
    role, name = labels[who] if known else (None, None)  # type: ignore[index]
    label = role or name or label_of(who if isinstance(who, int) else None)
    kept = {} if label is None else {LABEL: label}
    if name and name != label:
        kept["name"] = name
    if body.strip():
        yield Turn(body.strip(), role_of(role), at=_at(dialog.start), metadata=kept)


def _history(changes: Any, labels: list[tuple[str | None, str | None]]) -> Iterator[Event]:
    """Yield holds, and who was the first to leave."""
    left = False
    for change in changes:
        kind = _HISTORY.get(change.event or "")
        if kind is None or (kind == "hangup" and left):
            continue
        left = left or kind == "hangup"
        known = change.party is not None and 0 <= change.party < len(labels)
        yield Event(kind, change.time, role_of(labels[change.party][0]) if known else None)


def _heard(analysis: _Analysis) -> Iterator[Turn]:
    """Yield the turns of a transcript, which every vendor writes in a form of his own."""
    body = _body(analysis.body, analysis.encoding)
    if isinstance(body, dict):
        inner = next((body[k] for k in ("segments", "messages", "turns") if k in body), None)
        body = inner or body.get("transcript") or body.get("text")
        body = body.get("text") if isinstance(body, dict) else body
    if isinstance(body, str):
        yield from turn(body, None)
    for raw in body if isinstance(body, list) else ():
        said = shaped(raw, _Said)
        label = label_of(said.role or said.speaker)
        yield from turn(
            said.message or said.text or said.transcript,
            label,
            rest(raw, _Said),
            start=seconds(said.start),
            end=seconds(said.end),
        )


def _body(body: Any, encoding: str | None) -> Any:
    """Undo the encoding of a body.

    Raises:
        InputError: It is not what its encoding says.
    """
    if not isinstance(body, str):
        return body
    if encoding == "base64url":
        try:
            return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
        except (binascii.Error, ValueError):
            raise refused("a body is not what its encoding says - at `$.dialog`") from None
    if encoding == "json":
        try:
            return parse(body.encode("utf-8", "replace"))
        except InputError:
            raise refused("a body is not what its encoding says - at `$.dialog`") from None
    return body
