"""One conversation being judged while it goes on: the only place with state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from jiyu.errors import Problem, SessionError
from jiyu.judge.live import Shown, resolve
from jiyu.judge.watch import Watch
from jiyu.model import Alert, Assessment, Conversation, Event, Facts, Finding, Segment
from jiyu.session.draft import Draft, Piece
from jiyu.session.engine import Engine, finding_of
from jiyu.session.ledger import Ledger
from jiyu.session.snapshot import Saved, SavedPiece, decode, encode


class Session:
    """Judges one conversation as its segments come in; not shared between threads.

    A segment that has become final is a turn; turns stand in the order in which the ids of their
    segments were first seen.  When the session is closed, its turns are judged like any whole
    conversation, so that the assessment does not depend on how they came.  Until then ``feed``
    tells of findings that are there already, and of those that are there no more:

    * ``raised`` as soon as the words are there, be they partial;
    * ``updated`` when they move, with the id by which the finding was known before;
    * ``retracted`` when a revision or what is said later takes them away;
    * ``confirmed`` when nothing can take them away any more, at the latest when the session closes.

    Whatever order pieces come in, nothing is an error:

    * The last piece of an id stands; a piece that says the same again changes nothing.
    * What a recogniser has called final stands for good: later pieces of it, partial or final, and
      its withdrawal are ignored.  A chat message (it has ``at``, or the conversation is known to be
      a chat when it comes) may be edited or taken back as long as the session is open; so findings
      in chats are confirmed when it closes.
    * What was withdrawn stays withdrawn, even if the withdrawal comes first.
    * A segment that never becomes final counts for nothing when the session closes.
    * Times are taken as they are; a clock that runs backwards makes a duty that needs times
      ``not_assessable``, as in any conversation.
    """

    def __init__(self, engine: Engine, conversation_id: str, facts: Facts | None = None) -> None:
        """Open a session.

        Args:
            engine: A compiled policy.
            conversation_id: Unique in its source.
            facts: What is known of the conversation at its beginning.
        """
        self._engine = engine
        self._draft = Draft(engine, _told(Conversation(conversation_id, ()), facts or Facts()))
        self._ledger = Ledger(conversation_id)
        self._watch = Watch(engine.watched)
        self._watched = 0
        self._waiting: set[Piece] = set()
        self._settling: tuple[Alert, ...] = ()
        self._closed = False

    @property
    def conversation_id(self) -> str:
        """The conversation that is judged."""
        return self._draft.dialogue.conversation.conversation_id

    @property
    def conversation(self) -> Conversation:
        """The conversation as it would be if it ended now."""
        turns = tuple(segment.turn for segment in self._draft.turns())
        return msgspec.structs.replace(self._draft.dialogue.conversation, turns=turns)

    @property
    def turns(self) -> Sequence[str]:
        """The texts of the turns that findings count, partial ones included."""
        return [piece.segment.text for piece in self._draft.pieces]

    @property
    def settling(self) -> Sequence[Alert]:
        """The alerts that settled what was open when the session was closed."""
        return self._settling

    def feed(self, item: Segment | Event) -> list[Alert]:
        """Take in a segment or an event.

        The cost depends on the segment and on a window of turns around it, not on what was said
        before.

        Returns:
            What has changed in the findings.

        Raises:
            SessionError: The session is closed.
        """
        self._check_open()
        if isinstance(item, Event):
            return self.learn(Facts(events=(item,)))
        changed = self._draft.take(item)
        return [] if changed is None else list(self._look(changed))

    def learn(self, facts: Facts) -> list[Alert]:
        """Take in what is known of the conversation besides its turns.

        Returns:
            What has changed in the findings: a rule may not concern the channel.

        Raises:
            SessionError: The session is closed.
        """
        self._check_open()
        draft = self._draft
        draft.dialogue.conversation = _told(draft.dialogue.conversation, facts)
        draft.dialogue.forget()
        return list(self._look(set(range(draft.faded, len(draft.pieces)))))

    def close(self, facts: Facts | None = None) -> Assessment:
        """End the conversation and return what was decided about it.

        What was still open is settled; ``settling`` has the alerts.

        Args:
            facts: What is known at its end only.

        Raises:
            SessionError: The session is closed already.
        """
        self._check_open()
        self._closed = True
        draft = self._draft
        draft.dialogue.conversation = _told(draft.dialogue.conversation, facts or Facts())
        assessment = self._engine.assess(self._engine.dialogue(self.conversation))
        self._settling = tuple(self._ledger.settle(assessment.findings))
        return assessment

    def snapshot(self) -> bytes:
        """Return everything that the session knows, to go on with ``resume``.

        Raises:
            SessionError: The session is closed.
        """
        self._check_open()
        draft = self._draft
        saved = Saved(
            policy=self._engine.policy.digest,
            conversation=draft.dialogue.conversation,
            pieces=[SavedPiece(p.segment, p.sealed, p.gone) for p in draft.known],
            unsettled=self._ledger.open,
            confirmed=sorted(self._ledger.confirmed),
        )
        return encode(saved)

    @classmethod
    def resume(cls, engine: Engine, data: bytes) -> Session:
        """Open a session where another one was saved; everything goes on as it would have there.

        Raises:
            SessionError: The data is no snapshot of this version, or was judged by another policy.
        """
        saved = decode(data, engine.policy.digest)
        conversation = saved.conversation
        session = cls(engine, conversation.conversation_id)
        draft = session._draft
        draft.dialogue.conversation = conversation
        session._ledger = Ledger(conversation.conversation_id, saved.unsettled, saved.confirmed)
        index = 0
        pieces: list[Piece] = []
        for one in saved.pieces:
            pieces.append(Piece(one.segment, index, sealed=one.sealed, gone=one.gone))
            index += not one.gone
        session._restore(pieces)
        return session

    def _restore(self, pieces: Sequence[Piece]) -> None:
        draft = self._draft
        draft.restore(pieces)
        for piece in draft.pieces:
            piece.claims = self._engine.words.claims(
                draft.dialogue, draft.dialogue.turns[piece.index]
            )
            if f"turn {piece.segment.segment_id}" in self._ledger.open:
                self._waiting.add(piece)
        # What was seen was reported before the session was saved.
        for _ in self._seen():
            pass
        self._waiting.difference_update(draft.fade())

    def _check_open(self) -> None:
        if self._closed:
            raise SessionError(Problem(self.conversation_id, None, "the session is closed"))

    def _look(self, changed: set[int]) -> Iterator[Alert]:
        """Judge some turns anew and say what has changed."""
        draft = self._draft
        # A turn that is watched already was edited, or taken back.
        anew = draft.final < self._watched
        sealed = draft.sealed
        draft.advance()
        # What became final at last is looked at with all that is known of the turns before it.
        changed.update(range(max(sealed, draft.faded), draft.sealed))
        for index in changed:
            piece = draft.pieces[index]
            piece.claims = self._engine.words.claims(draft.dialogue, draft.dialogue.turns[index])
        if draft.sealed != sealed:
            changed.update(p.index for p in self._waiting if p.index < draft.sealed)
        yield from self._resolve(sorted(changed))
        yield from self._watch_anew() if anew else self._watch_on()
        self._waiting.difference_update(draft.fade())

    def _resolve(self, changed: Sequence[int]) -> Iterator[Alert]:
        """Report on some turns, and on those that share words with them."""
        draft, done = self._draft, -1
        for index in changed:
            if index <= done:
                continue
            low = high = index
            while low > draft.faded and (low == index or draft.runs_over(low)):
                low -= 1
            while high + 1 < len(draft.pieces) and draft.runs_over(high + 1):
                high += 1
            claims = [piece.claims for piece in draft.pieces[low : high + 1]]
            words = resolve(draft.dialogue, low, claims, draft.sealed)
            for at, broken in enumerate(words, low):
                yield from self._report_turn(draft.pieces[at], broken)
            done = high

    def _report_turn(self, piece: Piece, broken: list[Shown]) -> Iterator[Alert]:
        draft = self._draft
        turn = draft.dialogue.turns[piece.index]
        told = self._engine.words.disclosures(draft.dialogue, turn, draft.sealed)
        shown = [*broken, *told]
        if any(one.standing == "open" for one in shown):
            self._waiting.add(piece)
        else:
            self._waiting.discard(piece)
        yield from self._report(f"turn {piece.segment.segment_id}", shown, sealed=True)

    def _watch_on(self) -> Iterator[Alert]:
        """Watch the turns that have become final."""
        for place, shown in self._seen():
            # What stands does so after these turns; they must stand themselves.
            sealed = self._draft.sealed >= self._watched
            yield from self._report(place, shown, sealed=sealed)

    def _watch_anew(self) -> Iterator[Alert]:
        """Watch all turns, as an earlier one has changed."""
        self._watch, self._watched = Watch(self._engine.watched), 0
        now = dict(self._seen())
        gone = [name for name in self._ledger.open if name.startswith("check ") and name not in now]
        for place in gone:
            yield from self._ledger.report(place, ())
        for place, shown in now.items():
            yield from self._report(place, shown, sealed=False)

    def _seen(self) -> Iterator[tuple[str, list[Shown]]]:
        dialogue = self._draft.dialogue
        while self._watched < self._draft.final:
            turn = dialogue.turns[self._watched]
            self._watched += 1
            for place, shown in self._watch.take(dialogue, turn):
                yield f"check {place}", shown

    def _report(self, place: str, shown: Sequence[Shown], *, sealed: bool) -> Iterator[Alert]:
        dialogue = self._draft.dialogue
        findings: list[Finding] = []
        standing: list[str] = []
        for rule, evidence, stands in shown:
            finding = finding_of(rule, rule.severity, evidence, dialogue, "provisional")
            findings.append(finding)
            if sealed and stands == "stands":
                standing.append(finding.finding_id)
        yield from self._ledger.report(place, findings, standing)


def _told(known: Conversation, facts: Facts) -> Conversation:
    """Add to what is known; what was said first of anything stands."""
    fresh = {
        name: value
        for name in Facts.__struct_fields__
        if name not in ("events", "metadata")
        and getattr(known, name) is None
        and (value := getattr(facts, name)) is not None
    }
    return msgspec.structs.replace(
        known,
        **fresh,
        events=(*known.events, *facts.events),
        metadata={**facts.metadata, **known.metadata},
    )
