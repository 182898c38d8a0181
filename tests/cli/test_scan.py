"""``jiyu scan`` as its users run it: real processes, real files, real interruptions."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="needs signals and terminals of POSIX")
RUDE, HARSH, WEAK, FAINT = "你有完没完", "烦死人了", "不知道", "随便"


def line(name: str, agent: str = "您好", customer: str | None = None, **more: Any) -> bytes:
    """Return one conversation as a line without its end."""
    turns = [{"speaker": "customer", "text": customer}] if customer else []
    turns.append({"speaker": "agent", "text": agent})
    data = {"conversation_id": name, "agent_id": "A1", "turns": turns, **more}
    return json.dumps(data, ensure_ascii=False).encode()


def write(path: Path, *rows: bytes, end: bytes = b"\n") -> Path:
    """Write lines into a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(row + end for row in rows))
    return path


def decoded(data: bytes | Path) -> list[dict[str, Any]]:
    """Return the records of JSONL, each of which ends its line."""
    content = data.read_bytes() if isinstance(data, Path) else data
    assert not content or content.endswith(b"\n")
    return [json.loads(row) for row in content.splitlines()]


def ids(data: bytes | Path) -> list[str]:
    """Return the conversations of a result, in order."""
    return [record["conversation_id"] for record in decoded(data)]


def rejected(output: Path) -> list[tuple[str, int, str]]:
    """Return what was set aside beside an output file."""
    records = decoded(output.with_name(output.name + ".rejected.jsonl"))
    return [(Path(r["source"]).name, r["line"], r["reason"]) for r in records]


def test_good_input_gives_one_assessment_a_line_in_order(jiyu: Any, tmp_path: Path) -> None:
    """The whole assessment of each conversation stands in the order of the input."""
    names = [f"c{n}" for n in (5, 3, 9, 1)]
    write(tmp_path / "in.jsonl", *(line(n, RUDE if n == "c3" else "您好") for n in names))
    result = jiyu("scan", "in.jsonl")
    assert (result.code, result.err) == (0, "")
    assert ids(result.out) == names
    clean, rude = decoded(result.out)[:2]
    assert (clean["score"], clean["grade"], clean["findings"]) == (100.0, "A", [])
    assert {v["verdict"] for v in clean["verdicts"]} == {"pass"}
    assert (rude["score"], rude["grade"], rude["agent_id"]) == (80.0, "B", "A1")
    assert rude["policy"]["name"] == "test-policy"
    assert rude["findings"][0]["spans"] == [{"turn": 0, "start": 1, "end": 5, "text": "有完没完"}]


