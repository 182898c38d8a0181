"""Judge lines in chunks, in this process or in several, and keep the order of the input."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from jiyu.checker import Checker
from jiyu.cli.render import RENDERERS, masked
from jiyu.cli.show import Notes, notes
from jiyu.errors import InputError
from jiyu.formats.canonical import Line, decode
from jiyu.formats.speakers import Naming, name_speakers
from jiyu.model import Conversation
from jiyu.policy.load import load_policy

Format = Literal["assessments", "findings", "csv", "table"]
CHUNK_LINES = 200
CHUNK_BYTES = 2 * 1024 * 1024


class Judged(NamedTuple):
    """What became of one line: either a reason why it is no conversation, or data."""

    reason: str | None
    conversation_id: str = ""
    data: bytes = b""
    notes: Notes | None = None


Judge = Callable[[list[Line]], list[Judged]]


def chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Gather lines into chunks of bounded length and size."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line.raw)
        if len(chunk) >= CHUNK_LINES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def judge_with(checker: Checker, output: Format, naming: Naming, *, unmasked: bool) -> Judge:
    """Return a function that judges a chunk with a checker.

    Args:
        checker: What judges.
        output: The form of the result; whole assessments are the record and are never masked.
        naming: What is said about who speaks.
        unmasked: Whether personal data may be shown.
    """
    render = RENDERERS[output]

    def judge(lines: list[Line]) -> list[Judged]:
        read = [_read(line) for line in lines]
        found = [c for c in read if isinstance(c, Conversation)]
        conversations = name_speakers(found, checker.engine, naming)
        assessed = zip(conversations, checker.assess_all(conversations), strict=True)
        judged = []
        for item in read:
            if isinstance(item, Conversation):
                whole = next(assessed)
                shown = whole if unmasked or not whole[1].findings else masked(*whole)
                data = render(*(whole if output == "assessments" else shown))
                judged.append(Judged(None, item.conversation_id, data, notes(*shown)))
            else:
                judged.append(Judged(item))
        return judged

    return judge


def _read(line: Line) -> Conversation | str:
    try:
        return decode(line)
    except InputError as error:
        return error.problems[0].message


_worker_judge: Judge | None = None


def _start_worker(policy: Path | None, output: Format, naming: Naming, unmasked: bool) -> None:
    # A worker process builds its checker once; a process has no other place to keep it.
    global _worker_judge  # noqa: PLW0603
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _worker_judge = judge_with(Checker(load_policy(policy)), output, naming, unmasked=unmasked)


def _leave_with_parent() -> None:
    """End this process when the scan is killed: waiting for work, it would never know."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(packed: bytes) -> bytes:
    assert _worker_judge is not None  # noqa: S101 - the pool ran _start_worker first
    return msgspec.msgpack.encode(_worker_judge(msgspec.msgpack.decode(packed, type=list[Line])))


def run(
    lines: Iterable[Line],
    checker: Checker,
    policy: Path | None,
    output: Format,
    workers: int,
    naming: Naming,
    *,
    unmasked: bool,
) -> Iterator[tuple[list[Line], list[Judged]]]:
    """Yield every chunk with what became of it, in the order of the input.

    At most two chunks a worker are under way, so memory does not grow with the input.
    """
    if workers <= 1:
        judge = judge_with(checker, output, naming, unmasked=unmasked)
        for chunk in chunks(lines):
            yield chunk, judge(chunk)
        return
    pending: deque[tuple[list[Line], Future[bytes]]] = deque()
    with ProcessPoolExecutor(
        workers, get_context("spawn"), _start_worker, (policy, output, naming, unmasked)
    ) as pool:
        for chunk in chunks(lines):
            pending.append((chunk, pool.submit(_work, msgspec.msgpack.encode(chunk))))
            if len(pending) > 2 * workers:
                yield _finished(pending)
        while pending:
            yield _finished(pending)


def _finished(
    pending: deque[tuple[list[Line], Future[bytes]]],
) -> tuple[list[Line], list[Judged]]:
    chunk, future = pending.popleft()
    return chunk, msgspec.msgpack.decode(future.result(), type=list[Judged])
