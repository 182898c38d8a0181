"""``jiyu stream`` as a process: lines in, alerts out, everything settled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Jiyu

TEXTS = [
    "有完没完",
    "不知道",
    "我帮您查",
    "怎么办",
    "随便",
    "滚开",
    "好的",
    "您刚才说有完没完",
    "烦死人了",
]
MOBILE = "13812345678"


def encoded(*lines: Any) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def segment(name: str, text: str, conversation: str = "c", **more: Any) -> dict[str, Any]:
    return {
        "conversation_id": conversation,
        "segment_id": name,
        "speaker": "agent",
        "text": text,
        "final": True,
    } | more


def read(out: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def closed(out: bytes) -> dict[str, Any]:
    found = [line["assessment"] for line in read(out) if line["type"] == "closed"]
    assessments = {assessment["conversation_id"]: assessment for assessment in found}
    assert len(assessments) == len(found)
    return assessments


def calls(count: int) -> list[dict[str, Any]]:
    """Return made-up calls as ``scan`` reads them."""
    chance = random.Random(7)
    return [
        {
            "conversation_id": f"c-{number}",
            "channel": "phone",
            "agent_id": f"A{number % 7}",
            "started_at": "2026-03-02T09:14:05+08:00",
            "ended_by": "customer",
            "turns": [
                {
                    "speaker": chance.choice(["agent", "agent", "customer"]),
                    "text": "，".join(chance.choices(TEXTS, k=2)),
                    "start": 3.0 * turn,
                    "end": 3.0 * turn + 2,
                }
                for turn in range(chance.randrange(1, 9))
            ],
            "events": [{"type": "transfer", "at": 2.0, "by": "agent"}] * (number % 3),
        }
        for number in range(count)
    ]


def live(call: dict[str, Any], chance: random.Random) -> list[dict[str, Any]]:
    """Cut a call into revised partials."""
    name = {"conversation_id": call["conversation_id"]}
    facts = {key: call[key] for key in ("agent_id", "channel", "started_at")}
    lines: list[dict[str, Any]] = [name | {"open": facts}]
    for number, turn in enumerate(call["turns"]):
        text = turn["text"]
        for cut in sorted(chance.choices(range(len(text) + 1), k=3)):
            wrong = text[:cut].replace("完", "玩") if chance.random() < 0.3 else text[:cut]
            piece = {"segment_id": f"s{number}", "text": wrong, "final": False}
            lines.append(name | {"speaker": turn["speaker"], "start": turn["start"]} | piece)
        lines.append(name | {"segment_id": f"s{number}", "final": True} | turn)
    lines += [name | {"event": event} for event in call["events"]]
    return [*lines, name | {"close": True, "ended_by": call["ended_by"]}]


def interleaved(streams: list[list[Any]], chance: random.Random) -> list[Any]:
    queues = [stream[::-1] for stream in streams]
    lines: list[Any] = []
    while queues:
        queue = chance.choice(queues)
        lines.append(queue.pop())
        if not queue:
            queues.remove(queue)
    return lines


def test_many_calls_on_one_pipe_end_as_in_a_scan(jiyu: Jiyu, tmp_path: Path) -> None:
    """The same assessments, all of them, and every alert settled once."""
    chance, whole = random.Random(1), calls(200)
    lines = interleaved([live(call, chance) for call in whole], chance)
    result = jiyu("stream", stdin=encoded(*lines))
    (tmp_path / "calls.jsonl").write_bytes(encoded(*whole))
    scanned = jiyu("scan", "calls.jsonl", "--format", "assessments")
    expected = {a["conversation_id"]: a for a in read(scanned.out)}
    assert (result.code, result.err) == (0, "")
    assert closed(result.out) == expected
    state: dict[str, str] = {}
    for line in read(result.out):
        if line["type"] == "closed":
            continue
        name, before = line["finding"]["finding_id"], line.get("previous")
        allowed = {"raised": (None, "retracted"), "updated": ("open",)}
        was = state.pop(before or name, None)
        assert was in allowed.get(line["type"], ("open",))
        state[name] = line["type"] if line["type"] in ("confirmed", "retracted") else "open"
    confirmed = {name for name, what in state.items() if what == "confirmed"}
    assert confirmed == {f["finding_id"] for a in expected.values() for f in a["findings"]}
    assert "open" not in state.values()


def test_alerts_come_as_they_happen(jiyu: Jiyu) -> None:
    """A line out for a line in, while the pipe stays open."""
    with jiyu.start("stream", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encoded(segment("1", "有完没完", final=False)))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["type"] == "raised"
        process.stdin.write(encoded({"conversation_id": "c", "close": True}))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["type"] == "retracted"
        assert json.loads(process.stdout.readline())["type"] == "closed"
        process.stdin.close()
        assert process.wait(30) == 0


def test_quiet_conversations_are_closed(jiyu: Jiyu) -> None:
    """So that those whose end nobody told take no memory for ever."""
    command = ("stream", "--idle", "0.2")
    with jiyu.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encoded(segment("1", "有完没完")))
        process.stdin.flush()
        types = [json.loads(process.stdout.readline())["type"] for _ in range(3)]
        assert types == ["raised", "confirmed", "closed"]
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_what_is_open(jiyu: Jiyu, number: signal.Signals) -> None:
    """Nothing is left provisional."""
    with jiyu.start("stream", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encoded(segment("1", "有完没完")))
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        rest = process.stdout.read()
        assert [line["type"] for line in read(rest)] == ["confirmed", "closed"]
        assert process.wait(30) == 0


def test_bad_lines_are_told_and_set_aside(jiyu: Jiyu) -> None:
    """With their number, and without what was said in them."""
    lines = [
        segment("1", "有完没完"),
        {"segment_id": "2", "text": "秘密"},
        {"conversation_id": "c"},
        segment("3", "秘密", start="早上"),
        {"conversation_id": "c", "close": True},
        segment("4", "秘密"),
    ]
    result = jiyu("stream", stdin=b"{nothing\n" + encoded(*lines))
    assert result.code == 2
    told = [line.split(": ")[0] for line in result.err.splitlines()]
    assert told == ["-:1", "-:3", "-:4", "-:5", "-:7", "5 行无法读取"]
    assert "秘密" not in result.err
    assert len(closed(result.out)["c"]["findings"]) == 1


def test_unknown_keys_and_empty_values_are_taken(jiyu: Jiyu) -> None:
    """As in conversations."""
    line = segment("1", "有完没完", start=None, tags=None, confidence=0.9)
    result = jiyu("stream", stdin=encoded(line, {"conversation_id": "d", "open": {"x": 1}}))
    assert (result.code, sorted(closed(result.out))) == (0, ["c", "d"])


@pytest.mark.parametrize(("bar", "code"), [("minor", 1), ("critical", 0)])
def test_the_exit_code_tells_of_severe_findings(jiyu: Jiyu, bar: str, code: int) -> None:
    """As in a scan."""
    assert jiyu("stream", "--fail-on", bar, stdin=encoded(segment("1", "烦死人了"))).code == code


@pytest.mark.parametrize(("options", "shows"), [((), False), (("--unmasked",), True)])
def test_alerts_do_not_show_personal_data(
    jiyu: Jiyu, options: tuple[str, ...], shows: bool
) -> None:
    """Unless they shall."""
    policy = {"speaker": "agent"}
    result = jiyu("stream", *options, stdin=encoded(segment("1", f"滚开{MOBILE}") | policy))
    alerts = [line for line in read(result.out) if line["type"] != "closed"]
    assert alerts
    assert (MOBILE in json.dumps(alerts)) <= shows


def test_a_dialect_is_understood(jiyu: Jiyu) -> None:
    """Lines of the protocol's own may stand between its messages."""
    online = {"mode": "2pass-online", "text": "有完"}
    lines = [
        {"conversation_id": "c", "open": {"channel": "phone"}},
        {"conversation_id": "c", "speaker": "agent", "message": online},
        {
            "conversation_id": "c",
            "speaker": "agent",
            "message": {"mode": "2pass-offline", "text": "有完没完"},
        },
        {"conversation_id": "c", "close": True},
    ]
    result = jiyu("stream", "--dialect", "funasr", stdin=encoded(*lines))
    assert [f["rule"] for f in closed(result.out)["c"]["findings"]] == ["T-01"]


def test_an_unknown_dialect_is_an_error(jiyu: Jiyu) -> None:
    """That names those that are known."""
    result = jiyu("stream", "--dialect", "klingon")
    assert result.code == 2
    assert "transcribe" in result.err


def test_thousands_of_conversations_are_open_at_once(jiyu: Jiyu) -> None:
    """And all are closed at the end."""
    lines = [segment("1", "有完没完", f"c-{n}") for n in range(3000)]
    start = time.monotonic()
    result = jiyu("stream", stdin=encoded(*lines))
    assert len(closed(result.out)) == 3000
    assert time.monotonic() - start < 60
