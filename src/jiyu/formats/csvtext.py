"""Rows of CSV and TSV text; the encoding is settled before."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from jiyu.formats.canonical import read_lines
from jiyu.formats.columns import Columns, layout_of
from jiyu.formats.source import Source
from jiyu.formats.tables import HEADER_ROWS, Row

#: A longer cell is a quotation mark that was never closed.
_CELL_CHARS = 1_000_000
_LINE_BYTES = 16 * 1024 * 1024


def delimiter_of(head: str, told: Columns) -> str | None:
    """Return what stands between the cells, if the head is that of a table of turns."""
    lines = head.lstrip("\ufeff").splitlines()[: HEADER_ROWS * 2]
    for delimiter in ("\t", ",", ";", "|"):
        if not any(delimiter in line for line in lines):
            continue
        try:
            rows = [
                row
                for row, _ in zip(
                    csv.reader(lines, delimiter=delimiter), range(HEADER_ROWS), strict=False
                )
            ]
        except csv.Error:
            continue
        for row in rows:
            layout = layout_of(row, told) if len(row) > 1 else None
            if layout is not None and (len(layout.fields) > 1 or told.columns):
                return delimiter
    return None


def csv_rows(source: Source, delimiter: str) -> Iterator[Row]:
    """Yield the rows of a text; reading goes on behind the first line of a damaged one."""
    lines = _Lines(source.open(), source.name)
    old = csv.field_size_limit(_CELL_CHARS)
    try:
        while not lines.ended:
            yield from _rows(lines, delimiter)
    finally:
        csv.field_size_limit(old)


def _rows(lines: _Lines, delimiter: str) -> Iterator[Row]:
    """Yield rows up to the first that the csv module cannot read."""
    # Not strict, the module would take everything behind an open quotation mark for one cell.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.used.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            first, *rest = lines.used
            lines.again.extendleft(reversed(rest))
            lines.ended = lines.ended and not rest
            yield _row([first], _alone(first.text, delimiter))
            return
        if any(cell.strip() for cell in cells) or any(line.fault for line in lines.used):
            yield _row(lines.used, cells)


def _row(used: list[_Line], cells: list[str] | None) -> Row:
    fault = next((line.fault for line in used if line.fault), "")
    if cells is None and not fault:
        fault = "a quotation mark is not closed, or a cell is too long"
    return Row(used[0].number, () if fault or cells is None else cells, fault)


def _alone(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of a line with stray quotation marks; ``None`` if one of them stays open."""
    try:
        rows = list(csv.reader([line, "end"], delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 2 else None


class _Line(NamedTuple):
    """A line of text, where it stands, and why it is none."""

    number: int
    text: str
    fault: str = ""


class _Lines:
    """Lines of text for the csv module, which remember what a row was made of.

    Attributes:
        used: The lines of the row that is being read.
        again: Lines that are to be read once more.
        ended: Whether there are no more lines.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._lines = read_lines(stream, name, _LINE_BYTES)
        self.used: list[_Line] = []
        self.again: deque[_Line] = deque()
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.again.popleft() if self.again else self._read()
        if line is None:
            self.ended = True
            raise StopIteration
        self.used.append(line)
        return line.text

    def _read(self) -> _Line | None:
        line = next(self._lines, None)
        if line is None:
            return None
        number = line.number or 0
        # The line ends were taken off; a quoted cell may go on, so one is put back.
        try:
            return _Line(number, line.raw.decode().replace("\0", "") + "\n", line.fault)
        except UnicodeDecodeError:
            fault = line.fault or "text that its encoding cannot hold"
            return _Line(
                number, line.raw.decode("utf-8", "replace").replace("\0", "") + "\n", fault
            )
