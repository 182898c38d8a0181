"""vCon: critical extensions, bodies, parties and what happened in the call."""

from __future__ import annotations

from typing import Any

import pytest

from reading import faults, one, turns
from samples import dumped

PARTIES = [{"name": "小林", "role": "agent"}, {"name": "王", "meta": {"role": "customer"}}]


def vcon(*dialog: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a vCon of two parties."""
    return {"uuid": "u", "parties": PARTIES, "dialog": list(dialog), **more}


def text(body: str, **more: Any) -> dict[str, Any]:
    """Return a dialog of type text."""
    return {
        "type": "text",
        "start": "2026-03-02T09:14:05+08:00",
        "parties": [0, 1],
        "body": body,
        **more,
    }


def test_unknown_critical_extension_is_refused() -> None:
    """It may change what everything else means."""
    ((_, message),) = faults(dumped(vcon(text("x"), critical=["redactor"])))
    assert message == "a critical extension is not known - at `$.critical`"


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        ("5oKo5aW9", "base64url", "您好"),
        ("[图片]", "none", "[图片]"),
        ('"您好"', "json", "您好"),
        ("您好", None, "您好"),
    ],
)
def test_bodies_are_decoded(body: str, encoding: str | None, said: str) -> None:
    """Each encoding of the draft is undone."""
    assert [t[2] for t in turns(vcon(text(body, encoding=encoding)))] == [said]


@pytest.mark.parametrize(("body", "encoding"), [("5o", "base64url"), ("{", "json")])
def test_damaged_body_is_told(body: str, encoding: str) -> None:
    """A body that is not what it says is no empty turn."""
    assert len(faults(dumped(vcon(text(body, encoding=encoding))))) == 1


def test_sender_is_the_originator_or_the_first_party() -> None:
    """Roles stand beside the name or in its meta data."""
    found = turns(
        vcon(text("a", originator=1), text("b"), text("c", parties=1), text("d", parties=9))
    )
    assert [speaker for speaker, *_ in found] == ["customer", "agent", "customer", "other"]


def test_call_tells_who_hung_up() -> None:
    """The first who drops hung up; holds and transfers are events."""
    history = [
        {"party": 1, "event": "hold", "time": "2026-03-02T09:15:00+08:00"},
        {"party": 1, "event": "unhold", "time": "2026-03-02T09:16:00+08:00"},
        {"party": 0, "event": "drop", "time": "2026-03-02T09:17:00+08:00"},
        {"party": 1, "event": "drop", "time": "2026-03-02T09:17:01+08:00"},
    ]
    recording = {
        "type": "recording",
        "start": "2026-03-02T09:14:05+08:00",
        "party_history": history,
    }
    said = {
        "type": "transcript",
        "body": {"segments": [{"speaker": "agent", "text": "您好", "start": 0.5, "end": 1}]},
    }
    found = one(vcon(recording, {"type": "transfer"}, analysis=[said]))
    assert [(e.type, e.by) for e in found.events] == [
        ("hold", "customer"), ("resume", "customer"), ("hangup", "agent"), ("transfer", None),
    ]  # fmt: skip
    assert found.capabilities == ("timestamps", "hangup_party")
    assert found.started_at == "2026-03-02T09:14:05+08:00"


@pytest.mark.parametrize(
    "body",
    [
        "您好",
        {"transcript": "您好"},
        {"transcript": {"text": "您好"}},
        [{"role": "agent", "transcript": "您好"}],
    ],
)
def test_transcripts_of_any_vendor(body: Any) -> None:
    """Vendors write transcripts in forms of their own."""
    recording = {"type": "recording", "parties": [0]}
    found = one(vcon(recording, analysis=[{"type": "transcript", "body": body}]))
    assert [t.text for t in found.turns] == ["您好"]
