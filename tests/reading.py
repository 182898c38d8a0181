"""Read bytes as files of any format."""

from __future__ import annotations

import io
import json
from typing import Any

from jiyu.errors import Problem
from jiyu.formats.canonical import Line, decode
from jiyu.formats.intake import read_units
from jiyu.formats.reading import Reading
from jiyu.model import Conversation

AS_FOUND = Reading()


def read(data: bytes, name: str = "in.json", how: Reading = AS_FOUND) -> list[Line | Problem]:
    """Return what becomes of a file."""
    return list(read_units(io.BytesIO(data), name, how))


def conversations(
    data: bytes, name: str = "in.json", how: Reading = AS_FOUND
) -> list[Conversation]:
    """Return the conversations of a file in which nothing is wrong."""
    units = read(data, name, how)
    assert all(isinstance(unit, Line) for unit in units), units
    return [decode(unit) for unit in units if isinstance(unit, Line)]


def faults(data: bytes, name: str = "in.json", how: Reading = AS_FOUND) -> list[tuple[Any, str]]:
    """Return what is wrong with a file, and where."""
    told: list[tuple[Any, str]] = []
    for unit in read(data, name, how):
        if isinstance(unit, Problem):
            told.append((unit.line, unit.message))
        elif unit.fault:
            told.append((unit.number, unit.fault))
    return told


def one(value: Any, form: str | None = None) -> Conversation:
    """Return the one conversation of a JSON value."""
    (found,) = conversations(json.dumps(value).encode(), "in.json", Reading(form))
    return found


def turns(value: Any, form: str | None = None) -> list[tuple[Any, ...]]:
    """Return speaker, label, words and start of each turn of a JSON value."""
    return [
        (t.speaker, t.metadata.get("speaker_label"), t.text, t.start)
        for t in one(value, form).turns
    ]
