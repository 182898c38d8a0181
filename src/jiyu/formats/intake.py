"""Where files go in: whatever the format, what comes out are canonical lines to be decoded.

So checkpoints, workers and rejected lines are the same for all formats: the units of a scan are
conversations.  A file of another format than canonical JSONL is read by the one process that feeds
the workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import CANONICAL, Line, is_canonical, read_lines
from jiyu.formats.reading import Reading
from jiyu.formats.source import Source

#: What is looked for in folders.
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".parquet", ".vtt", ".srt")


def read_units(stream: BinaryIO, name: str, how: Reading) -> Iterator[Line | Problem]:
    """Yield the conversations of a stream, whatever its format, as lines to be decoded.

    A damaged record is a line with a fault; a source that cannot be read at all is a problem.

    Args:
        stream: Bytes.
        name: How it is called in messages; conversations without an id are called after it.
        how: What the user says of it.
    """
    source = Source(stream, name)
    try:
        try:
            yield from _units(source, how)
        except InputError as error:
            found = error.problems[0]
            yield Problem(name, found.line, found.message)
        except RecursionError:
            yield Problem(name, None, "nested too deeply")
    except MemoryError:
        yield Problem(name, None, "does not fit into memory")


def _units(source: Source, how: Reading) -> Iterator[Line]:
    if how.format in (None, CANONICAL) and _begins_canonical(source):
        return read_lines(source.open(), source.name)
    # Some twenty readers; most scans need none of them.
    from jiyu.formats.registry import units_of  # noqa: PLC0415

    return units_of(source, how)


def _begins_canonical(source: Source) -> bool:
    """Say whether the first line is a conversation already."""
    first = source.first_line()
    if first is None or not first.startswith(b"{"):
        return False
    try:
        return is_canonical(msgspec.json.decode(first))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
