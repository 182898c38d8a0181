"""All dialects by name, and how their lines are read.

A line is a message as the source sends it, in an envelope that says which conversation it belongs
to and who speaks::

    {"conversation_id":"c-1","speaker":"agent","message":{…}}
    {"conversation_id":"c-1","speakers":{"ch_0":"agent","ch_1":"customer"},"message":{…}}

``stream`` tells streams of one conversation apart where ``speaker`` does not.  Lines of the
protocol's own (``open``, ``event``, ``close``) may stand between.  Without an envelope the source's
own name of a task or call is the conversation, if it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from jiyu.formats.canonical import Line, input_error, parsed
from jiyu.formats.dialects.alibaba import NLS, DashScope
from jiyu.formats.dialects.base import Dialect, Json, child
from jiyu.formats.dialects.chat import Chatwoot, WeCom
from jiyu.formats.dialects.funasr import FunASR
from jiyu.formats.dialects.iflytek import IFlytek
from jiyu.formats.dialects.tencent import Tencent
from jiyu.formats.dialects.transcribe import Transcribe
from jiyu.formats.dialects.western import Azure, Deepgram, Google
from jiyu.formats.live import Message, decode_live, message_of
from jiyu.model import Segment

#: Every dialect but the protocol's own, which needs no translation.
DIALECTS: Mapping[str, Callable[[], Dialect]] = {
    "transcribe": Transcribe,
    "funasr": FunASR,
    "nls": NLS,
    "dashscope": DashScope,
    "tencent": Tencent,
    "iflytek": IFlytek,
    "google": Google,
    "azure": Azure,
    "deepgram": Deepgram,
    "chatwoot": Chatwoot,
    "wecom": WeCom,
}
_SPEAKERS = ("agent", "customer", "system", "other")
_decoder = msgspec.json.Decoder(dict[str, Any])


class Reader(Protocol):
    """Reads lines of one dialect."""

    def read(self, line: Line) -> Message:
        """Read a line; a message that says nothing has no items.

        Raises:
            InputError: The line is no JSON object, or belongs to no conversation.
        """

    def forget(self, conversation_id: str) -> None:
        """Let go of a conversation that is over."""


class DialectReader:
    """Knows the streams of the conversations that are open."""

    def __init__(self, dialect: Callable[[], Dialect]) -> None:
        self._dialect = dialect
        self._streams: dict[str, dict[str, Dialect]] = {}

    def read(self, line: Line) -> Message:
        """Read a line; a message that says nothing has no items.

        Raises:
            InputError: The line is no JSON object, or belongs to no conversation.
        """
        data = parsed(line, _decoder.decode)
        own = data.get("conversation_id")
        if isinstance(own, str) and "message" not in data:
            return parsed(line, lambda _: message_of(data))
        message = data.get("message") if isinstance(own, str) else data
        name = own if isinstance(own, str) else _conversation(data)
        if not name or not isinstance(message, dict):
            raise input_error(line, "names no conversation, or has no message")
        stream = str(data.get("stream") or data.get("speaker") or "")
        streams = self._streams.setdefault(name, {})
        dialect = streams.get(stream) or streams.setdefault(stream, self._dialect())
        return Message(name, tuple(_placed(dialect.read(message), data, stream)))

    def forget(self, conversation_id: str) -> None:
        """Let go of a conversation that is over."""
        self._streams.pop(conversation_id, None)


class OwnReader:
    """Reads the protocol's own lines, which depend on nothing before them."""

    def read(self, line: Line) -> Message:
        """Read a line of the live protocol."""
        return decode_live(line)

    def forget(self, conversation_id: str) -> None:
        """Nothing is known of any conversation."""


def reader_of(name: str) -> Reader:
    """Return a reader of a dialect, or of the protocol's own lines.

    Raises:
        KeyError: There is no such dialect.
    """
    return OwnReader() if name == "jiyu" else DialectReader(DIALECTS[name])


def _placed(segments: Iterator[Segment], envelope: Json, stream: str) -> Iterator[Segment]:
    """Say who speaks, and keep the ids of streams apart."""
    by_channel = child(envelope, "speakers")
    for segment in segments:
        told = by_channel.get(str(segment.metadata.get("channel", "")), envelope.get("speaker"))
        yield msgspec.structs.replace(
            segment,
            segment_id=f"{stream} {segment.segment_id}" if stream else segment.segment_id,
            speaker=told if told in _SPEAKERS else segment.speaker,
        )


def _conversation(message: Json) -> str:
    """Return the source's own name of a conversation."""
    names = (
        message.get("wav_name"),
        message.get("voice_id"),
        child(message, "header").get("task_id"),
        child(message, "conversation").get("id"),
        message.get("roomid"),
    )
    return next((str(name) for name in names if isinstance(name, str | int) and name), "")
