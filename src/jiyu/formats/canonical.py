"""Canonical JSONL: one conversation a line, as jiyu defines it.

Unknown keys are kept under ``metadata`` of the conversation, turn or event they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec

from jiyu.errors import InputError, Problem
from jiyu.model import Conversation, Event, Turn

#: A longer line is no conversation: four hours of speech are about 1 MB.
MAX_LINE_BYTES = 64 * 1024 * 1024
#: How the format is called.
CANONICAL = "canonical"
TOO_LONG = "the line is too long to be a conversation"
Parsed = TypeVar("Parsed")
_BOM = b"\xef\xbb\xbf"
# What msgspec may say that names types and fields only, and never a value.
_KNOWN_REASON = re.compile(
    r"Expected `[a-z| ]+`, got `[a-z]+`"
    r"|Expected `(?:array|object|str)` of length [<>=]+ \d+(?:, got \d+)?"
    r"|Object missing required field `[a-z_]+`"
    r"|(?:Integer value|Number) out of range"
)
_PLACE = re.compile(r" - at `\$[A-Za-z0-9_.\[\]]*`$")
_decoder = msgspec.json.Decoder(Conversation)
_loose = msgspec.json.Decoder(dict[str, Any])
_PARTS: dict[str, type[msgspec.Struct]] = {"turns": Turn, "events": Event}


class Line(NamedTuple):
    """One conversation to be decoded, and where it stands.

    Attributes:
        source: How its file is called in messages.
        number: Its line, row or record, if the format has those.
        raw: Canonical JSON; cut short if the line is too long to be a conversation.
        fault: Why it cannot be read, if that is known already.
    """

    source: str
    number: int | None
    raw: bytes
    fault: str = ""


def is_canonical(value: Any) -> bool:
    """Recognise a conversation in canonical form."""
    return isinstance(value, dict) and {"conversation_id", "turns"} <= value.keys()


def read_lines(stream: BinaryIO, source: str, limit: int = MAX_LINE_BYTES) -> Iterator[Line]:
    """Yield the lines of a stream that are not blank, in constant memory.

    Args:
        stream: Bytes; a byte order mark and any line ends are taken off.
        source: How the stream is called in messages.
        limit: Most bytes of a line that are kept.
    """
    number = 0
    while raw := stream.readline(limit + 1):
        number += 1
        too_long = len(raw) > limit and not raw.endswith(b"\n")
        rest = raw
        while too_long and rest and not rest.endswith(b"\n"):
            rest = stream.readline(limit)
        if number == 1:
            raw = raw.removeprefix(_BOM)
        raw = raw.strip()
        if raw:
            yield (
                Line(source, number, raw[:1024], TOO_LONG)
                if too_long
                else Line(source, number, raw)
            )


def decode(line: Line) -> Conversation:
    """Read a conversation from a line.

    Raises:
        InputError: The line is none; the message never shows what was said.
    """
    conversation = parsed(line, _parsed)
    if not conversation.conversation_id.strip():
        raise input_error(line, "the conversation has no id")
    return conversation


def parsed(line: Line, parse: Callable[[bytes], Parsed]) -> Parsed:
    """Parse a line of JSON.

    Raises:
        InputError: It cannot be parsed; the message never shows what was said.
    """
    if line.fault:
        raise input_error(line, line.fault)
    try:
        return parse(line.raw)
    except msgspec.ValidationError as error:
        raise input_error(line, reason_of(error)) from None
    except UnicodeDecodeError:
        raise input_error(line, "not UTF-8") from None
    except RecursionError:
        raise input_error(line, "nested too deeply") from None
    except msgspec.DecodeError as error:
        reason = str(error).removeprefix("JSON is malformed: ")
        raise input_error(line, f"not JSON: {reason}") from None


def _parsed(raw: bytes) -> Conversation:
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError:
        # It may only have unknown keys, or empty values where a default stands.
        return msgspec.convert(tidied(_loose.decode(raw), Conversation), Conversation)


def tidied(data: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Move unknown keys under ``metadata`` and leave out empty values, in turns and events too."""
    known = {k: v for k, v in data.items() if k in kind.__struct_fields__ and v is not None}
    unknown = {k: v for k, v in data.items() if k not in kind.__struct_fields__}
    metadata = known.get("metadata", {})
    # Metadata that is no object is left as it is, to be refused with its place.
    if unknown and isinstance(metadata, dict):
        known["metadata"] = {**metadata, **unknown}
    for key, part in _PARTS.items():
        if isinstance(known.get(key), list):
            known[key] = [tidied(d, part) if isinstance(d, dict) else d for d in known[key]]
    return known


def reason_of(error: msgspec.ValidationError) -> str:
    """Say what is wrong and where; a wrong value may be a piece of the transcript."""
    message = str(error)
    what, place = _KNOWN_REASON.match(message), _PLACE.search(message)
    return (what[0] if what else "a value is not one of those allowed") + (
        place[0] if place else ""
    )


def input_error(line: Line, message: str) -> InputError:
    """Return the error that a line has something wrong with it."""
    return InputError(Problem(line.source, line.number, message))
