"""Turns and conversations out of what readers find, the same way for every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from jiyu.errors import InputError
from jiyu.formats.canonical import reason_of
from jiyu.formats.roles import role_of
from jiyu.formats.source import Fault, Read, Record, Unit, refused
from jiyu.model import Capability, Conversation, Speaker, Turn

S = TypeVar("S", bound=msgspec.Struct)
#: A pause this long, in seconds, ends a turn of a recogniser that gives single words.
PAUSE = 1.5
#: Under this key the metadata of a turn says what its source calls the speaker.
LABEL = "speaker_label"
#: From here on characters stand without spaces between them.
_CJK = "\u2e80"


class Word(msgspec.Struct):
    """One word of a recogniser; punctuation has no times."""

    text: str
    label: str | None
    start: float | None = None
    end: float | None = None


def shaped(value: Any, kind: type[S]) -> S:
    """Read a structure; numbers may come as text, and unknown keys do not matter.

    Raises:
        InputError: It has another shape; the message names the place and never a value.
    """
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        # A null may stand wherever a default does.
        value = _without_nulls(value)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise refused(reason_of(error)) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return list(map(_without_nulls, value)) if isinstance(value, list) else value


def rest(value: Any, kind: type[msgspec.Struct], *used: str) -> dict[str, Any]:
    """Return what a reader does not use of an object, to be kept under ``metadata``."""
    known = {*kind.__struct_encode_fields__, *used}
    return {k: v for k, v in value.items() if k not in known and v is not None}


def label_of(value: str | float | None) -> str | None:
    """Return what a source calls a speaker as text; numbers may come as such."""
    if value is None or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def turn(
    text: str | None,
    label: str | None,
    metadata: dict[str, Any] | None = None,
    *,
    speaker: Speaker | None = None,
    **times: Any,
) -> Iterator[Turn]:
    """Yield a turn, unless nothing is said or heard in it.

    Args:
        text: What was said.
        label: What the source calls the speaker.
        metadata: What else the source says of the turn.
        speaker: Who that is, if the source says more than the label does.
        times: ``start``, ``end``, ``at`` and ``tags`` as the turn takes them.
    """
    said = (text or "").strip()
    if said or times.get("tags"):
        kept = {**(metadata or {}), **({LABEL: label} if label is not None else {})}
        yield Turn(said, speaker=speaker or role_of(label), metadata=kept, **times)


def in_order(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return turns in the order in which they began; one without a time stays where it is."""
    placed: list[tuple[float, Turn]] = []
    last = float("-inf")
    for one in turns:
        last = last if one.start is None else one.start
        placed.append((last, one))
    return tuple(one for _, one in sorted(placed, key=lambda pair: pair[0]))


def joined(words: Iterable[str]) -> str:
    """Join words: Latin ones with spaces between them, Chinese ones without."""
    text = ""
    for word in words:
        latin = bool(text and word) and text[-1] < _CJK and word[0] < _CJK
        space = latin and word[0] not in ".,?!;:%)]}'’ " and text[-1] not in "([{$ "
        text += f" {word}" if space else word
    return text


def turns_of(words: Iterable[Word], *, apart: bool) -> tuple[Turn, ...]:
    """Make turns of single words.

    Args:
        words: In the order of the source.
        apart: Whether the speakers were recorded apart (channels), so that one may go on while
            another speaks; otherwise a turn ends where another speaker begins.
    """
    open_turns: dict[str | None, list[Word]] = {}
    done: list[Turn] = []

    def finish(label: str | None) -> None:
        said = open_turns.pop(label, [])
        times = [w for w in said if w.start is not None]
        if times:
            start, end = times[0].start, times[-1].end
            done.extend(turn(joined(w.text for w in said), label, start=start, end=end))
        else:
            done.extend(turn(joined(w.text for w in said), label))

    for word in words:
        said = open_turns.get(word.label, [])
        end = next((w.end for w in reversed(said) if w.end is not None), None)
        pause = word.start is not None and end is not None and word.start - end >= PAUSE
        if pause:
            finish(word.label)
        if not apart:
            for label in [label for label in open_turns if label != word.label]:
                finish(label)
        open_turns.setdefault(word.label, []).append(word)
    for label in list(open_turns):
        finish(label)
    return in_order(done)


def documents(read_one: Callable[[Any, str], Iterator[Conversation]]) -> Callable[..., Read]:
    """Make a reader of a format whose every record is a document of its own.

    Args:
        read_one: Gets a record and a name for a conversation that has none.
    """

    def read(records: Iterable[Record | Fault], name: str) -> Read:
        for count, record in enumerate(records, 1):
            if isinstance(record, Fault):
                yield record
                continue
            try:
                require_object(record)
                for conversation in read_one(
                    record.value, name if count == 1 else f"{name}#{count}"
                ):
                    yield Unit(record.number, conversation)
            except InputError as error:
                yield Fault(record.number, placed(error, record.path))

    return read


def require_object(record: Record) -> None:
    """Refuse a record that is no object.

    Raises:
        InputError: It is none.
    """
    if not isinstance(record.value, dict):
        raise refused("not an object")


def placed(error: InputError, path: str) -> str:
    """Return the message of an error with the path of its record before the path in it."""
    message = error.problems[0].message
    if " - at `$" in message:
        return message.replace(" - at `$", f" - at `{path}", 1)
    return message if path == "$" else f"{message} - at `{path}`"


def spoken(
    conversation_id: str,
    turns: Sequence[Turn],
    metadata: dict[str, Any],
    *more: Capability,
    channel: str | None = "phone",
) -> Conversation:
    """Return a recognised call.

    Raises:
        InputError: Nothing was said in it: the file holds no result.
    """
    if not turns:
        raise refused("there is nothing said in it")
    timed = any(one.start is not None for one in turns)
    capabilities: tuple[str, ...] = ("timestamps", *more) if timed else more
    return Conversation(
        conversation_id,
        tuple(turns),
        channel=channel,
        capabilities=capabilities,
        metadata=metadata,
    )
