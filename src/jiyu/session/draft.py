"""The turns of a live conversation as they would be if it ended now, partial ones included."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from jiyu.judge.dialogue import HORIZON, Dialogue, MarkedTurn
from jiyu.judge.live import REMEDY, Claim
from jiyu.model import Conversation, Segment
from jiyu.session.engine import Engine

#: Marks of turns so far behind the last final one are let go; no condition looks back so far.
_KEPT = HORIZON + 2


class Piece:
    """A segment in its last revision.

    Attributes:
        segment: What it is.
        sealed: Nothing changes it any more.
        gone: It was withdrawn.
        index: The turn that it is.
        claims: The words of it that break a rule now or may do so later.
    """

    __slots__ = ("claims", "gone", "index", "sealed", "segment")

    def __init__(
        self, segment: Segment, index: int, *, sealed: bool = False, gone: bool = False
    ) -> None:
        self.segment = segment
        self.index = index
        self.sealed = sealed
        self.gone = gone
        self.claims: Sequence[Claim] = ()


class Draft:
    """All segments of one session.

    Attributes:
        dialogue: The turns as they are now.
        pieces: The segments that the turns are, in the order in which their ids were first seen.
        final: So many turns at the beginning are final.
        sealed: So many turns at the beginning will not change any more.
        faded: Of so many turns at the beginning the mentions are known no more.
    """

    def __init__(self, engine: Engine, conversation: Conversation) -> None:
        self._engine = engine
        self._by_id: dict[str, Piece] = {}
        self.dialogue = Dialogue(conversation, engine.policy.header.zone)
        self.pieces: list[Piece] = []
        self.final = self.sealed = self.faded = 0

    @property
    def known(self) -> Iterable[Piece]:
        """Every segment that was ever seen, in the order in which it was first seen."""
        return self._by_id.values()

    def restore(self, pieces: Iterable[Piece]) -> None:
        """Take in the segments of a saved session."""
        for piece in pieces:
            self._by_id[piece.segment.segment_id] = piece
            if not piece.gone:
                self.pieces.append(piece)
        self.mark_all()
        self.advance()

    def take(self, segment: Segment) -> set[int] | None:
        """Take in a piece.

        Returns:
            Indices of the turns that must be judged anew, or ``None`` if the piece changes nothing:
            it repeats what is known, comes too late, or takes back what nobody knows.
        """
        piece = self._by_id.get(segment.segment_id)
        if piece is None:
            # Taken back before it came: what comes of it later is of no account.
            piece = Piece(segment, len(self.pieces), gone=segment.withdrawn)
            self._by_id[segment.segment_id] = piece
            return None if piece.gone else self._append(piece)
        known = piece.segment
        if piece.gone or piece.sealed or segment == known:
            return None
        if known.final and not segment.final and not segment.withdrawn:
            return None
        change = self._remove if segment.withdrawn else self._replace
        return change(piece, segment)

    def _append(self, piece: Piece) -> set[int]:
        self.pieces.append(piece)
        marked = self._marked(piece.index)
        self.dialogue.add(marked)
        self._seal(piece)
        return {piece.index, *self._excusable(piece.index, marked)}

    def _replace(self, piece: Piece, segment: Segment) -> set[int]:
        index, known = piece.index, piece.segment
        before = self.dialogue.turns[index]
        piece.segment = segment
        self._seal(piece)
        if index < self.final:
            return self._begin_anew(index)
        if known.text == segment.text and known.speaker == segment.speaker:
            marked = dataclasses.replace(before, turn=segment.turn)
        else:
            marked = self._marked(index)
        self.dialogue.put(marked)
        if marked.block is not before.block and index + 1 < len(self.pieces):
            self.dialogue.put(self._marked(index + 1))
        if known.speaker != segment.speaker:
            return self._around(index)
        later = range(index, min(len(self.pieces), index + 2 + HORIZON))
        return {*later, *self._excusable(index, before, marked)}

    def _remove(self, piece: Piece, segment: Segment) -> set[int]:
        index = piece.index
        piece.segment, piece.gone = segment, True
        del self.pieces[index]
        for number, other in enumerate(self.pieces[index:], index):
            other.index = number
        if index < self.final:
            return self._begin_anew(index)
        later = self.dialogue.turns[index + 1 :]
        self.dialogue.cut(index)
        for number, turn in enumerate(later, index):
            self.dialogue.add(turn.at(number))
        if later:
            self.dialogue.put(self._marked(index))
        return {*self._around(index), *range(index, len(self.pieces))}

    def _begin_anew(self, index: int) -> set[int]:
        """Judge all turns anew, as one that was final has changed: a message was edited."""
        self.final, self.sealed = min(self.final, index), min(self.sealed, index)
        self.mark_all()
        return set(range(len(self.pieces)))

    def _around(self, index: int) -> set[int]:
        low, high = max(self.faded, index - HORIZON), min(len(self.pieces), index + 2 + HORIZON)
        return set(range(low, high))

    def _excusable(self, index: int, *turns: MarkedTurn) -> Iterator[int]:
        """Yield the turns before that a remedy in any of some writings of a turn may excuse."""
        if any(REMEDY in turn.by_concept for turn in turns):
            for earlier in range(max(self.faded, index - HORIZON), index):
                if any(claim.ahead for claim in self.pieces[earlier].claims):
                    yield earlier

    def _seal(self, piece: Piece) -> None:
        """What a recogniser calls final stands; a message may be edited or taken back."""
        typed = piece.segment.at is not None or self.dialogue.conversation.channel == "chat"
        piece.sealed = piece.segment.final and not typed

    def _marked(self, index: int) -> MarkedTurn:
        """Find the mentions of a turn; a phrase may begin in the turn before it."""
        turn = self.pieces[index].segment.turn
        before = self.pieces[index - 1].segment.turn if index else None
        context = [before] if before is not None and before.speaker == turn.speaker else []
        return self._engine.marked([[*context, turn]])[0][-1].at(index)

    def mark_all(self) -> None:
        """Find the mentions of all turns anew."""
        turns = [piece.segment.turn for piece in self.pieces]
        self.dialogue.cut(0)
        for marked in self._engine.marked([turns])[0]:
            self.dialogue.add(marked)
        self.faded = 0

    def runs_over(self, index: int) -> bool:
        """Say whether words that may break a rule run over into a turn from the one before it."""
        return any(claim.crosses for claim in self.pieces[index].claims)

    def advance(self) -> None:
        """See how far the conversation is final, and how far it will not change any more."""
        while self.final < len(self.pieces) and self.pieces[self.final].segment.final:
            self.final += 1
        while self.sealed < len(self.pieces) and self.pieces[self.sealed].sealed:
            self.sealed += 1

    def fade(self) -> list[Piece]:
        """Let go of the mentions that nothing looks at any more; return whose they were."""
        gone = self.pieces[self.faded : max(self.faded, self.final - _KEPT)]
        for piece in gone:
            piece.claims = ()
            self.dialogue.put(self._bare(piece))
        self.faded += len(gone)
        return gone

    def _bare(self, piece: Piece) -> MarkedTurn:
        return MarkedTurn(piece.index, piece.segment.turn, self._engine.no_words, 0, ())

    def turns(self) -> tuple[Segment, ...]:
        """Return the final segments, which are the turns of the conversation."""
        return tuple(piece.segment for piece in self.pieces if piece.segment.final)
