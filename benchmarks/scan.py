"""Measure ``jiyu scan`` as whole processes, as ratios to two other programs in the same run.

``limit.py`` does the least that any scan must do; ``obvious.py`` is the program that one would
write first.  The input is the bundled example calls many times over, so the number of findings is
known and asserted.

    python benchmarks/scan.py [--copies 400] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from jiyu import Checker, Conversation

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples" / "calls.jsonl"
JIYU = [sys.executable, "-m", "jiyu", "scan"]


def generate(target: Path, copies: int) -> tuple[int, int]:
    """Write the input; return its conversations and the findings that it must give."""
    lines = EXAMPLES.read_bytes().splitlines()
    conversations = [msgspec.json.decode(line, type=Conversation) for line in lines]
    findings = sum(len(a.findings) for a in Checker().assess_all(conversations))
    with target.open("wb") as out:
        for copy in range(copies):
            for conversation in conversations:
                named = msgspec.structs.replace(
                    conversation, conversation_id=f"{conversation.conversation_id}-{copy}"
                )
                out.write(msgspec.json.encode(named) + b"\n")
    return copies * len(conversations), copies * findings


def seconds(command: list[str]) -> float:
    """Run a whole process and return its wall-clock time."""
    start = time.perf_counter()
    result = subprocess.run(command, check=False, capture_output=True)
    if result.returncode:
        raise SystemExit(result.stderr.decode())
    return time.perf_counter() - start


def main() -> None:
    """Run all programs in turn, several rounds, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        conversations, findings = generate(source, options.copies)
        plain = [str(source), str(target)]
        scan = [*JIYU, str(source), "-o", str(target), "--format", "findings"]
        programs = {
            "limit": [sys.executable, str(HERE / "limit.py"), *plain],
            "obvious": [sys.executable, str(HERE / "obvious.py"), *plain],
            "jiyu, 1 worker": scan,
            "jiyu, 2 workers": [*scan, "--workers", "2"],
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(options.rounds):
            for name, command in programs.items():
                times[name].append(seconds(command))
                if name.startswith("jiyu"):
                    found = len(target.read_bytes().splitlines())
                    assert found == findings, f"{found} findings instead of {findings}"
        size = source.stat().st_size / 1e6
        print(f"{conversations} conversations, {size:.1f} MB, {findings} findings")
        limit = statistics.median(times["limit"])
        for name, measured in times.items():
            median = statistics.median(measured)
            print(f"{name:16} {median:7.2f} s  {median / limit:6.2f} × limit")


if __name__ == "__main__":
    main()
