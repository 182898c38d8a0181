"""Tables of turns: headers, ids, times, units, maps, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jiyu.errors import InputError
from jiyu.formats.canonical import Line, decode
from jiyu.formats.columns import Columns, load_columns
from jiyu.formats.reading import Reading
from jiyu.model import Conversation
from reading import conversations, faults, read


def table(text: str, told: Columns = Columns()) -> list[Conversation]:  # noqa: B008 - frozen
    """Return the conversations of a CSV text."""
    return conversations(text.encode(), "calls/t.csv", Reading(columns=told))


def starts(text: str) -> list[Any]:
    """Return the times of the turns of a CSV text."""
    return [t.at if t.start is None else t.start for c in table(text) for t in c.turns]


@pytest.mark.parametrize(
    "header",
    [
        "conversation_id,speaker,text",
        "Session ID,Role,Content",
        "会话编号,角色,内容",
        "通话流水号,说话人,转写文本",
        "會話編號,發言人,訊息內容",
        "call-id,Participant,utterance",
        "录音文件,发送方,消息内容",
    ],
)
def test_usual_headers_are_known(header: str) -> None:
    """Chinese and English, Simplified and Traditional."""
    (found,) = table(f"{header}\nc-1,客服,您好\nc-1,客户,喂\n")
    assert [(t.speaker, t.text) for t in found.turns] == [("agent", "您好"), ("customer", "喂")]
    assert found.conversation_id == "c-1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("发送者类型,发送者名称", ["agent", "customer"]),
        ("发送者名称,发送者类型", ["other", "other"]),
        ("x,channel", ["other", "other"]),
        ("channel,x", ["agent", "customer"]),
        ("speaker,channel", ["agent", "customer"]),
    ],
)
def test_better_headers_come_first(header: str, expected: list[str]) -> None:
    """A name or a channel tells speakers apart where no column does it better."""
    (found,) = table(f"会话编号,{header},内容\nc,客服,小林,您好\nc,客户,王,喂\n")
    assert [t.speaker for t in found.turns] == expected
    assert all("speaker_label" in t.metadata for t in found.turns)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told(delimiter: str) -> None:
    """Spreadsheets of other countries write semicolons."""
    text = "会话编号,角色,内容\nc,客服,好".replace(",", delimiter)
    assert table(text)[0].turns[0].text == "好"


def test_rows_need_not_stand_together() -> None:
    """Exports are often sorted by time over all conversations."""
    found = table("会话编号,角色,内容\na,客服,1\nb,客服,2\na,客户,3\nb,客户,4\n")
    assert [(c.conversation_id, [t.text for t in c.turns]) for c in found] == [
        ("a", ["1", "3"]),
        ("b", ["2", "4"]),
    ]


def test_title_rows_and_merged_cells() -> None:
    """A title may stand above the header, and an empty id goes on with the one above."""
    found = table("三月通话,,\n会话编号,角色,内容\na,客服,1\n,客户,2\nb,客服,3\n")
    assert [len(c.turns) for c in found] == [2, 1]


def test_without_ids_a_table_is_one_conversation() -> None:
    """It is called after its file."""
    (found,) = table("角色,内容\n客服,您好\n客户,喂\n")
    assert found.conversation_id == "calls/t"


def test_id_of_a_row_is_no_id_of_a_conversation() -> None:
    """A column headed id is believed if some rows have the same."""
    assert len(table("id,speaker,text\n1,agent,a\n2,customer,b\n3,agent,c\n")) == 1
    assert len(table("id,speaker,text\n1,agent,a\n1,customer,b\n2,agent,c\n")) == 2
    both = table("id,conversation_id,speaker,text\n1,x,agent,a\n2,x,customer,b\n")
    assert [c.conversation_id for c in both] == ["x"]
    assert both[0].turns[0].metadata["id"] == "1"


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("开始时间", "1.5", 1.5),
        ("开始时间(ms)", "1500", 1.5),
        ("start_ms", "1500", 1.5),
        ("开始毫秒", "1500", 1.5),
        ("开始时间（秒）", "1.5", 1.5),
        ("start", "00:01:02.5", 62.5),
        ("start", "01:02", 62.0),
        ("时间", "2026-03-02 09:14:05", "2026-03-02T09:14:05"),
        ("时间", "2026/3/2 9:14", "2026-03-02T09:14:00"),
        ("发送时间", "2026年3月2日 9:14:05", "2026-03-02T09:14:05"),
        ("timestamp", "1772414045", "2026-03-02T01:14:05+00:00"),
        ("timestamp", "1772414045000", "2026-03-02T01:14:05+00:00"),
        ("time", "2026-03-02T09:14:05.5+08:00", "2026-03-02T09:14:05.500000+08:00"),
        ("时间", "12.5", 12.5),
        ("时间", "昨天", None),
        ("start", "nan", None),
    ],
)
def test_times(header: str, cell: str, expected: Any) -> None:
    """Offsets and moments in the many ways of spreadsheets."""
    assert starts(f"角色,内容,{header}\n客服,您好,{cell}\n") == [expected]


def test_whisper_s_table_is_in_milliseconds() -> None:
    """Its header is ``start end text`` and says nothing of a unit."""
    (found,) = conversations(b"start\tend\ttext\n500\t1500\t\xe5\xa5\xbd\n", "in.tsv")
    assert (found.turns[0].start, found.turns[0].end) == (0.5, 1.5)


def test_what_is_said_of_the_conversation() -> None:
    """The first row that says something counts; unknown columns stay with their turn."""
    text = (
        "会话编号,角色,内容,工号,班组,渠道,方向,挂机方,开始,意图\n"
        "a,客服,1,,物流一组,电话,呼入,客户,0,x\na,客户,2,A017,,,,,1,\n"
    )
    (found,) = table(text)
    assert (found.agent_id, found.team, found.channel) == ("A017", "物流一组", "phone")
    assert (found.direction, found.ended_by) == ("inbound", "customer")
    assert found.capabilities == ("timestamps", "hangup_party")
    assert found.turns[0].metadata == {"意图": "x", "speaker_label": "客服"}


def test_map_says_what_the_columns_hold(tmp_path: Path) -> None:
    """Headers that nobody would guess, speakers of one's own, and a unit."""
    path = tmp_path / "map.yaml"
    path.write_text(
        "columns: {conversation_id: 甲, speaker: 乙, text: 丙, start: 丁}\n"
        "speakers: {agent: [A], customer: [B, C]}\ntime_unit: ms\n",
        encoding="utf-8",
    )
    (found,) = table("甲,乙,丙,丁\n1,A,您好,500\n1,C,喂,900\n", load_columns(path))
    assert [(t.speaker, t.start) for t in found.turns] == [("agent", 0.5), ("customer", 0.9)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("columns: [", 2),
        ("columns: {words: x}", None),
        ("colums: {}", None),
        ("time_unit: h", None),
    ],
)
def test_wrong_map_is_told(tmp_path: Path, text: str, line: int | None) -> None:
    """A misspelt map is no map at all."""
    path = tmp_path / "map.yaml"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_columns(path)
    assert error.value.problems[0].source == str(path)
    assert error.value.problems[0].line == line


