"""JSON in its three dresses: one document, a list of records, or a record a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from jiyu.errors import InputError
from jiyu.formats.canonical import read_lines
from jiyu.formats.source import HEAD_BYTES, Fault, Record, Source, refused

#: As many lines are looked at to tell a format whose first lines are broken.
_SAMPLE_LINES = 50
_BYTE = re.compile(r" \(byte (\d+)\)")


class Json(NamedTuple):
    """What a JSON source looks like.

    Attributes:
        lines: Whether each line is a record.
        sample: Some of its records.
        document: All of it, if it is one document.
    """

    lines: bool
    sample: list[Any]
    document: Any = None


def parse(raw: bytes) -> Any:
    """Read JSON.

    Raises:
        InputError: It is none; the message tells the line, and nothing of what is in it.
    """
    try:
        return msgspec.json.decode(raw)
    except UnicodeDecodeError:
        raise refused("not UTF-8") from None
    except RecursionError:
        raise refused("nested too deeply") from None
    except msgspec.DecodeError as error:
        message = str(error).removeprefix("JSON is malformed: ")
        found = _BYTE.search(message)
        line = raw.count(b"\n", 0, int(found[1])) + 1 if found else raw.count(b"\n") + 1
        raise refused(f"not JSON: {message}", line if line > 1 else None) from None


def items(value: Any) -> list[Any]:
    """Return the records of a value: those of a list, or the value itself."""
    return value if isinstance(value, list) else [value]


def look(source: Source) -> Json:
    """Tell how the JSON of a source is laid out, without using it up.

    Raises:
        InputError: It is JSON in none of the three ways.
    """
    first = source.first_line()
    if first is not None and first[:1] in (b"{", b"["):
        value = _parsed(first)
        if isinstance(value, (dict, list)):
            sample = [*items(value)[:_SAMPLE_LINES], *_objects(source)]
            return Json(lines=True, sample=sample)
    broken: InputError
    try:
        document = parse(source.whole())
        return Json(lines=False, sample=items(document)[:_SAMPLE_LINES], document=document)
    except InputError as error:
        broken = error
    found = _objects(source)
    if not found:
        raise broken
    return Json(lines=True, sample=found)


def _objects(source: Source) -> list[Any]:
    """Return the objects among the first lines; the last of those looked at may be cut off."""
    lines = source.peek()[:HEAD_BYTES].split(b"\n")[:_SAMPLE_LINES]
    return [value for line in lines if isinstance(value := _parsed(line.strip()), dict)]


def _parsed(line: bytes) -> Any:
    try:
        return parse(line)
    except InputError:
        return None


def records(source: Source, layout: Json) -> Iterator[Record | Fault]:
    """Yield the records of a source one by one; a broken one is no end."""
    if not layout.lines:
        document = layout.document
        if isinstance(document, list):
            for index, value in enumerate(document):
                yield Record(index + 1, f"$[{index}]", value)
        else:
            yield Record(None, "$", document)
        return
    for line in read_lines(source.open(), source.name):
        if line.fault:
            yield Fault(line.number, line.fault)
            continue
        try:
            value = parse(line.raw)
        except InputError as error:
            yield Fault(line.number, error.problems[0].message)
            continue
        if isinstance(value, list):
            for index, one in enumerate(value):
                yield Record(line.number, f"$[{index}]", one)
        else:
            yield Record(line.number, "$", value)
