"""The same little dialogue in every format that jiyu reads, written by hand for these tests.

Agent: 您好，物流部，我是小林 · customer: 我的货怎么还没到 · agent: 你有完没完.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

HELLO, ASK, RUDE = "您好，物流部，我是小林", "我的货怎么还没到", "你有完没完"
SAID = (HELLO, ASK, RUDE)
STARTS = (0.5, 3.0, 6.0)
ENDS = (2.5, 5.0, 8.0)
ROLES = ("agent", "customer", "agent")
NAMED = ("客服", "客户", "客服")
#: 2026-03-02T01:14:05Z
BEGIN = 1772414045


@dataclass(frozen=True)
class Sample:
    """A file of one format.

    Attributes:
        form: The format that it is in.
        name: What such a file would be called.
        data: Its content.
        labels: What it calls the speakers, where it does not name them.
        chat: Whether it has moments instead of seconds.
        timed: Whether it has any times.
        conversation_id: Of the conversation in it; ``None`` if that is the name of the file.
    """

    form: str
    name: str
    data: bytes
    labels: tuple[str, ...] | None = None
    chat: bool = False
    timed: bool = True
    conversation_id: str | None = None

    @property
    def value(self) -> Any:
        """The first JSON value of it."""
        try:
            return json.loads(self.data)
        except json.JSONDecodeError:
            return json.loads(self.data.splitlines()[0])


def dumped(value: Any) -> bytes:
    """Return JSON over several lines."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def lined(values: list[Any]) -> bytes:
    """Return JSON, one value a line."""
    return b"".join(json.dumps(v, ensure_ascii=False).encode() + b"\n" for v in values)


def each(*columns: Any) -> list[tuple[Any, ...]]:
    """Return what columns hold for each of the three turns."""
    return list(zip(*columns, strict=True))


def ms(seconds: float) -> int:
    """Return seconds as milliseconds."""
    return int(seconds * 1000)


def stamp(seconds: float, mark: str = ".") -> str:
    """Return seconds as subtitles write them."""
    return f"00:00:{seconds:06.3f}".replace(".", mark)


NUMBERS = (0, 1, 0)
TURNS = each(SAID, STARTS, ENDS, NUMBERS, ROLES)

CANONICAL = {
    "conversation_id": "c-1",
    "channel": "phone",
    "turns": [{"speaker": r, "text": t, "start": s, "end": e} for t, s, e, _, r in TURNS],
}
VTT = "WEBVTT\n\n" + "\n\n".join(
    f"{i}\n{stamp(s)} --> {stamp(e)}\n<v {who}>{t}</v>"
    for i, (t, s, e, who) in enumerate(each(SAID, STARTS, ENDS, NAMED), 1)
)
SRT = "\n\n".join(
    f"{i}\n{stamp(s, ',')} --> {stamp(e, ',')}\n{who}：{t}"
    for i, (t, s, e, who) in enumerate(each(SAID, STARTS, ENDS, NAMED), 1)
)
HEADER = ("通话编号", "角色", "内容", "开始时间", "结束时间", "工号")
TABLE = [("c-1", who, t, s, e, "A017") for t, s, e, who in each(SAID, STARTS, ENDS, NAMED)]
CSV = "\n".join(
    ",".join(f'"{c}"' if i == 2 else str(c) for i, c in enumerate(row)) for row in [HEADER, *TABLE]
)
TSV = CSV.replace('"', "").replace(",", "\t")
WHISPERX = {
    "segments": [
        {"start": s, "end": e, "text": f" {t}", "speaker": f"SPEAKER_0{n}", "words": []}
        for t, s, e, n, _ in TURNS
    ],
    "word_segments": [],
    "language": "zh",
}
FUNASR = [
    {
        "key": "rec-1",
        "text": "，".join(SAID),
        "timestamp": [[500, 2500]],
        "sentence_info": [
            {"text": t, "start": ms(s), "end": ms(e), "timestamp": [], "spk": n}
            for t, s, e, n, _ in TURNS
        ],
    }
]
SENSEVOICE = [
    {
        "key": "rec-1",
        "text": "<|zh|><|NEUTRAL|><|Speech|><|withitn|>" + HELLO,
        "sentence_info": [
            {
                "sentence": f"<|zh|><|NEUTRAL|><|Speech|><|woitn|>{t}",
                "start": ms(s),
                "end": ms(e),
                "spk": n,
            }
            for t, s, e, n, _ in TURNS
        ],
    }
]


def _items(text: str, start: float, label: dict[str, str]) -> list[dict[str, Any]]:
    step = 0.1
    return [
        {
            **(
                {}
                if c in "，。"
                else {
                    "start_time": f"{start + i * step:.2f}",
                    "end_time": f"{start + (i + 1) * step:.2f}",
                }
            ),
            "alternatives": [{"confidence": "0.9", "content": c}],
            "type": "punctuation" if c in "，。" else "pronunciation",
            **label,
        }
        for i, c in enumerate(text)
    ]


