"""Chat systems: a message is created, edited (it comes again) or taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from jiyu.formats.dialects.base import Json, child, text_of
from jiyu.model import Segment, Speaker


class Chatwoot:
    """Webhooks of one conversation; private notes are not part of it."""

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield a message of ``message_created`` and ``message_updated``."""
        event, name = message.get("event"), message.get("id")
        if event not in ("message_created", "message_updated") or name is None:
            return
        if message.get("private") is True:
            return
        deleted = child(message, "content_attributes").get("deleted") is True
        yield Segment(
            str(name),
            text_of(message.get("content")),
            _SIDES.get(str(message.get("message_type")), "system"),
            at=_moment(message.get("created_at")),
            withdrawn=deleted,
        )


_SIDES: dict[str, Speaker] = {
    "incoming": "customer",
    "outgoing": "agent",
    "0": "customer",
    "1": "agent",
}


class WeCom:
    """The message archive of WeCom; what was taken back names the message that it was."""

    def read(self, message: Json) -> Iterator[Segment]:
        """Yield text messages and what was taken back."""
        revoked = child(message, "revoke").get("pre_msgid")
        if message.get("msgtype") == "revoke" and isinstance(revoked, str):
            yield Segment(revoked, withdrawn=True)
            return
        name, text = message.get("msgid"), child(message, "text").get("content")
        if not isinstance(name, str) or not isinstance(text, str):
            return
        # Ids of people outside the company begin so.
        outside = text_of(message.get("from")).startswith(("wm", "wo"))
        at = _moment(message.get("msgtime"), 1e-3)
        yield Segment(name, text, "customer" if outside else "agent", at=at)


def _moment(value: Any, unit: float = 1.0) -> str | None:
    """Return a time as ISO 8601, be it one or the seconds since 1970."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value * unit, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
