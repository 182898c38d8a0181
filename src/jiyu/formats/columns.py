"""Which column of a table holds what: guessed from its header, or told by a small YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import reason_of
from jiyu.formats.roles import role_of
from jiyu.model import Speaker

#: What a column may hold, and how call centres head it; the first that fits is taken.
_HEADERS = {
    "conversation_id": """
        conversation_id conversationid conversation conv_id session_id sessionid session call_id
        callid call chat_id dialog_id dialogue_id contact_id ticket_id 会话编号 会话id 会话号
        会话标识 会话 通话编号 通话id 通话流水号 通话流水 流水号 录音编号 录音id 录音文件
        录音文件名 对话编号 对话id 工单号 工单编号 咨询编号 聊天编号 呼叫id 呼叫编号 會話編號
        會話id 會話 通話編號 通話id 錄音編號 對話編號 對話id
    """,
    "speaker": """
        speaker role speaker_role participant participant_role sender sender_type from author who
        side party 角色 说话人 说话方 讲话人 发言人 发送人 发送者 发送方 消息发送方 身份 说话角色
        发言方 话者 对话角色 說話人 說話方 發言人 發送人 發送者 發送方 身分 channel_role
        发送者类型 发送人类型 发送方类型 发送者角色 发言人角色 说话人角色 角色类型 用户类型
        speaker_type user_type 發送者類型 發送人類型 角色類型
    """,
    "text": """
        text content utterance message msg transcript sentence body speech words 内容 文本 话术
        说话内容 对话内容 消息内容 聊天内容 通话内容 发言内容 转写 转写文本 转写内容 转写结果
        识别结果 识别文本 语句 句子 话语 原文 消息 會話內容 內容 文字 對話內容 訊息 訊息內容
        聊天內容 通話內容 逐字稿 会话内容 發言內容
    """,
    "start": """
        start start_time begin begin_time starttime begintime start_s start_ms start_sec begin_ms
        offset start_offset 开始 开始时间 起始时间 起始 开始秒 开始毫秒 起点 開始 開始時間
        起始時間 开始时刻
    """,
    "end": """
        end end_time endtime end_s end_ms end_sec stop stop_time 结束 结束时间 终止时间 截止时间
        结束秒 结束毫秒 終點 结束时刻 結束 結束時間
    """,
    "at": """
        at time timestamp datetime sent_at created_at send_time msgtime date 时间 发送时间
        消息时间 发言时间 时间戳 日期时间 聊天时间 消息发送时间 時間 發送時間 訊息時間 發言時間
    """,
    "agent_id": """
        agent_id agent agentid agent_name staff_id employee_id operator_id 坐席 坐席编号 坐席工号
        坐席id 座席 座席编号 座席工号 客服 客服编号 客服工号 客服id 客服姓名 坐席姓名 工号
        员工编号 员工工号 員工編號 客服編號 工號 座席編號
    """,
    "team": """
        team group department skill_group queue 组 班组 团队 部门 小组 技能组 组别 團隊 班組 部門
        組別
    """,
    "channel": """
        channel_type media media_type medium 渠道 会话渠道 接入渠道 渠道类型 媒体类型 來源渠道
    """,
    "direction": """
        direction call_direction call_type 方向 呼叫方向 呼叫类型 通话类型 呼入呼出 呼叫類型
    """,
    "ended_by": """
        ended_by hangup_by hangup_party release_party disconnect_by 挂机方 挂断方 挂机人 释放方
        結束方 掛機方 掛斷方
    """,
    "started_at": """
        started_at call_start call_start_time 通话开始时间 会话开始时间 接通时间 进线时间
        通話開始時間 會話開始時間
    """,
    "ended_at": """
        ended_at call_end call_end_time 通话结束时间 会话结束时间 挂机时间 挂断时间 通話結束時間
        會話結束時間
    """,
    "tags": """
        tags events audio_events 标签 声音事件 音频事件 標籤
    """,
}
FIELDS = tuple(_HEADERS)
_FIELD = {word: field for field, words in _HEADERS.items() for word in words.split()}
_UNIT = re.compile(r"[\s_]*[(（\[]?\s*(ms|毫秒|msec|milliseconds|s|秒|sec|seconds)\s*[)）\]]?$")
#: They may head other things as well, and are taken for want of a better column only.
_WEAK: dict[str, tuple[str, ...]] = {
    word: fields
    for words, fields in (
        ("id 编号 編號 uuid", ("conversation_id",)),
        ("channel channel_id 声道 聲道 声道号", ("speaker", "channel")),
        ("name nickname sender_name speaker_name 昵称 暱稱 姓名 发送者名称", ("speaker",)),
        ("发送人姓名 发送人名称 发送者昵称", ("speaker",)),
    )
    for word in words.split()
}
_MILLISECONDS = ("ms", "毫秒", "msec", "milliseconds")

Field = Literal[
    "conversation_id", "speaker", "text", "start", "end", "at", "agent_id", "team", "channel",
    "direction", "ended_by", "started_at", "ended_at", "tags",
]  # fmt: skip


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user says about the columns of a table.

    Attributes:
        columns: Header of the column that holds something; others are still guessed.
        speakers: What the table calls agents, customers, systems.
        time_unit: Of bare numbers in ``start`` and ``end``.
    """

    columns: dict[Field, str] = {}
    speakers: dict[Speaker, list[str]] = {}
    time_unit: Literal["s", "ms"] | None = None

    def role(self, label: str | None) -> Speaker:
        """Return whom a label stands for."""
        for role, labels in self.speakers.items():
            if label in labels:
                return role
        return role_of(label)


