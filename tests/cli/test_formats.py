"""``jiyu scan`` and ``jiyu convert`` on files of every format: real processes, mixed folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samples import ASK, BEGIN, RUDE, SAMPLES, lined

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs links of POSIX")


def decoded(path: Path) -> list[dict[str, Any]]:
    """Return the records of JSONL."""
    return [json.loads(row) for row in path.read_bytes().splitlines()]


def folder(path: Path) -> Path:
    """Write a sample of every format into a folder, each with an id of its own."""
    path.mkdir(exist_ok=True)
    for sample in SAMPLES:
        if sample.name in ("b.json", "f.tsv", "g.xlsx", "h.parquet", "k.json", "zb.json", "e.csv"):
            continue  # the same conversation once more
        (path / sample.name).write_bytes(sample.data)
    return path


def test_mixed_folder_is_scanned_to_its_end(jiyu: Any, tmp_path: Path) -> None:
    """Every format gives its verdicts; what is broken is told with its place, and the code is 2."""
    calls = folder(tmp_path / "calls")
    (calls / "broken.json").write_bytes(b'{\n "segments": [}')
    (calls / "other.json").write_bytes(b'{"a": 1}')
    (calls / "half.vtt").write_bytes(b"WEBVTT\n\n00:0x --> 00:02\nok\n")
    (calls / "notes.txt").write_bytes(b"not for us")
    result = jiyu("scan", "calls", "-o", "out.jsonl", "--agent-speaker", "0")
    assert result.code == 2
    told = result.err.splitlines()
    assert told[-1].endswith("个会话分不清谁是客服，可用 --agent-speaker 指定")
    assert any(line.startswith("1 行无法读取") for line in told)
    assert any(line.startswith("calls/broken.json:2: not JSON") for line in told)
    assert any(line.startswith("calls/other.json: in no format") for line in told)
    found = {r["conversation_id"]: r for r in decoded(tmp_path / "out.jsonl")}
    assert len(found) == len(list(calls.iterdir())) - 3
    for name in ("c-1", "calls/c", "vcon-1", "42", "rec-1", "nls-1", "tencent-77"):
        assert [f["rule"] for f in found[name]["findings"]] == ["T-01"], name
    (rejected,) = decoded(tmp_path / "out.jsonl.rejected.jsonl")
    assert (rejected["source"], rejected["line"]) == ("calls/half.vtt", 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_converting_first_changes_nothing(jiyu: Any, tmp_path: Path, workers: int) -> None:
    """Scan of the converted equals scan of the original, byte for byte."""
    folder(tmp_path / "calls")
    assert jiyu("scan", "calls", "-o", "a.jsonl", "--workers", str(workers)).code == 0
    assert jiyu.inside("convert", "calls", "-o", "canonical.jsonl").code == 0
    assert jiyu("scan", "canonical.jsonl", "-o", "b.jsonl").code == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    again = jiyu.inside("convert", "canonical.jsonl")
    assert again.out == (tmp_path / "canonical.jsonl").read_bytes()


def test_interrupted_scan_of_a_table_is_taken_up(jiyu: Any, tmp_path: Path) -> None:
    """The conversations of any format are units: none is judged twice, none is left out."""
    rows = "".join(f"c{n},客服,有完没完\n" for n in range(450))
    (tmp_path / "t.csv").write_text("会话编号,角色,内容\n" + rows, encoding="gb18030")
    assert jiyu.inside("scan", "t.csv", "-o", "whole.jsonl").code == 0
    whole = (tmp_path / "whole.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    digest = json.loads(lines[0])["policy"]["digest"]
    done = b"".join(lines[:200])
    (tmp_path / "out.jsonl").write_bytes(done + b'{"half')
    checkpoint = {
        "sources": ["t.csv"], "policy": digest, "format": "assessments", "lines": 200,
        "bytes": len(done),
    }  # fmt: skip
    (tmp_path / "out.jsonl.resume.json").write_text(json.dumps(checkpoint))
    changed = jiyu.inside("scan", "t.csv", "-o", "out.jsonl", "--resume", "--agent-speaker", "x")
    assert (changed.code, changed.out) == (2, b"")
    assert jiyu.inside("scan", "t.csv", "-o", "out.jsonl", "--resume").code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == whole


def test_format_may_be_forced(jiyu: Any, tmp_path: Path) -> None:
    """``--input-format`` reads what is not recognised, and a wrong name lists the right ones."""
    (tmp_path / "t.txt").write_text("角色,内容\n客服,有完没完\n", encoding="utf-8")
    result = jiyu.inside("scan", "t.txt", "--input-format", "csv")
    assert (result.code, json.loads(result.out)["conversation_id"]) == (0, "t")
    wrong = jiyu.inside("scan", "t.txt", "--input-format", "word")
    assert wrong.code == 2
    assert "whisperx" in wrong.err


def test_columns_are_mapped(jiyu: Any, tmp_path: Path) -> None:
    """``--columns`` says what headers mean; a map that cannot be read ends the scan."""
    (tmp_path / "t.csv").write_text("甲,乙\nA,有完没完\n", encoding="utf-8")
    (tmp_path / "map.yaml").write_text("columns: {speaker: 甲, text: 乙}\nspeakers: {agent: [A]}")
    result = jiyu.inside("convert", "t.csv", "--columns", "map.yaml")
    assert json.loads(result.out)["turns"][0]["speaker"] == "agent"
    gone = jiyu.inside("convert", "t.csv", "--columns", "gone.yaml")
    assert (gone.code, gone.out) == (2, b"")
    assert gone.err == "gone.yaml: No such file or directory\n"


def test_agent_is_said(jiyu: Any, tmp_path: Path) -> None:
    """Without it nobody is the agent and nothing passes; with it the rule is broken."""
    data = b'{"segments":[{"start":0,"end":1,"text":"\xe6\x9c\x89\xe5\xae\x8c\xe6\xb2\xa1\xe5\xae\x8c","speaker":"S1"}]}'  # noqa: E501
    (tmp_path / "c.json").write_bytes(data)
    unsaid = jiyu.inside("scan", "c.json")
    assert {v["verdict"] for v in json.loads(unsaid.out)["verdicts"]} == {"not_assessable"}
    assert unsaid.err == "1 个会话分不清谁是客服，可用 --agent-speaker 指定\n"
    said = jiyu.inside("scan", "c.json", "--agent-speaker", "S0", "--agent-speaker", "S1")
    assert [f["rule"] for f in json.loads(said.out)["findings"]] == ["T-01"]
    assert said.err == ""


def test_words_never_reach_an_error(jiyu: Any, tmp_path: Path) -> None:
    """Whatever is broken, no message repeats what was said."""
    for sample in SAMPLES:
        half = sample.data[: len(sample.data) * 2 // 3]
        (tmp_path / sample.name).write_bytes(half)
    result = jiyu.inside("convert", ".", "-o", "out/x")
    assert result.code == 2
    (tmp_path / "out").mkdir()
    result = jiyu.inside("convert", ".", "-o", "out/x")
    assert result.code == 2
    assert len(result.err.splitlines()) > 10
    assert not any(word in result.err for word in (RUDE, ASK, "完没", "物流"))


@POSIX_ONLY
def test_links_are_bounded(jiyu: Any, tmp_path: Path) -> None:
    """A loop of folders ends, a second name for a file is no second file, a broken link is none."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.vtt").write_bytes(SAMPLES[2].data)
    (tmp_path / "in" / "deep" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "b.vtt").symlink_to(tmp_path / "in" / "a.vtt")
    (tmp_path / "in" / "c.vtt").symlink_to(tmp_path / "gone.vtt")
    (tmp_path / "in" / "d.vtt").symlink_to("/dev/zero")
    (tmp_path / "outside.vtt").write_bytes(SAMPLES[2].data)
    (tmp_path / "in" / "e.vtt").symlink_to(tmp_path / "outside.vtt")
    result = jiyu.inside("convert", "in")
    assert (result.code, result.err) == (0, "")
    found = [json.loads(row)["conversation_id"] for row in result.out.splitlines()]
    assert found == ["in/a", "in/e"]


