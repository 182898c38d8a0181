"""Rows of CSV and TSV text; the encoding is settled before."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

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
    """Yield the rows of a text; a damaged one is told, and reading goes on behind it."""
    lines = _Lines(source.open(), source.name)
    old = csv.field_size_limit(_CELL_CHARS)
    try:
        while not lines.ended:
            yield from _rows(lines, delimiter)
    finally:
        csv.field_size_limit(old)


def _rows(lines: _Lines, delimiter: str) -> Iterator[Row]:
    """Yield rows up to the first that the csv module cannot read."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.first, lines.damaged = None, False
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(
                lines.first or lines.number,
                (),
                "a quotation mark is not closed, or a cell is too long",
            )
            return
        number = lines.first or lines.number
        if lines.fault:
            yield Row(number, (), lines.fault)
        elif lines.damaged:
            yield Row(number, (), "text that its encoding cannot hold")
        elif any(cell.strip() for cell in cells):
            yield Row(number, cells)


class _Lines:
    """Lines of text for the csv module, in constant memory; knows where it is."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._lines = read_lines(stream, name, _LINE_BYTES)
        self.number = 0
        self.first: int | None = None
        self.fault = ""
        self.damaged = False
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.number = line.number or 0
        self.first = self.first or self.number
        self.fault = line.fault
        # The line ends were taken off; a quoted cell may go on, so one is put back.
        try:
            text = line.raw.decode()
        except UnicodeDecodeError:
            self.damaged = True
            text = line.raw.decode("utf-8", "replace")
        return text.replace("\0", "") + "\n"
