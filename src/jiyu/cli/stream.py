"""``jiyu stream``: judge conversations while they go on."""

from __future__ import annotations

import gc
import queue
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Annotated

import msgspec
import typer

from jiyu.authoring.verified import require_examples
from jiyu.checker import Checker
from jiyu.cli.options import FailOn, PolicyOption
from jiyu.cli.output import SeenIds
from jiyu.cli.sources import STDIN
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line, read_lines
from jiyu.formats.dialects import DIALECTS, Reader, reader_of
from jiyu.formats.live import Closing, Item
from jiyu.model import Alert, Assessment, Event, Facts, Segment, Severity, at_least
from jiyu.policy.load import load_policy
from jiyu.session import Session
from jiyu.session.masking import masked

#: Lines that are read ahead of the judging.
_AHEAD = 256


class Closed(msgspec.Struct, frozen=True, tag="closed", tag_field="type"):
    """The last line of a conversation."""

    assessment: Assessment


class _Stop(BaseException):
    """The process was asked to end."""


def stream(
    policy: PolicyOption = None,
    dialect: Annotated[
        str,
        typer.Option(help=f"来源 · what sends the lines: jiyu, {', '.join(DIALECTS)}."),
    ] = "jiyu",
    idle: Annotated[
        float,
        typer.Option(min=0.01, help="多少秒没有动静就结束会话 · close after so many idle seconds."),
    ] = 1800.0,
    fail_on: FailOn = None,
    unmasked: Annotated[
        bool,
        typer.Option("--unmasked", help="提醒里显示个人资料 · show personal data in alerts."),
    ] = False,
) -> None:
    """边通话边检查：从标准输入读，随时写出提醒 · judge live JSON lines, write alerts."""
    try:
        reader = reader_of(dialect)
    except KeyError:
        known = ", ".join(("jiyu", *DIALECTS))
        raise InputError(Problem("--dialect", None, f"unknown; known are {known}")) from None
    checker = Checker(load_policy(policy))
    require_examples(checker)
    # The policy stays as it is: looking through it for garbage would hold up alerts.
    gc.freeze()
    live = Live(checker, reader, idle, fail_on, unmasked=unmasked)
    try:
        with _stoppable():
            live.run(_lines(idle))
    finally:
        live.seen.close()
    if live.bad:
        typer.echo(f"{live.bad} 行无法读取", err=True)
    raise typer.Exit(2 if live.bad else int(live.reached))


class Live:
    """All conversations that are open on one stream.

    Attributes:
        bad: How many lines could not be read.
        reached: Whether anything was found as severe as ``fail_on``.
    """

    def __init__(
        self,
        checker: Checker,
        reader: Reader,
        idle: float,
        fail_on: Severity | None,
        *,
        unmasked: bool,
    ) -> None:
        self._checker = checker
        self._reader = reader
        self._idle = idle
        self._fail_on = fail_on
        self._unmasked = unmasked
        self._encoder = msgspec.json.Encoder()
        # The one that has been quiet for longest comes first.
        self._open: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self.seen = SeenIds()
        self.bad = 0
        self.reached = False

    def run(self, lines: Iterator[Line | None]) -> None:
        """Take in lines up to the last, or until the process is asked to end; close everything.

        Args:
            lines: ``None`` now and then when there is none.
        """
        try:
            for line in lines:
                if line is not None:
                    self._take(line)
                self._close_idle()
        except _Stop:
            pass
        while self._open:
            self._close(next(iter(self._open)), Facts())
        sys.stdout.buffer.flush()

    def _take(self, line: Line) -> None:
        try:
            message = self._reader.read(line)
            session = self._session(line, message.conversation_id)
        except InputError as error:
            self.bad += 1
            typer.echo(str(error), err=True)
            return
        for item in message.items:
            self._feed(session, item)

    def _session(self, line: Line, name: str) -> Session:
        known = self._open.get(name)
        if known is None:
            if not self.seen.add(name):
                raise InputError(Problem(line.source, line.number, "the conversation is closed"))
            known = (self._checker.open(name), 0.0)
        self._open[name] = (known[0], time.monotonic())
        self._open.move_to_end(name)
        return known[0]

    def _feed(self, session: Session, item: Item) -> None:
        match item:
            case Closing(facts):
                self._close(session.conversation_id, facts)
            case Facts():
                self._write(session, session.learn(item))
            case Segment() | Event():
                self._write(session, session.feed(item))

    def _close_idle(self) -> None:
        late = time.monotonic() - self._idle
        while self._open and next(iter(self._open.values()))[1] < late:
            self._close(next(iter(self._open)), Facts())

    def _close(self, name: str, facts: Facts) -> None:
        session, _ = self._open[name]
        assessment = session.close(facts)
        self._write(session, session.settling)
        self._put(Closed(assessment))
        # Only now: a conversation is closed once its last line is written.
        del self._open[name]
        self._reader.forget(name)
        severe = self._fail_on
        self.reached |= any(severe and at_least(f.severity, severe) for f in assessment.findings)

    def _write(self, session: Session, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self._put(alert if self._unmasked else masked(session.turns, alert))

    def _put(self, line: Alert | Closed) -> None:
        sys.stdout.buffer.write(self._encoder.encode(line) + b"\n")
        sys.stdout.buffer.flush()


class _stoppable:  # noqa: N801 - used like a function
    """Let Ctrl-C and SIGTERM end the reading once, and not the closing that follows."""

    def __enter__(self) -> None:
        self._before = [
            (number, signal.signal(number, self._stop))
            for number in (signal.SIGINT, signal.SIGTERM)
        ]

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)

    @staticmethod
    def _stop(_: int, __: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise _Stop


def _lines(idle: float) -> Iterator[Line | None]:
    """Yield the lines of standard input as they come, and ``None`` while there are none.

    A thread reads them: no way to wait for a pipe with a time limit works on every system.
    """
    lines: queue.Queue[Line | None] = queue.Queue(_AHEAD)
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    wait = min(1.0, idle / 4)
    while True:
        try:
            line = lines.get(timeout=wait)
        except queue.Empty:
            yield None
            continue
        if line is None:
            return
        yield line


def _read(lines: queue.Queue[Line | None]) -> None:
    # Not ``sys.stdin``: a thread that waits in it would keep the interpreter from ending.
    with open(sys.stdin.fileno(), "rb", closefd=False) as pipe:
        for line in read_lines(pipe, STDIN):
            lines.put(line)
    lines.put(None)
