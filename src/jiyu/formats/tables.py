"""Tables of turns: one row a turn, in CSV, TSV, XLSX or Parquet.

Read: what spreadsheets, databases and ``pandas`` write; whisper's TSV (milliseconds).  Rows of one
conversation need not stand together, and an empty id goes on with the one above (merged cells).  A
table without an id is one conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec

from jiyu.formats.build import LABEL, in_order, label_of
from jiyu.formats.columns import Columns, Layout, layout_of
from jiyu.formats.gather import TOO_LONG, Gathered, Pieces
from jiyu.formats.roles import role_of
from jiyu.formats.source import Fault, Read, Unit, refused
from jiyu.formats.times import iso, when
from jiyu.model import Conversation, Turn

#: Titles may stand above the header.
HEADER_ROWS = 10
#: As many rows tell whether a column headed ``id`` is one of conversations.
_AHEAD = 200
_ABOUT = ("agent_id", "team", "channel", "direction", "started_at", "ended_at", "ended_by")
_CHANNELS = dict.fromkeys(
    ("phone", "voice", "call", "电话", "電話", "语音", "語音", "热线"), "phone"
)
_CHANNELS |= dict.fromkeys(
    ("chat", "im", "在线", "在線", "线上", "聊天", "文字", "微信", "网页", "網頁"), "chat"
)
_DIRECTIONS = dict.fromkeys(("inbound", "in", "呼入", "来电", "來電", "进线"), "inbound")
_DIRECTIONS |= dict.fromkeys(("outbound", "out", "呼出", "外呼", "去电", "去電"), "outbound")


class Row(NamedTuple):
    """One row of a table and the line or row that it stands in; or why there is none."""

    number: int
    cells: Sequence[Any]
    fault: str = ""


class _Piece(msgspec.Struct):
    """What one row says: of its turn, and of the whole conversation."""

    number: int
    turn: Turn
    about: dict[str, str]


def read_table(rows: Iterator[Row], name: str, told: Columns) -> Read:
    """Yield the conversations of a table.

    Raises:
        InputError: No row is a header that names a column of text.
    """
    layout, above = None, list[Row]()
    for row in rows:
        above.append(row)
        layout = None if row.fault else layout_of(row.cells, told)
        if layout is not None or len(above) >= HEADER_ROWS:
            break
    if layout is None:
        raise refused("no column is headed as text; say which with --columns", 1 if above else None)
    ahead = list(islice(rows, _AHEAD))
    if layout.weak_id and not _groups(ahead, layout):
        # A number of its own in every row counts rows and not conversations.
        layout = layout.without("conversation_id")
    with closing(Gathered(_Piece)) as gathered:
        key = name
        for row in chain(ahead, rows):
            if row.fault:
                yield Fault(row.number, row.fault)
                continue
            key = _text(_cell(row.cells, layout, "conversation_id")) or key
            piece = _piece(row, layout, told)
            if piece is not None:
                gathered.add(key, piece)
        for pieces in gathered:
            yield from _conversation(pieces, layout)


def _groups(rows: Sequence[Row], layout: Layout) -> bool:
    """Say whether some rows have the same id."""
    ids = [_text(_cell(row.cells, layout, "conversation_id")) for row in rows]
    return len(set(ids)) < len(ids)


def _cell(cells: Sequence[Any], layout: Layout, field: str) -> Any:
    index = layout.fields.get(field)
    return cells[index] if index is not None and index < len(cells) else None


def _text(cell: Any) -> str | None:
    """Return a cell as text; spreadsheets give whole numbers as fractions."""
    if cell is None or isinstance(cell, (str, bool)):
        return str(cell).strip() or None if cell is not None else None
    if isinstance(cell, float):
        return label_of(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _piece(row: Row, layout: Layout, told: Columns) -> _Piece | None:
    text = _text(_cell(row.cells, layout, "text"))
    label = _text(_cell(row.cells, layout, "speaker"))
    tags = re.findall(r"[^\s,;，；、|\[\]\"']+", _text(_cell(row.cells, layout, "tags")) or "")
    if text is None and not tags:
        return None
    times = {f: when(_cell(row.cells, layout, f), layout.unit) for f in ("start", "end")}
    at = when(_cell(row.cells, layout, "at"))
    if isinstance(at, float):
        # A column called time may hold offsets.
        times["start"] = at if times["start"] is None else times["start"]
        at = None
    if isinstance(times["start"], str):
        at = at or times["start"]
    kept = {
        head: shown
        for head, index in layout.others.items()
        if index < len(row.cells) and (shown := _text(row.cells[index])) is not None
    }
    turn = Turn(
        text or "",
        told.role(label),
        start=times["start"] if isinstance(times["start"], float) else None,
        end=times["end"] if isinstance(times["end"], float) else None,
        at=at if isinstance(at, str) else None,
        tags=tuple(tags),
        metadata=kept | ({LABEL: label} if label else {}),
    )
    about = {f: v for f in _ABOUT if (v := _text(_cell(row.cells, layout, f))) is not None}
    return _Piece(row.number, turn, about)


def _conversation(pieces: Pieces[_Piece], layout: Layout) -> Read:
    first = pieces.pieces[0]
    if pieces.cut:
        yield Fault(first.number, TOO_LONG)
        return
    about: dict[str, str] = {}
    for piece in pieces.pieces:
        about = piece.about | about
    turns = in_order(piece.turn for piece in pieces.pieces)
    able = ["timestamps"] if any(t.start is not None or t.at for t in turns) else []
    able += ["hangup_party"] if "ended_by" in about else []
    able += ["audio_events"] if "tags" in layout.fields else []
    yield Unit(
        first.number,
        Conversation(
            pieces.key,
            turns,
            channel=_CHANNELS.get(about.get("channel", "").casefold(), about.get("channel")),
            agent_id=about.get("agent_id"),
            team=about.get("team"),
            started_at=_moment(about.get("started_at")),
            ended_at=_moment(about.get("ended_at")),
            ended_by=_side(about.get("ended_by")),
            direction=_DIRECTIONS.get(
                about.get("direction", "").casefold(), about.get("direction")
            ),
            capabilities=tuple(able) or None,
        ),
    )


def _moment(value: str | None) -> str | None:
    return None if value is None else iso(value) or value


def _side(value: str | None) -> str | None:
    role = role_of(value)
    return value if role == "other" else role