TRANSCRIBE = {
    "jobName": "job-1",
    "accountId": "1",
    "status": "COMPLETED",
    "results": {
        "transcripts": [{"transcript": "".join(SAID)}],
        "speaker_labels": {"segments": [], "speakers": 2},
        "items": [
            i for t, s, _, n, _ in TURNS for i in _items(t, s, {"speaker_label": f"spk_{n}"})
        ],
    },
}
CONTACT_VOICE = {
    "Version": "1.1.0",
    "Channel": "VOICE",
    "CustomerMetadata": {"ContactId": "contact-1"},
    "Participants": [
        {"ParticipantId": r.upper(), "ParticipantRole": r.upper()} for r in ("agent", "customer")
    ],
    "Transcript": [
        {
            "Id": str(i),
            "ParticipantId": r.upper(),
            "Content": t,
            "BeginOffsetMillis": ms(s),
            "EndOffsetMillis": ms(e),
            "Sentiment": "NEUTRAL",
        }
        for i, (t, s, e, _, r) in enumerate(TURNS)
    ],
}
CONTACT_CHAT = {
    "Version": "CHAT-2022-11-30",
    "Channel": "CHAT",
    "Participants": [
        {"ParticipantId": f"p{n}", "ParticipantRole": ROLES[n].upper()} for n in (0, 1)
    ],
    "CustomerMetadata": {"ContactId": "contact-2"},
    "Transcript": [
        {
            "AbsoluteTime": "2026-03-02T01:14:01Z",
            "Type": "EVENT",
            "ContentType": "application/vnd.amazonaws.connect.event.participant.joined",
            "ParticipantId": "p0",
            "ParticipantRole": "AGENT",
        },
        *(
            {
                "Type": "MESSAGE",
                "Content": t,
                "ParticipantId": f"p{n}",
                "ParticipantRole": r.upper(),
                "AbsoluteTime": f"2026-03-02T01:14:{5 + int(s):02}Z",
            }
            for t, s, _, n, r in TURNS
        ),
    ],
}
CALL_ANALYTICS = {
    "JobName": "analytics-1",
    "JobStatus": "COMPLETED",
    "Channel": "VOICE",
    "Participants": [{"ParticipantRole": "AGENT"}, {"ParticipantRole": "CUSTOMER"}],
    "Transcript": [
        {
            "Content": t,
            "ParticipantRole": r.upper(),
            "BeginOffsetMillis": ms(s),
            "EndOffsetMillis": ms(e),
            "Items": [],
            "LoudnessScores": [80.0],
        }
        for t, s, e, _, r in TURNS
    ],
}
GOOGLE = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": t,
                    "confidence": 0.9,
                    "words": [
                        {
                            "startOffset": f"{s:.3f}s",
                            "endOffset": f"{e:.3f}s",
                            "word": t,
                            "speakerLabel": str(n + 1),
                        }
                    ],
                }
            ],
            "resultEndOffset": f"{e}s",
            "languageCode": "cmn-Hans-CN",
        }
        for t, s, e, n, _ in TURNS
    ]
}
AZURE_BATCH = {
    "source": "https://example.org/a.wav",
    "durationInTicks": 80000000,
    "combinedRecognizedPhrases": [],
    "recognizedPhrases": [
        {
            "recognitionStatus": "Success",
            "channel": 0,
            "speaker": n + 1,
            "offsetInTicks": s * 1e7,
            "durationInTicks": (e - s) * 1e7,
            "nBest": [
                {"confidence": 0.5, "lexical": t, "display": t},
                {"confidence": 0.9, "display": "不是"},
            ],
        }
        for t, s, e, n, _ in TURNS
    ],
}
AZURE_CONVERSATION = {
    "displayName": "x",
    "analysisInput": {
        "conversations": [
            {
                "id": "azure-1",
                "language": "zh",
                "modality": "transcript",
                "conversationItems": [
                    {
                        "participantId": r.title(),
                        "id": str(i),
                        "text": t,
                        "conversationItemLevelTiming": {
                            "offset": int(s * 1e7),
                            "duration": int((e - s) * 1e7),
                        },
                    }
                    for i, (t, s, e, _, r) in enumerate(TURNS)
                ],
            }
        ]
    },
    "tasks": [],
}
ALIYUN = {
    "TaskId": "nls-1",
    "StatusText": "SUCCESS",
    "BizDuration": 8000,
    "Result": {
        "Sentences": [
            {
                "BeginTime": ms(s),
                "EndTime": ms(e),
                "Text": t,
                "ChannelId": n,
                "SilenceDuration": 0,
                "SpeechRate": 300,
                "EmotionValue": 5.0,
            }
            for t, s, e, n, _ in TURNS
        ]
    },
}
TINGWU = {
    "TaskId": "tw-1",
    "Transcription": {
        "AudioInfo": {"Duration": 8000, "Language": "cn"},
        "Paragraphs": [
            {
                "ParagraphId": f"p{i}",
                "SpeakerId": str(n + 1),
                "Words": [
                    {
                        "Id": 10 * i,
                        "SentenceId": i,
                        "Start": ms(s),
                        "End": ms(s) + 100,
                        "Text": t[:2],
                    },
                    {
                        "Id": 10 * i + 1,
                        "SentenceId": i,
                        "Start": ms(s) + 100,
                        "End": ms(e),
                        "Text": t[2:],
                    },
                ],
            }
            for i, (t, s, e, n, _) in enumerate(TURNS)
        ],
    },
}
TENCENT = {
    "Response": {
        "RequestId": "r",
        "Data": {
            "TaskId": 77,
            "StatusStr": "success",
            "Result": "",
            "ResultDetail": [
                {
                    "FinalSentence": t,
                    "SliceSentence": t,
                    "StartMs": ms(s),
                    "EndMs": ms(e),
                    "SpeakerId": n,
                    "Words": None,
                    "EmotionType": None,
                    "SpeechSpeed": 5.1,
                }
                for t, s, e, n, _ in TURNS
            ],
        },
    }
}
VCON_TEXT = {
    "vcon": "0.3.0",
    "uuid": "vcon-1",
    "created_at": "2026-03-02T09:20:00+08:00",
    "parties": [{"name": "小林", "role": "agent"}, {"tel": "+86", "role": "customer"}],
    "dialog": [
        {
            "type": "text",
            "start": f"2026-03-02T09:14:{5 + int(s):02}+08:00",
            "parties": [n, 1 - n],
            "originator": n,
            "mediatype": "text/plain",
            "encoding": "none",
            "body": t,
        }
        for t, s, _, n, _ in TURNS
    ],
    "analysis": [],
    "attachments": [],
}
VCON_CALL = {
    "uuid": "vcon-2",
    "created_at": "2026-03-02T09:20:00+08:00",
    "parties": [{"meta": {"role": "agent"}}, {"meta": {"role": "customer"}}],
    "dialog": [
        {
            "type": "recording",
            "start": "2026-03-02T09:14:05+08:00",
            "parties": [0, 1],
            "duration": 8,
        }
    ],
    "analysis": [
        {
            "type": "transcript",
            "dialog": 0,
            "body": [{"speaker": r.title(), "message": t} for t, r in each(SAID, ROLES)],
        }
    ],
}
WECOM = [
    {
        "msgid": f"{i}_external",
        "action": "send",
        "from": who,
        "tolist": [to],
        "roomid": "",
        "msgtime": (BEGIN + int(s)) * 1000,
        "msgtype": "text",
        "text": {"content": t},
    }
    for i, (t, s, who, to) in enumerate(
        each(SAID, STARTS, ("lin", "wmKunde", "lin"), ("wmKunde", "lin", "wmKunde"))
    )
]
WECHAT_KF = {
    "errcode": 0,
    "next_cursor": "x",
    "msg_list": [
        {
            "msgid": f"m{i}",
            "open_kfid": "wk1",
            "external_userid": "wm1",
            "send_time": BEGIN + int(s),
            "origin": {"agent": 5, "customer": 3}[r],
            "servicer_userid": "lin",
            "msgtype": "text",
            "text": {"content": t},
        }
        for i, (t, s, _, _, r) in enumerate(TURNS)
    ],
}
WECHAT_MP = {
    "recordlist": [
        {
            "openid": "o1",
            "opercode": {"agent": 2002, "customer": 2003}[r],
            "text": t,
            "time": BEGIN + int(s),
            "worker": "lin@x",
        }
        for t, s, _, _, r in TURNS
    ],
    "number": 3,
    "msgid": 1,
}
CHATWOOT = [
    {
        "event": "message_created",
        "id": i,
        "content": t,
        "message_type": {"agent": "outgoing", "customer": "incoming"}[r],
        "private": False,
        "created_at": f"2026-03-02 01:14:{5 + int(s):02} UTC",
        "conversation": {"id": 42},
        "sender": {"id": n, "name": f"s{n}", "type": "user" if r == "agent" else "contact"},
        "account": {"id": 1},
    }
    for i, (t, s, _, n, r) in enumerate(TURNS)
]
CHATWOOT_EXPORT = {
    "meta": {},
    "payload": [
        {
            "id": i,
            "content": t,
            "message_type": {"agent": 1, "customer": 0}[r],
            "private": False,
            "created_at": BEGIN + int(s),
            "conversation_id": 42,
            "sender": {"name": f"s{n}"},
        }
        for i, (t, s, _, n, r) in enumerate(TURNS)
    ],
}
ROCKETCHAT = {
    "_id": "room-1",
    "label": "x",
    "type": "LivechatSession",
    "visitor": {"username": "guest-1"},
    "agent": {"username": "lin"},
    "messages": [
        {
            "_id": f"m{i}",
            "u": {"username": f"u{n}"},
            "username": f"u{n}",
            "msg": t,
            "ts": f"2026-03-02T01:14:{5 + int(s):02}.000Z",
            **({"agentId": "a1"} if r == "agent" else {}),
        }
        for i, (t, s, _, n, r) in enumerate(TURNS)
    ],
}