class Layout(msgspec.Struct, frozen=True):
    """Which column of one table holds what.

    Attributes:
        fields: Field and index of its column.
        others: Header and index of columns that jiyu has no word for.
        unit: Seconds of one unit of a bare number.
        weak_id: Whether what is taken for the id of a conversation may be that of a row.
    """

    fields: Mapping[str, int]
    others: Mapping[str, int]
    unit: float
    weak_id: bool = False

    def without(self, field: str) -> Layout:
        """Return the layout with one column that jiyu has no word for after all."""
        fields = {name: index for name, index in self.fields.items() if name != field}
        return Layout(fields, {**self.others, field: self.fields[field]}, self.unit)


def load_columns(path: Path) -> Columns:
    """Read a YAML file with ``columns``, ``speakers`` and ``time_unit``, all optional.

    Raises:
        InputError: It cannot be read, or says something else.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8-sig")) or {}
        return msgspec.convert(data, Columns)
    except OSError as error:
        raise InputError(Problem(str(path), None, error.strerror or "cannot be read")) from None
    except UnicodeDecodeError:
        raise InputError(Problem(str(path), None, "not UTF-8")) from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        raise InputError(Problem(str(path), line, "not YAML")) from None
    except msgspec.ValidationError as error:
        # The file is its author's own: what is wrong in it may be shown.
        raise InputError(Problem(str(path), None, str(error) or reason_of(error))) from None


def _field(head: str) -> tuple[str | None, str | None]:
    """Return what a header means, and the unit that it names."""
    plain = head.casefold().replace(" ", "_").replace("-", "_")
    unit = _UNIT.search(plain)
    named = unit[1] if unit else None
    return _FIELD.get(plain) or (_FIELD.get(plain[: unit.start()]) if unit else None), named


def layout_of(header: Sequence[Any], told: Columns) -> Layout | None:
    """Return what the columns under a header hold; ``None`` if none of them is text."""
    heads = [
        str(cell).strip().removeprefix("\ufeff") if cell is not None else "" for cell in header
    ]
    fields: dict[str, int] = {f: heads.index(h) for f, h in told.columns.items() if h in heads}
    milliseconds = [h.casefold() for h in heads] == ["start", "end", "text"]  # as whisper does
    for index, head in enumerate(heads):
        field, unit = _field(head)
        if field and field not in fields and index not in fields.values():
            fields[field] = index
        milliseconds = milliseconds or (field in ("start", "end") and unit in _MILLISECONDS)
    strong = "conversation_id" in fields
    for index, head in enumerate(heads):
        open_fields = [f for f in _WEAK.get(head.casefold(), ()) if f not in fields]
        if open_fields and index not in fields.values():
            fields[open_fields[0]] = index
    if "text" not in fields:
        return None
    if told.time_unit is not None:
        milliseconds = told.time_unit == "ms"
    used = set(fields.values())
    others = {head: i for i, head in enumerate(heads) if head and i not in used}
    return Layout(
        fields, others, 0.001 if milliseconds else 1.0, not strong and "conversation_id" in fields
    )