def test_output_file_holds_what_standard_output_would(jiyu: Any, tmp_path: Path) -> None:
    """``-o FILE`` writes the same bytes, tells nothing, and leaves nothing else behind."""
    write(tmp_path / "in.jsonl", line("a", RUDE), line("b"))
    piped = jiyu("scan", "in.jsonl", "-o", "-")
    filed = jiyu("scan", "in.jsonl", "--output", "out.jsonl")
    assert (filed.code, filed.out, filed.err) == (0, b"", "")
    assert (tmp_path / "out.jsonl").read_bytes() == piped.out
    assert sorted(f.name for f in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_standard_input_is_read(jiyu: Any) -> None:
    """``-`` is standard input, BOM, CRLF and a last line without end included."""
    stdin = b"\xef\xbb\xbf" + line("a", RUDE) + b"\r\n\r\n" + line("b") + b"\r\nbroken"
    result = jiyu("scan", "-", stdin=stdin)
    assert ids(result.out) == ["a", "b"]
    assert result.code == 2
    assert "-:4: not JSON" in result.err


def test_folders_globs_and_files_are_read_once_each(jiyu: Any, tmp_path: Path) -> None:
    """Paths are read in the order given, a folder's files by name, and none of them twice."""
    write(tmp_path / "in" / "b.jsonl", line("b"))
    write(tmp_path / "in" / "deep" / "c.jsonl", line("c"))
    write(tmp_path / "in" / "a.jsonl", line("a"))
    write(tmp_path / "in" / "notes.txt", b"not for us")
    write(tmp_path / "z[1].jsonl", line("z"))
    result = jiyu("scan", "z[1].jsonl", "in", "in/*.jsonl", tmp_path / "z?1].jsonl")
    assert result.code == 2  # the absolute glob names a file read before, under another name
    assert ids(result.out) == ["z", "a", "b", "c"]
    result = jiyu("scan", "in/b.jsonl", "in/**/*.jsonl")
    assert (result.code, ids(result.out)) == (0, ["b", "a", "c"])


def test_missing_input_is_told_and_the_rest_is_done(jiyu: Any, tmp_path: Path) -> None:
    """A file, glob or folder that gives nothing is a message and exit code 2, not an end."""
    write(tmp_path / "in.jsonl", line("a"))
    (tmp_path / "empty").mkdir()
    result = jiyu("scan", "gone.jsonl", "in.jsonl", "no*.jsonl", "empty")
    assert result.code == 2
    assert ids(result.out) == ["a"]
    told = [f"{name}: no such file" for name in ("gone.jsonl", "no*.jsonl", "empty")]
    assert result.err.splitlines() == told


BROKEN: list[tuple[bytes, str]] = [
    (b"hello", "not JSON: invalid character (byte 0)"),
    (line("x")[:-3], "not JSON: Input data was truncated"),
    (b"[1]", "Expected `object`, got `array`"),
    (b'{"turns":[]}', "Object missing required field `conversation_id`"),
    (b'{"conversation_id":" ","turns":[]}', "the conversation has no id"),
    (b'{"conversation_id":"x"}', "Object missing required field `turns`"),
    (
        b'{"conversation_id":"x","turns":[{"speaker":"agent"}]}',
        "Object missing required field `text` - at `$.turns[0]`",
    ),
    (line("x", start="秘密"), ""),  # an unknown key: fine
    (
        line("y", metadata="秘密", z=1),
        "Expected `object`, got `str` - at `$.metadata`",
    ),
    (b'{"z":1,"conversation_id":"x","turns":[{"text":"\xc4\xe3"}]}', "not UTF-8"),
    (b'{"conversation_id":"x","turns":[],"z":' + b"[" * 100_000, "nested too deeply"),
    (line("first"), "a conversation of this id was read before"),
]


@pytest.mark.parametrize("workers", [1, 2])
def test_broken_lines_are_set_aside_and_the_rest_is_done(
    jiyu: Any, tmp_path: Path, workers: int
) -> None:
    """Each broken line is kept with its file, number and reason; all others are judged."""
    rows = [line("first", RUDE), b"", *(raw for raw, _ in BROKEN), line("last", RUDE)]
    write(tmp_path / "in.jsonl", *rows, end=b"\r\n")
    out = tmp_path / "out.jsonl"
    result = jiyu("scan", "in.jsonl", "-o", "out.jsonl", "--workers", str(workers))
    assert result.code == 2
    assert result.out == b""
    assert result.err == f"{len(BROKEN) - 1} 行无法读取，见 out.jsonl.rejected.jsonl\n"
    assert ids(out) == ["first", "x", "last"]
    expected = [("in.jsonl", n, why) for n, (_, why) in enumerate(BROKEN, 3) if why]
    assert rejected(out) == expected
    records = decoded(tmp_path / "out.jsonl.rejected.jsonl")
    assert records[0]["raw"] == "hello"
    assert any(record["raw"].endswith(r'"\xc4\xe3"}]}') for record in records)


def test_reasons_on_a_terminal_or_in_a_log_say_nothing_of_the_transcript(jiyu: Any) -> None:
    """Without an output file broken lines are told on standard error, place and reason only."""
    bad = {"conversation_id": "x", "turns": [{"text": "机密", "speaker": "机密' `机密"}]}
    stdin = json.dumps(bad, ensure_ascii=False).encode() + b'\n{"turns": "\xe6\x9c\xba'
    result = jiyu("scan", "-", stdin=stdin)
    assert (result.code, result.out) == (2, b"")
    assert "-:1: a value is not one of those allowed - at `$.turns[0].speaker`" in result.err
    assert "-:2: not JSON" in result.err
    assert "机" not in result.err


def test_ids_are_unique_across_files(jiyu: Any, tmp_path: Path) -> None:
    """The first conversation of an id counts, and later ones are set aside where they stand."""
    write(tmp_path / "a.jsonl", line("1", RUDE), line("2"), line("1"))
    write(tmp_path / "b.jsonl", line("3"), line("2", RUDE))
    assert jiyu("scan", "a.jsonl", "b.jsonl", "-o", "out.jsonl").code == 2
    assert ids(tmp_path / "out.jsonl") == ["1", "2", "3"]
    again = "a conversation of this id was read before"
    assert rejected(tmp_path / "out.jsonl") == [("a.jsonl", 3, again), ("b.jsonl", 2, again)]


@pytest.mark.parametrize(
    ("form", "expected"), [("assessments", b""), ("findings", b""), ("csv", None)]
)
def test_empty_input_gives_an_empty_result(
    jiyu: Any, tmp_path: Path, form: str, expected: bytes | None
) -> None:
    """Nothing in, nothing out, and no complaint; a CSV still has its header."""
    write(tmp_path / "in.jsonl", b"", b"  ")
    result = jiyu.inside("scan", "in.jsonl", "--format", form)
    assert (result.code, result.err) == (0, "")
    if expected is None:
        assert len(list(csv.reader(io.StringIO(result.out.decode("utf-8-sig"))))) == 1
    else:
        assert result.out == expected


def test_huge_line_is_set_aside(jiyu: Any, tmp_path: Path) -> None:
    """A line of 70 MB is no conversation; only its beginning is kept, and its neighbours judged."""
    with (tmp_path / "in.jsonl").open("wb") as stream:
        stream.write(line("a") + b"\n" + b'{"conversation_id":"')
        for _ in range(70):
            stream.write(b"x" * 2**20)
        stream.write(b'"}\n' + line("b") + b"\n")
    assert jiyu("scan", "in.jsonl", "-o", "out.jsonl").code == 2
    assert ids(tmp_path / "out.jsonl") == ["a", "b"]
    told = [("in.jsonl", 2, "the line is too long to be a conversation")]
    assert rejected(tmp_path / "out.jsonl") == told
    assert (tmp_path / "out.jsonl.rejected.jsonl").stat().st_size < 2000


def test_rejected_lines_of_an_earlier_scan_do_not_stay(jiyu: Any, tmp_path: Path) -> None:
    """Once the input is repaired, nothing tells of lines that could not be read before."""
    write(tmp_path / "in.jsonl", b"broken")
    assert jiyu("scan", "in.jsonl", "-o", "out.jsonl").code == 2
    write(tmp_path / "in.jsonl", line("a"))
    assert jiyu("scan", "in.jsonl", "-o", "out.jsonl").code == 0
    assert not (tmp_path / "out.jsonl.rejected.jsonl").exists()


def test_what_a_scan_wrote_is_never_its_input(jiyu: Any, tmp_path: Path) -> None:
    """A folder that holds its own result can be scanned again with the same result."""
    write(tmp_path / "in.jsonl", line("a"), b"broken")
    for _ in range(2):
        assert jiyu("scan", ".", "-o", "out.jsonl").code == 2
        assert ids(tmp_path / "out.jsonl") == ["a"]
        assert len(rejected(tmp_path / "out.jsonl")) == 1
    result = jiyu("scan", "out.jsonl.rejected.jsonl")
    assert (result.code, result.out) == (2, b"")
    assert "nothing here but the output of scans" in result.err


@pytest.mark.parametrize("output", ["in.jsonl", "./in.jsonl", "deep/../in.jsonl"])
def test_input_is_never_overwritten(jiyu: Any, tmp_path: Path, output: str) -> None:
    """A file that is named as input and as output is refused and keeps its content."""
    (tmp_path / "deep").mkdir()
    source = write(tmp_path / "in.jsonl", line("a"))
    before = source.read_bytes()
    result = jiyu.inside("scan", "in.jsonl", "-o", output)
    assert result.code == 2
    assert "both input and output" in result.err
    assert source.read_bytes() == before


@pytest.mark.parametrize("output", [".", "gone/out.jsonl", "in"])
def test_output_that_cannot_be_written_is_one_message(
    jiyu: Any, tmp_path: Path, output: str
) -> None:
    """A folder, or a file in no folder, ends with exit code 2 and without a traceback."""
    write(tmp_path / "in" / "a.jsonl", line("a"))
    result = jiyu.inside("scan", "in", "-o", output)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_one_message(jiyu: Any, tmp_path: Path) -> None:
    """When nothing more can be written, the exit code is 2: 1 would say findings."""
    write(tmp_path / "in.jsonl", line("a"))
    with Path("/dev/full").open("wb") as full:
        process = jiyu.start("scan", "in.jsonl", stdout=full, stderr=subprocess.PIPE)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 2
    assert err.splitlines() == ["jiyu: No space left on device"]


@POSIX_ONLY
def test_reader_that_leaves_early_is_no_error(jiyu: Any, tmp_path: Path) -> None:
    """``jiyu scan … | head`` ends quietly with the exit code of a broken pipe."""
    write(tmp_path / "in.jsonl", *(line(str(n)) for n in range(2000)))
    process = jiyu.start("scan", "in.jsonl", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith(b'{"conversation_id":"0"')
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


@POSIX_ONLY
def test_named_pipe_is_read_like_a_file(jiyu: Any, tmp_path: Path) -> None:
    """``jiyu scan <(zcat …)`` reads what the other command writes."""
    os.mkfifo(tmp_path / "pipe")
    with jiyu.start("scan", "pipe", stdout=subprocess.PIPE) as process:
        (tmp_path / "pipe").write_bytes(line("a") + b"\n")
        assert ids(process.communicate(timeout=60)[0]) == ["a"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("workers", [1, 2])
def test_file_name_of_another_encoding_is_read(jiyu: Any, tmp_path: Path, workers: int) -> None:
    """A folder from a GBK archive is scanned, and its names can be written down."""
    (tmp_path / "in").mkdir()
    name = os.fsencode(tmp_path / "in") + "/你好.jsonl".encode("gbk")
    Path(os.fsdecode(name)).write_bytes(line("a") + b"\nbroken\n")
    assert jiyu("scan", "in", "-o", "out.jsonl", "--workers", str(workers)).code == 2
    assert ids(tmp_path / "out.jsonl") == ["a"]
    assert rejected(tmp_path / "out.jsonl")[0][0] == r"\xc4\xe3\xba\xc3.jsonl"


def test_findings_are_written_one_a_line(jiyu: Any, tmp_path: Path) -> None:
    """``--format findings`` gives each finding with its conversation and agent."""
    write(tmp_path / "in.jsonl", line("a", RUDE + "，" + HARSH, team="一组"), line("b"))
    result = jiyu("scan", "in.jsonl", "--format", "findings")
    first, second = decoded(result.out)
    assert (first["rule"], second["rule"]) == ("T-01", "T-03")
    assert (first["conversation_id"], first["agent_id"], first["team"]) == ("a", "A1", "一组")
    assert first["severity"] == "critical"
    assert len(first["finding_id"]) == 16


def test_csv_opens_in_a_spreadsheet_and_runs_nothing_there(jiyu: Any, tmp_path: Path) -> None:
    """A CSV begins with the mark Excel needs, and no cell of it is a formula."""
    starts = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
    rows = [line(f"{s}id", f'{s}1 "x",\n{RUDE}', agent_id=f"{s}cmd()", team=s) for s in starts]
    write(tmp_path / "in.jsonl", *rows, line("plain", RUDE, agent_id=None))
    result = jiyu("scan", "in.jsonl", "--format", "csv")
    assert result.code == 0
    assert result.out.startswith(b"\xef\xbb\xbfconversation_id,agent_id,team,")
    table = list(csv.DictReader(io.StringIO(result.out.decode("utf-8-sig"), newline="")))
    assert len(table) == len(starts) + 1
    assert not [cell for row in table for cell in row.values() if cell.startswith(tuple(starts))]
    for start, row in zip(starts, table, strict=False):
        assert row["conversation_id"] == f"'{start}id"
        assert row["agent_id"] == f"'{start}cmd()"
        assert row["turn_text"] == f'\'{start}1 "x",\n{RUDE}'
        assert (row["rule"], row["words"], row["turn"]) == ("T-01", "有完没完", "0")
    assert (table[-1]["agent_id"], table[-1]["turn_text"]) == ("", RUDE)


@pytest.mark.parametrize("form", ["csv", "table"])
def test_personal_data_is_masked_unless_asked_for(jiyu: Any, tmp_path: Path, form: str) -> None:
    """What leaves for a desk or a spreadsheet shows no number; the words beside it stay."""
    phone = "13800138000"
    write(tmp_path / "in.jsonl", line("a", f"{phone}，{RUDE}", customer=f"我是{phone}"))
    masked = jiyu("scan", "in.jsonl", "--format", form).out.decode()
    asked = jiyu("scan", "in.jsonl", "--format", form, "--unmasked").out.decode()
    assert phone not in masked
    assert RUDE in masked
    assert phone in asked


def test_table_counts_by_rule_and_agent(jiyu: Any, tmp_path: Path) -> None:
    """``--format table`` is for people: totals, rules, agents, and the worst in place."""
    rows = [line("a", RUDE), line("b", RUDE + HARSH, agent_id="A2"), line("c"), b"broken"]
    write(tmp_path / "in.jsonl", *rows)
    piped = jiyu("scan", "in.jsonl", "--format", "table")
    filed = jiyu("scan", "in.jsonl", "--format", "table", "-o", "out.txt")
    assert (piped.code, filed.code, filed.out) == (2, 2, b"")
    for text in (piped.text, (tmp_path / "out.txt").read_text(encoding="utf-8")):
        assert "测试规范 1：3 个会话，3 处违规，1 行无法读取" in text
        cells = [row.split() for row in text.splitlines()]
        assert ["T-01", "2", "极严重", "你有完没完?"] in cells
        assert ["T-03", "1", "严重", "烦死人了"] in cells
        assert ["A1", "2", "1", "90.0"] in cells
        assert ["A2", "1", "2", "70.0"] in cells
        assert "极严重 T-01 a 第1句 你有完没完" in text
        assert "\x1b" not in text


@pytest.mark.parametrize("form", ["assessments", "csv"])
def test_workers_change_nothing(jiyu: Any, tmp_path: Path, form: str) -> None:
    """Two processes write the same bytes in the same order as one."""
    rows = [line(str(n), (RUDE, "您好", HARSH)[n % 3] + str(n)) for n in range(900)]
    rows[450] = b"broken"
    rows[700] = rows[10]
    write(tmp_path / "in.jsonl", *rows)
    for workers in ("1", "2"):
        args = ("in.jsonl", "--format", form, "-o", f"out{workers}", "--workers", workers)
        assert jiyu("scan", *args).code == 2
    assert (tmp_path / "out1").stat().st_size > 500
    assert (tmp_path / "out1").read_bytes() == (tmp_path / "out2").read_bytes()
    assert rejected(tmp_path / "out1") == rejected(tmp_path / "out2")


@pytest.mark.parametrize(
    ("said", "bar", "code"),
    [
        ("您好", "info", 0),
        (RUDE, None, 0),
        (RUDE, "critical", 1),
        (HARSH, "critical", 0),
        (HARSH, "major", 1),
        (WEAK, "major", 0),
        (WEAK, "minor", 1),
        (FAINT, "minor", 0),
        (FAINT, "info", 1),
    ],
)
def test_exit_code_follows_the_bar(
    jiyu: Any, tmp_path: Path, said: str, bar: str | None, code: int
) -> None:
    """Exit code 1 says that something at least as severe as ``--fail-on`` was found."""
    options = ["--fail-on", bar] if bar else []
    write(tmp_path / "in.jsonl", line("a", said, customer="怎么办"))
    result = jiyu.inside("scan", "in.jsonl", *options)
    assert result.code == code
    assert len(decoded(result.out)) == 1


def test_broken_input_outweighs_findings(jiyu: Any) -> None:
    """Exit code 2 stands for input that was not judged, whatever was found in the rest."""
    stdin = line("a", RUDE) + b"\nbroken\n"
    assert jiyu("scan", "-", "--fail-on", "info", stdin=stdin).code == 2
    assert jiyu("scan", "-", "--fail-on", "info", stdin=line("a", RUDE)).code == 1


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["in.jsonl", "--format", "xml"],
        ["in.jsonl", "--workers", "0"],
        ["in.jsonl", "--fail-on", "awful"],
        ["in.jsonl", "--resume"],
        ["in.jsonl", "--policy", "gone"],
    ],
)
def test_wrong_usage_is_exit_code_2(jiyu: Any, tmp_path: Path, args: list[str]) -> None:
    """A command that makes no sense is a message on standard error and nothing on the other."""
    write(tmp_path / "in.jsonl", line("a"))
    result = jiyu.inside("scan", *args)
    assert (result.code, result.out) == (2, b"")
    assert result.err
    assert "Traceback" not in result.err


def test_policy_whose_examples_fail_is_refused(jiyu: Any, tmp_path: Path, policy_dir: Path) -> None:
    """A policy that does not do what its examples say judges nobody."""
    policy = tmp_path / "policy"
    for file in policy_dir.rglob("*.yaml"):
        content = file.read_text(encoding="utf-8").replace("flags: [你滚开]", "flags: [你好]")
        write(policy / file.relative_to(policy_dir), content.encode())
    result = jiyu("scan", "-", policy=policy, stdin=line("a"))
    assert (result.code, result.out) == (2, b"")
    assert "rude.yaml:19: T-05: not flagged: 你好" in result.err


def test_resume_without_a_checkpoint_starts_afresh(jiyu: Any, tmp_path: Path) -> None:
    """``--resume`` can always be given, also for the first run and after a finished one."""
    write(tmp_path / "in.jsonl", line("a"))
    for _ in range(2):
        assert jiyu("scan", "in.jsonl", "-o", "out.jsonl", "--resume").code == 0
        assert ids(tmp_path / "out.jsonl") == ["a"]


SIZE = 20_000


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 10,000 conversations; now and then one is rude, broken, or there twice."""
    rows = []
    for n in range(SIZE):
        said = (RUDE, HARSH, "好的，我帮您看看" * 8)[min(n % 7, 2)]
        rows.append(line(f"c{n}", said, "怎么办", agent_id=f"A{n % 5}"))
        if n % 1000 == 500:
            rows += [b"broken", rows[n // 2], b""]
    return write(tmp_path_factory.mktemp("big") / "in.jsonl", *rows)


Untouched = Callable[[Any, str], Path]


@pytest.fixture(scope="module")
def untouched(big: Path) -> Untouched:
    """Results of scans that nobody interrupted, made once for each format."""

    def scanned(jiyu: Any, form: str) -> Path:
        whole = big.with_name(form)
        if not whole.exists():
            assert jiyu("scan", big, "--format", form, "-o", whole).code == 2
        return whole

    return scanned


def kill_at(process: subprocess.Popen[bytes], output: Path, size: int) -> None:
    """Kill a scan once its output has reached a size; fail if it ends before."""
    deadline = time.monotonic() + 60
    while not output.exists() or output.stat().st_size < size:
        assert process.poll() is None, "the scan ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait(60)


@POSIX_ONLY
@pytest.mark.parametrize(
    ("form", "workers", "kills"),
    [("assessments", "1", 3), ("assessments", "2", 1), ("csv", "1", 1)],
)
def test_killed_scan_goes_on_where_it_was(
    jiyu: Any, tmp_path: Path, big: Path, untouched: Untouched, form: str, workers: str, kills: int
) -> None:
    """However often a scan is killed, its results end up as if nobody had touched it."""
    whole, cut = untouched(jiyu, form), tmp_path / "cut"
    common = (big, "--format", form, "--workers", workers, "--fail-on", "info")
    reach = whole.stat().st_size
    for _ in range(kills):
        start = cut.stat().st_size if cut.exists() else 0
        size = start + int((reach - start) * random.uniform(0.05, 0.6))
        process = jiyu.start("scan", *common, "-o", cut, "--resume", stderr=subprocess.DEVNULL)
        kill_at(process, cut, size)
        assert (tmp_path / "cut.resume.json").exists()
        with cut.open("ab") as stream:
            stream.write(b'{"half a li')
    last = jiyu("scan", *common, "-o", cut, "--resume")
    assert last.code == 2
    assert last.err == f"{2 * SIZE // 1000} 行无法读取，见 {cut}.rejected.jsonl\n"
    assert cut.read_bytes() == whole.read_bytes()
    assert (
        Path(f"{cut}.rejected.jsonl").read_bytes() == Path(f"{whole}.rejected.jsonl").read_bytes()
    )
    assert not (tmp_path / "cut.resume.json").exists()


@POSIX_ONLY
def test_killed_scan_takes_its_workers_along(jiyu: Any, tmp_path: Path, big: Path) -> None:
    """No worker process waits for ever for a scan that is no more."""
    out = tmp_path / "out"
    options = ("--workers", "2", "-o", out)
    process = jiyu.start("scan", big, *options, stderr=subprocess.PIPE)
    kill_at(process, out, 1000)
    process.communicate(timeout=10)  # ends when the last process that could write has ended


@pytest.fixture
def interrupted(jiyu: Any, tmp_path: Path, big: Path) -> Path:
    """The output of a scan that was killed on its way, some chunks after the first."""
    out = tmp_path / "out"
    kill_at(jiyu.start("scan", big, "-o", out, stderr=subprocess.DEVNULL), out, 400_000)
    return out


@POSIX_ONLY
def test_resume_of_another_scan_is_refused(
    jiyu: Any, tmp_path: Path, big: Path, interrupted: Path, policy_dir: Path
) -> None:
    """Other input, another policy or another format never continue a result, nor spoil it."""
    other = tmp_path / "policy"
    for file in policy_dir.rglob("*.yaml"):
        content = file.read_bytes().replace(b'version: "1"', b'version: "2"')
        write(other / file.relative_to(policy_dir), content)
    write(tmp_path / "more.jsonl", line("a"))
    before = interrupted.read_bytes()
    for args, policy in [
        ((big, "more.jsonl"), None),
        ((big, "--format", "findings"), None),
        ((big,), other),
    ]:
        result = jiyu("scan", *args, "-o", interrupted, "--resume", policy=policy)
        assert result.code == 2
        assert "belongs to a scan of other input, another policy or another format" in result.err
    assert interrupted.read_bytes() == before


@POSIX_ONLY
@pytest.mark.parametrize(
    ("spoilt", "content", "told"),
    [
        ("out.resume.json", b"{", "out.resume.json: damaged"),
        ("out.resume.json", b'{"sources": ["\xff"]}', "out.resume.json: damaged"),
        ("out", b"{}\n", "out: shorter than the interrupted scan left it"),
        ("out", None, "out: "),
    ],
)
def test_resume_of_damaged_files_is_refused(
    jiyu: Any, big: Path, interrupted: Path, spoilt: str, content: bytes | None, told: str
) -> None:
    """What cannot be taken up is told, rather than filled with something."""
    file = interrupted.with_name(spoilt)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    result = jiyu("scan", big, "-o", interrupted, "--resume")
    assert result.code == 2
    assert told in result.err
    assert len(result.err.splitlines()) == 1


@POSIX_ONLY
def test_interrupted_output_among_shell_names_is_no_input(jiyu: Any, tmp_path: Path) -> None:
    """``jiyu scan *.jsonl -o out.jsonl --resume`` goes on although the shell names the output."""
    write(tmp_path / "in.jsonl", line("a"))
    write(tmp_path / "out.jsonl", b"half")
    out = jiyu("scan", "in.jsonl", "-o", "out.jsonl")
    assert out.code == 0
    checkpoint = {"sources": ["in.jsonl"], "policy": "", "format": "assessments"}
    checkpoint["policy"] = decoded(tmp_path / "out.jsonl")[0]["policy"]["digest"]
    (tmp_path / "out.jsonl.resume.json").write_text(json.dumps(checkpoint))
    args = ("in.jsonl", "out.jsonl", "-o", "out.jsonl", "--resume")
    assert jiyu("scan", *args).code == 0
    assert ids(tmp_path / "out.jsonl") == ["a"]


def on_terminal(jiyu: Any, *args: str | Path) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; return its exit code and all that was shown."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = jiyu.start(*args, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(60), shown.decode()


@POSIX_ONLY
def test_terminal_shows_progress_and_a_table(jiyu: Any, big: Path) -> None:
    """A person gets a bar with count, rate and time left, then the summary instead of data."""
    code, shown = on_terminal(jiyu, "scan", big)
    assert code == 2
    bar, _, table = shown.rpartition("\x1b[?25h")
    assert "%" in bar
    assert "个会话" in bar
    assert "MB/s" in bar
    assert "测试规范" in table
    assert f"{SIZE} 个会话" in table
    assert "\x1b[1;4;31m有完没完\x1b[0m" in table
    assert '"conversation_id"' not in shown


@POSIX_ONLY
def test_transcript_cannot_steer_the_terminal(jiyu: Any, tmp_path: Path) -> None:
    """Escape sequences of texts, ids and names arrive as harmless signs."""
    evil = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"
    row = line(f"{evil}c", f"{evil}{RUDE}{evil}", agent_id=f"{evil}[bold]:100:\\")
    write(tmp_path / "in.jsonl", row)
    _, shown = on_terminal(jiyu, "scan", "in.jsonl")
    assert "owned" in shown
    assert "[bold]:100:\\ " in shown
    for sequence in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\u202e"):
        assert sequence not in shown
    piped = jiyu("scan", "in.jsonl", "--format", "table")
    assert not [c for c in piped.text if not c.isprintable() and c != "\n"]


@POSIX_ONLY
def test_only_data_reaches_a_pipe(jiyu: Any, big: Path) -> None:
    """Standard output in a pipe holds assessments and nothing else: no bar, colour or summary."""
    result = jiyu("scan", big)
    assert result.code == 2
    assert len(decoded(result.out)) == SIZE
    assert b"\x1b" not in result.out
    assert "\x1b" not in result.err


def peak_memory(jiyu: Any, source: Path, *options: str) -> float:
    """Return the most memory that a scan of a file took, in megabytes."""
    process = jiyu.start("scan", source, "-o", source.with_suffix(".out"), *options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


@POSIX_ONLY
@pytest.mark.parametrize("workers", ["1", "2"])
def test_memory_does_not_grow_with_the_input(jiyu: Any, tmp_path: Path, workers: str) -> None:
    """Ten times the input takes about the same memory."""
    filling = "好的，我帮您看看" * 20
    sizes = {}
    for megabytes in (5, 50):
        path = tmp_path / f"{megabytes}.jsonl"
        with path.open("wb") as stream:
            for n in range(megabytes * 200):
                stream.write(line(f"c{n}", filling, note=[filling] * 9) + b"\n")
        assert path.stat().st_size > megabytes * 900_000
        sizes[megabytes] = peak_memory(jiyu, path, "--workers", workers)
    assert sizes[50] - sizes[5] < 12