def xlsx(rows: list[tuple[Any, ...]], *, sheets: tuple[str, ...] = ("录音",)) -> bytes:
    """Return a workbook whose last sheet has these rows."""
    import xlsxwriter

    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        for name in sheets:
            sheet = book.add_worksheet(name)
        for index, row in enumerate(rows):
            sheet.write_row(index, 0, row)
    return stream.getvalue()


def parquet(header: tuple[str, ...], rows: list[tuple[Any, ...]], **options: Any) -> bytes:
    """Return a Parquet file with these rows."""
    import pyarrow
    import pyarrow.parquet

    columns = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream, **options)
    return stream.getvalue()


_SPK = ("0", "1", "0")
SAMPLES = (
    Sample("canonical", "a.jsonl", lined([CANONICAL]), conversation_id="c-1"),
    Sample("canonical", "b.json", dumped(CANONICAL), conversation_id="c-1"),
    Sample("vtt", "c.vtt", VTT.encode()),
    Sample("srt", "d.srt", SRT.encode()),
    Sample("csv", "e.csv", CSV.encode(), conversation_id="c-1"),
    Sample("tsv", "f.tsv", TSV.encode(), conversation_id="c-1"),
    Sample("xlsx", "g.xlsx", xlsx([HEADER, *TABLE]), conversation_id="c-1"),
    Sample("parquet", "h.parquet", parquet(HEADER, TABLE), conversation_id="c-1"),
    Sample("whisperx", "i.json", dumped(WHISPERX), ("SPEAKER_00", "SPEAKER_01", "SPEAKER_00")),
    Sample("funasr", "j.json", dumped(FUNASR), _SPK, conversation_id="rec-1"),
    Sample("sensevoice", "k.json", dumped(SENSEVOICE), _SPK, conversation_id="rec-1"),
    Sample(
        "transcribe",
        "l.json",
        dumped(TRANSCRIBE),
        ("spk_0", "spk_1", "spk_0"),
        conversation_id="job-1",
    ),
    Sample("contact-lens", "m.json", dumped(CONTACT_VOICE), conversation_id="contact-1"),
    Sample("contact-lens", "n.json", dumped(CONTACT_CHAT), chat=True, conversation_id="contact-2"),
    Sample("contact-lens", "o.json", dumped(CALL_ANALYTICS), conversation_id="analytics-1"),
    Sample("google", "p.json", dumped(GOOGLE), ("1", "2", "1")),
    Sample("azure-batch", "q.json", dumped(AZURE_BATCH), ("1", "2", "1")),
    Sample("azure-conversation", "r.json", dumped(AZURE_CONVERSATION), conversation_id="azure-1"),
    Sample("aliyun", "s.json", dumped(ALIYUN), _SPK, conversation_id="nls-1"),
    Sample("tingwu", "t.json", dumped(TINGWU), ("1", "2", "1"), conversation_id="tw-1"),
    Sample("tencent", "u.json", dumped(TENCENT), _SPK, conversation_id="tencent-77"),
    Sample("vcon", "v.json", dumped(VCON_TEXT), chat=True, conversation_id="vcon-1"),
    Sample("vcon", "w.json", dumped(VCON_CALL), timed=False, conversation_id="vcon-2"),
    Sample(
        "wecom",
        "x.jsonl",
        lined(WECOM),
        chat=True,
        conversation_id="lin-wmKunde@2026-03-02T01:14:05+00:00",
    ),
    Sample(
        "wechat-kf",
        "y.json",
        dumped(WECHAT_KF),
        chat=True,
        conversation_id="wk1-wm1@2026-03-02T01:14:05+00:00",
    ),
    Sample(
        "wechat-mp",
        "z.json",
        dumped(WECHAT_MP),
        chat=True,
        conversation_id="o1@2026-03-02T01:14:05+00:00",
    ),
    Sample("chatwoot", "za.jsonl", lined(CHATWOOT), chat=True, conversation_id="42"),
    Sample("chatwoot", "zb.json", dumped(CHATWOOT_EXPORT), chat=True, conversation_id="42"),
    Sample("rocketchat", "zc.json", dumped(ROCKETCHAT), chat=True, conversation_id="room-1"),
)
