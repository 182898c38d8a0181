"""Rows of XLSX workbooks and Parquet files, each kept from unpacking to any size.

Read: XLSX through python-calamine 0.9 (the first sheet that has a header), Parquet through
pyarrow 26.  Files written by XlsxWriter and pyarrow were seen.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any, BinaryIO

from jiyu.errors import InputError
from jiyu.formats.columns import Columns, layout_of
from jiyu.formats.encoding import extra
from jiyu.formats.source import Source, refused
from jiyu.formats.tables import HEADER_ROWS, Row

_MEGABYTE = 1024 * 1024
MAX_FILE_BYTES = 1024 * _MEGABYTE
MAX_UNPACKED_BYTES = 512 * _MEGABYTE
#: A sheet is unpacked cell by cell up to its last row and column, however few are filled.
MAX_CELLS = 20_000_000
_TOO_LARGE = "larger than any table of turns"
_UNPACKS = "unpacks to more than any table of turns holds"
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_INDEX = re.compile(rb"<(?:\w+:)?v>(\d{1,9})</")
_SHARED = re.compile(rb"<(?:\w+:)?si\b.*?</(?:\w+:)?si>", re.DOTALL)


def is_xlsx(head: bytes) -> bool:
    """Recognise a workbook: a zip archive that begins with parts of one."""
    return head.startswith(b"PK\x03\x04") and any(
        name in head for name in (b"xl/", b"[Content_Types].xml", b"_rels/.rels", b"docProps/")
    )


def is_parquet(head: bytes) -> bool:
    """Recognise Parquet by its first letters."""
    return head.startswith(b"PAR1")


@contextmanager
def _seekable(source: Source) -> Iterator[BinaryIO | IO[bytes]]:
    """Give the file itself, or a copy of what comes through a pipe."""
    stream = source.open()
    if stream.seekable():
        if stream.seek(0, 2) > MAX_FILE_BYTES:
            raise refused(_TOO_LARGE)
        stream.seek(0)
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while data := stream.read(_MEGABYTE):
            copy.write(data)
            if copy.tell() > MAX_FILE_BYTES:
                raise refused(_TOO_LARGE)
        copy.seek(0)
        yield copy


def xlsx_rows(source: Source, told: Columns) -> Iterator[Row]:
    """Yield the rows of the first sheet that has a header of turns.

    Raises:
        InputError: It is damaged, unpacks to an absurd size, or has no such sheet.
    """
    calamine = extra("python_calamine", "XLSX")
    with _seekable(source) as stream:
        _check_archive(stream)
        stream.seek(0)
        try:
            book = calamine.CalamineWorkbook.from_filelike(stream)
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                begin = (sheet.start or (0, 0))[0] + 1
                if any(layout_of(r, told) for r in islice(sheet.iter_rows(), HEADER_ROWS)):
                    break
            else:
                raise refused("no sheet has a column that is headed as text; say with --columns")
        except InputError:
            raise
        except Exception:  # calamine raises what it likes, with content in the message
            raise refused("a damaged workbook") from None
    for number, cells in enumerate(sheet.iter_rows(), begin):
        yield Row(number, [None if cell == "" else cell for cell in cells])


def _check_archive(stream: Any) -> None:
    """Refuse an archive that unpacks to an absurd size, whatever it claims.

    Raises:
        InputError: It does, or it is damaged.
    """
    left = MAX_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(stream) as archive:
            lengths = list[int]()
            for info in sorted(archive.infolist(), key=lambda i: "sharedStrings" not in i.filename):
                data = _unpacked(archive, info, left)
                left -= len(data)
                if "sharedStrings" in info.filename:
                    lengths = [len(found[0]) for found in _SHARED.finditer(data)]
                elif "/worksheets/" in f"/{info.filename}":
                    left -= _expanse(data, lengths)
                if left < 0:
                    raise refused(_UNPACKS)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
        raise refused("a damaged workbook") from None
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise refused("a damaged workbook") from None
        raise


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> bytes:
    # The size that an archive claims is no bound, so it is not believed; nor is its checksum kept.
    info.file_size = left + 1
    info.CRC = None  # type: ignore[assignment]
    with archive.open(info) as part:
        data = part.read(left + 1)
    if len(data) > left:
        raise refused(_UNPACKS)
    return data


def _expanse(sheet: bytes, lengths: list[int]) -> int:
    """Return the bytes of the texts that a sheet shares, each as often as it is used.

    Raises:
        InputError: Its last cell lies absurdly far out.
    """
    rows = columns = 0
    for letters, digits in _CELL.findall(sheet):
        rows = max(rows, int(digits))
        column = 0
        for letter in letters.upper():
            column = column * 26 + letter - 64
        columns = max(columns, column)
    if rows * columns > MAX_CELLS:
        raise refused("a sheet with more cells than any table of turns has")
    return sum(lengths[i] for v in _INDEX.findall(sheet) if (i := int(v)) < len(lengths))


def parquet_rows(source: Source) -> Iterator[Row]:
    """Yield the names of the columns, and then the rows, a few at a time.

    Raises:
        InputError: It is damaged, or unpacks to an absurd size.
    """
    parquet, arrow = extra("pyarrow.parquet", "Parquet"), extra("pyarrow", "Parquet")
    try:
        with _seekable(source) as stream:
            yield from _parquet_rows(stream, parquet, arrow)
    except (arrow.ArrowException, OSError, ValueError, OverflowError):
        raise refused("a damaged Parquet file") from None


def _parquet_rows(stream: Any, parquet: Any, arrow: Any) -> Iterator[Row]:
    file = parquet.ParquetFile(stream)
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    if any(group.total_byte_size > MAX_UNPACKED_BYTES for group in groups):
        raise refused(_UNPACKS)
    texts = [f.name for f in file.schema_arrow if arrow.types.is_string(f.type)]
    # A text that is written once and used in a million rows stays one text.
    file = parquet.ParquetFile(stream, read_dictionary=texts)
    yield Row(0, file.schema_arrow.names)
    number = 0
    for batch in file.iter_batches(batch_size=1024):
        columns = [batch.column(i) for i in range(batch.num_columns)]
        for index in range(batch.num_rows):
            number += 1
            yield Row(number, [_value(column[index].as_py()) for column in columns])


def _value(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