def test_standard_input_of_any_format(jiyu: Any) -> None:
    """A pipe is told by its content as well."""
    for sample in SAMPLES:
        if sample.form in ("xlsx", "wecom"):
            result = jiyu("convert", "-", stdin=sample.data)
            assert (result.code, result.err) == (0, "")
            assert RUDE in result.text
            expected = sample.conversation_id or "stdin"
            assert json.loads(result.text)["conversation_id"] == expected


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_a_chat_export(tmp_path: Path) -> None:
    """Messages of many mixed conversations are gathered on disk."""
    with (tmp_path / "in.jsonl").open("wb") as stream:
        for n in range(60_000):
            message = {
                "event": "message_created", "id": n, "content": "您好" * 200,
                "message_type": "outgoing", "created_at": BEGIN + n,
                "conversation": {"id": n % 5000},
            }  # fmt: skip
            stream.write(lined([message]))
    assert (tmp_path / "in.jsonl").stat().st_size > 70_000_000
    # What a process starts with counts as its own, so it must say itself what it came to.
    program = (
        "import sys, re, pathlib, jiyu.cli\n"
        "try:\n jiyu.cli.main()\n"
        "finally:\n status = pathlib.Path('/proc/self/status').read_text()\n"
        " print(re.search(r'VmHWM:\\s+(\\d+)', status)[1], file=sys.stderr)"
    )
    argv = [sys.executable, "-c", program, "convert", "in.jsonl", "-o", "out.jsonl"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True, timeout=120)
    assert int(done.stderr) < 220_000
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 5000
