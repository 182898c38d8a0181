"""Measure ``Session.feed`` in this process, with many conversations open at once.

The bundled example calls are cut into growing partials, as a recogniser gives them, many copies of
them interleaved.  What must come out is known and asserted.

    python benchmarks/live.py [--sessions 1000] [--step 4]

Times are given by the clock and by the processor: where others use the machine, the former includes
their share.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from jiyu import Checker, Conversation, Session
from jiyu.model import Event, Facts, Segment

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "calls.jsonl"
Item = Segment | Event


def items(conversation: Conversation, step: int) -> Iterator[Item]:
    """Yield the segments of a conversation, growing by ``step`` characters, and its events."""
    yield from conversation.events
    for number, turn in enumerate(conversation.turns):
        for end in range(step, len(turn.text), step):
            yield Segment(str(number), turn.text[:end], turn.speaker, turn.start, final=False)
        yield Segment(
            str(number), turn.text, turn.speaker, turn.start, turn.end, turn.at, turn.tags
        )


def facts(conversation: Conversation) -> Facts:
    """Return what is known of a conversation besides turns and events."""
    names = (name for name in Facts.__struct_fields__ if name != "events")
    return Facts(**{name: getattr(conversation, name) for name in names})


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of all lies, in milliseconds."""
    return values[min(len(values) - 1, int(len(values) * share))] * 1e3


def main() -> None:
    """Feed all sessions in turn and print how long single feeds took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--step", type=int, default=4)
    options = parser.parse_args()
    examples = [msgspec.json.decode(line, type=Conversation) for line in EXAMPLES.open("rb")]
    checker = Checker()
    # Patterns are compiled when a text first comes near them.
    expected = {c.conversation_id: checker.assess(c) for c in examples}
    for example in examples:
        warm = checker.open("warm")
        for item in items(example, 1):
            warm.feed(item)

    chosen = [examples[n % len(examples)] for n in range(options.sessions)]
    sessions = [checker.open(c.conversation_id, facts(c)) for c in chosen]
    left = [list(items(c, options.step))[::-1] for c in chosen]
    times: dict[str, list[tuple[float, float]]] = {"partial": [], "final": []}
    alerts = 0
    waiting = [n for n, some in enumerate(left) if some]
    order = random.Random(1)  # noqa: S311 - no secret
    gc.collect()
    gc.freeze()
    while waiting:
        place = order.randrange(len(waiting))
        number = waiting[place]
        item = left[number].pop()
        begin, worked = time.perf_counter(), time.thread_time()
        alerts += len(sessions[number].feed(item))
        taken = time.perf_counter() - begin, time.thread_time() - worked
        times["partial" if isinstance(item, Segment) and not item.final else "final"].append(taken)
        if not left[number]:
            waiting[place] = waiting[-1]
            waiting.pop()
    findings = sum(_closed(s, expected[s.conversation_id]) for s in sessions)
    assert findings == sum(len(expected[c.conversation_id].findings) for c in chosen)
    print(f"{options.sessions} sessions, {findings} findings, {alerts} alerts before the close")
    for name, taken in (*times.items(), ("all", times["partial"] + times["final"])):
        clock, processor = (sorted(values) for values in zip(*taken, strict=True))
        print(
            f"{name:8} {len(taken):7} feeds"
            f"  p50 {percentile(clock, 0.5):.3f}  p99 {percentile(clock, 0.99):.3f} ms"
            f"  (processor {percentile(processor, 0.5):.3f}, {percentile(processor, 0.99):.3f} ms)"
        )


def _closed(session: Session, expected: object) -> int:
    assessment = session.close()
    assert assessment == expected
    return len(assessment.findings)


if __name__ == "__main__":
    main()
