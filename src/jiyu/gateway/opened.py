"""One conversation that is open in this process, in memory: what came, what is under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakSet

import msgspec

from jiyu.checker import Checker
from jiyu.formats.live import Closing, Item
from jiyu.gateway.lines import Said
from jiyu.model import Alert, Event, Facts, Segment
from jiyu.session import Session
from jiyu.session.masking import masked
from jiyu.store import alerts, leases
from jiyu.store.journal import Line
from jiyu.store.records import Record
from jiyu.store.scope import Scope

#: Lines after which a session is saved: so many are judged anew at most when it is taken over.
SNAPSHOT = 64
_encoder = msgspec.json.Encoder()


class Frame(NamedTuple):
    """Something to be told to a client; ``alert_id`` is ``None`` for what is no alert."""

    alert_id: int | None
    text: str


class Job:
    """A line under way, from its arrival to its commit.

    Attributes:
        scope: Whose conversations its client may write.
        sender: The socket, to tell whether a repetition comes from the same one.
        frames: What the line has led to, once it is finished.
    """

    __slots__ = ("_done", "finished", "frames", "said", "scope", "sender")

    def __init__(self, said: Said, scope: Scope, done: Callable[[], None], sender: object) -> None:
        self.said = said
        self.scope = scope
        self.sender = sender
        self.finished = False
        self.frames: Sequence[Frame] = ()
        self._done = done

    def finish(self, frames: Sequence[Frame] = ()) -> None:
        """Note that the line is durable, or known from before."""
        self.frames, self.finished = frames, True
        self._done()

    def refuse(self, message: str) -> None:
        """Set the line aside."""
        error = {"type": "error", "seq": self.said.seq, "message": message}
        self.finish([Frame(None, _encoder.encode(error).decode())])


class Heard(NamedTuple):
    """What a line has led to, to be stored with it.

    Attributes:
        closed: The last message of the conversation, if the line closed it.
    """

    alerts: tuple[alerts.Alert, ...]
    found: Sequence[Alert] = ()
    record: Record | None = None
    closed: bytes | None = None


class Flight(NamedTuple):
    """A write that is not committed yet.

    Attributes:
        seq: Where its line will stand in the journal.
        jobs: Who waits for it; nobody, if the conversation is closed for being idle.
    """

    seq: int
    jobs: list[Job]
    heard: Heard


class Held:
    """A conversation that this process has the right to write.

    Attributes:
        lease: The right to write it.
        checker: The policy that it began with.
        keys: Where known lines stand in the journal.
        seq: Its last line, those under way included.
        closing: It is closed, though that need not be committed yet.
    """

    def __init__(
        self,
        lease: leases.Lease,
        checker: Checker,
        session: Session,
        keys: dict[str, int],
        seq: int,
    ) -> None:
        self.lease = lease
        self.checker = checker
        self.session = session
        self.keys = keys
        self.seq = seq
        self.closing = False
        self._fresh = 0

    def hear(self, items: Sequence[Item]) -> Heard:
        """Judge what a line says; the session must not be used again if this raises."""
        found: list[Alert] = []
        for item in items:
            match item:
                case Closing(facts):
                    return self._close(facts, found)
                case Facts():
                    found += self.session.learn(item)
                case Segment() | Event():
                    found += self.session.feed(item)
        return Heard(self._stored(found), found) if found else _NOTHING

    def close(self) -> Heard:
        """Close it without a line, as nothing came for long."""
        return self._close(Facts(), [])

    def stood(self, line: Line) -> None:
        """Note that a line takes its place in the journal."""
        self.seq += 1
        self._fresh += 1
        if line.key is not None:
            self.keys[line.key] = self.seq

    def snapshot(self, after: int = SNAPSHOT) -> bytes | None:
        """Return the session as it stands if so many lines have come since the last time."""
        if self._fresh < after or self.closing:
            return None
        self._fresh = 0
        return self.session.snapshot()

    def _close(self, facts: Facts, found: list[Alert]) -> Heard:
        session = self.session
        assessment = session.close(facts)
        self.closing = True
        found += session.settling
        record = Record.of(session.conversation, assessment, self.checker.policy.header.zone)
        return Heard(self._stored(found), found, record, closed_frame(record.payload))

    def _stored(self, found: Sequence[Alert]) -> tuple[alerts.Alert, ...]:
        turns = self.session.turns
        # The line's place in the journal tells two raisings of one finding apart, and finds the
        # alerts of a line that comes again.
        return tuple(
            alerts.Alert(
                alert.type,
                alert.finding.finding_id,
                alert.finding.rule,
                alert.finding.severity,
                _encoder.encode(masked(turns, alert)),
                self.seq + 1,
            )
            for alert in found
        )


class Opened:
    """A conversation, its session and its lines under way.

    Attributes:
        held: ``None`` while it is being acquired.
        owned: Whose it is.
        pending: Lines that wait until it is acquired.
        flying: Lines that are judged and not committed, oldest first.
        touched: When the last line came, by the loop's clock.
        senders: The sockets that it came from.
    """

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.held: Held | None = None
        self.owned = Scope()
        self.pending: deque[Job] = deque()
        self.flying: deque[Flight] = deque()
        self.acquiring = False
        self.touched = now
        self.senders: WeakSet[object] = WeakSet()

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return not self.flying and not self.pending

    def lost(self) -> None:
        """Forget the session; what is not known to be committed waits to be judged anew."""
        self.held = None
        jobs = [job for flight in self.flying for job in flight.jobs]
        self.flying.clear()
        self.pending.extendleft(reversed(jobs))


_NOTHING = Heard(())


def closed_frame(assessment: bytes) -> bytes:
    """Return the last message of a conversation."""
    return b'{"type":"closed","assessment":%b}' % assessment


def alert_frame(alert_id: int, payload: bytes) -> Frame:
    """Return an alert with its number in front, by which a client knows it again."""
    return Frame(alert_id, (b'{"alert_id":%d,' % alert_id + payload[1:]).decode())


def frames_of(heard: Heard, ids: Sequence[int | None]) -> list[Frame]:
    """Return what a line has led to, once it is committed under some ids."""
    frames = [
        alert_frame(number, alert.payload)
        for number, alert in zip(ids, heard.alerts, strict=True)
        if number is not None
    ]
    if heard.closed is not None:
        frames.append(Frame(None, heard.closed.decode()))
    return frames
