"""XLSX and Parquet: cells of other types, damage, and files that unpack to any size."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from datetime import datetime, time
from typing import Any

import pytest

from jiyu.formats import gather, workbook
from jiyu.formats.reading import Reading
from reading import conversations, faults
from samples import parquet, xlsx

HEADER = ("会话编号", "角色", "内容", "时间")
ROWS = "xl/worksheets/sheet1.xml"


def test_numbers_and_dates_of_spreadsheets() -> None:
    """Ids and phone numbers come as fractions, midnight as a date, offsets as times."""
    rows = [(13800000000, "客服", 12, 0.5), (13800000000, "客户", "好", 1)]
    (found,) = conversations(xlsx([HEADER, *rows]), "t.xlsx")
    assert found.conversation_id == "13800000000"
    assert [(t.text, t.start) for t in found.turns] == [("12", 0.5), ("好", 1.0)]
    for value, expected in (
        (datetime(2026, 3, 2), "2026-03-02T00:00:00"),
        (time(0, 1, 2), None),
    ):
        (found,) = conversations(parquet(HEADER, [("a", "客服", "好", value)]), "t.parquet")
        assert found.turns[0].at == expected
        assert found.turns[0].start == (62.0 if expected is None else None)


def test_sheet_with_a_header_is_found() -> None:
    """The first sheets may hold something else, and titles may stand above the header."""
    data = xlsx([("三月",), HEADER, ("a", "客服", "好", 1)], sheets=("说明", "数据"))
    (found,) = conversations(data, "t.xlsx")
    assert found.turns[0].text == "好"
    message = "no sheet has a column that is headed as text; say with --columns"
    assert faults(xlsx([("x",)]), "t.xlsx") == [(None, message)]


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
def test_damage_is_one_message(form: str) -> None:
    """Cut anywhere, a file is read or told, and nothing is raised."""
    rows = [("a", "客服", "秘密", 1.0)] * 9
    data = xlsx([HEADER, *rows]) if form == "xlsx" else parquet(HEADER, rows)
    for cut in range(4, len(data), max(1, len(data) // 40)):
        told = faults(data[:cut], "t", Reading(form))
        assert len(told) == 1
        assert "秘密" not in told[0][1]
    for at in range(4, len(data), max(1, len(data) // 60)):
        broken = bytearray(data)
        broken[at] ^= 0xFF
        for _, message in faults(bytes(broken), "t", Reading(form)):
            assert "秘密" not in message


def _changed(data: bytes, name: str, change: Any) -> bytes:
    """Return a workbook with one part of it rewritten."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            part = old.read(info)
            new.writestr(info.filename, change(part) if info.filename == name else part)
    return stream.getvalue()


BOOK = xlsx([HEADER, ("a", "客服", "您好您好", 1)])


def test_cell_far_out_is_refused() -> None:
    """A sheet of three cells must not be unpacked to seventeen thousand million."""
    cell = b'<c r="XFD1048576"><v>1</v></c></row></sheetData>'
    data = _changed(BOOK, ROWS, lambda part: part.replace(b"</row></sheetData>", cell))
    told = faults(data, "t.xlsx")
    assert told == [(None, "a sheet with more cells than any table of turns has")]


def test_bomb_is_refused_whatever_size_it_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes of nothing in a few kilobytes, with a header that lies."""
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 5_000_000)
    data = _changed(BOOK, ROWS, lambda part: part + b" " * 10_000_000)
    told = [(None, "unpacks to more than any table of turns holds")]
    assert faults(data, "t.xlsx") == told
    size = struct.pack("<I", len(zipfile.ZipFile(io.BytesIO(BOOK)).read(ROWS)) + 10_000_000)
    assert size in data
    assert faults(data.replace(size, struct.pack("<I", 100)), "t.xlsx") == told


def test_shared_text_is_counted_as_often_as_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """One long text in thousands of cells is small in the file only."""
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 20_000_000)
    data = xlsx([HEADER, *[("a", "客服", "长" * 30_000, 1)] * 1000])
    assert len(data) < 100_000
    assert faults(data, "t.xlsx") == [(None, "unpacks to more than any table of turns holds")]


def test_parquet_that_unpacks_to_any_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One text in a dictionary and a million rows, and row groups beyond the bound."""
    rows = [("a", "客服", "长" * 10_000, 1)] * 1000
    monkeypatch.setattr(gather, "MAX_BYTES", 1_000_000)
    ((_, message),) = faults(parquet(HEADER, rows), "t.parquet")
    assert message == "unpacks to more than any export holds"
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 1000)
    ((_, message),) = faults(parquet(HEADER, rows), "t.parquet")
    assert message == "unpacks to more than any table of turns holds"


@pytest.mark.parametrize(
    ("module", "data", "name"),
    [
        ("python_calamine", BOOK, "t.xlsx"),
        ("pyarrow.parquet", parquet(HEADER, []), "t.parquet"),
        ("chardet", "会话编号,角色,内容\n".encode("gb18030"), "t.csv"),
    ],
)
def test_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, data: bytes, name: str
) -> None:
    """Without the extra the message says how to get it."""
    monkeypatch.setitem(sys.modules, module, None)
    ((_, message),) = faults(data, name)
    assert message.endswith("pip install 'jiyu[formats]'")