def test_damaged_rows_are_told_and_the_rest_is_read() -> None:
    """Bytes that are no text, and a quotation mark that is never closed."""
    rows = (
        "会话编号,角色,内容\na,客服,您好您好\na,客户,".encode()
        + b"\xff\n"
        + "a,客服,再见\n".encode()
    )
    assert faults(rows, "t.csv") == [(3, "text that its encoding cannot hold")]
    filler = "".join(f"a,客服,第{n}句您好您好您好您好\n" for n in range(70_000))
    rows = f'会话编号,角色,内容\na,客服,"您好\n{filler}b,客服,再见\n'.encode()
    told = [(2, "a quotation mark is not closed, or a cell is too long")]
    assert faults(rows, "t.csv") == told
    rows = '会话编号,角色,内容\na,客服,"您好\na,客户,喂\n'.encode()
    good = [decode(u) for u in read(rows, "t.csv") if isinstance(u, Line) and not u.fault]
    assert faults(rows, "t.csv") == told
    assert [t.text for c in good for t in c.turns] == ["喂"]


def test_stray_quotation_marks_are_words() -> None:
    """A cell that begins with a quotation needs no repair."""
    (found,) = table('会话编号,角色,内容\na,客服,"好的"他说\na,客户,他说"好"\n')
    assert [t.text for t in found.turns] == ["好的他说", '他说"好"']


def test_quoted_cells_may_have_lines() -> None:
    """Lines are counted through them."""
    text = '会话编号,角色,内容\na,客服,"您好\n请讲"\na,客户,'
    (found,) = table(text + '"说""好"""\n')
    assert [t.text for t in found.turns] == ["您好\n请讲", '说"好"']
    assert faults(text.encode() + b"\xff\n", "t.csv") == [(4, "text that its encoding cannot hold")]


def test_table_without_text_is_told() -> None:
    """The way out is said."""
    told = faults("姓名,年龄\n王,3\n".encode(), "t.csv", Reading("csv"))
    assert told == [(1, "no column is headed as text; say which with --columns")]


def test_header_alone_is_no_conversation() -> None:
    """An empty export is no error."""
    assert table("会话编号,角色,内容\n") == []
