"""Who is the agent, where a source only tells speakers apart.

A recogniser or a channel gives labels (``spk_0``, ``SPEAKER_01``, channel 1), which readers
keep under ``speaker_label`` of a turn's metadata while the speaker is ``other``.  Whose label
it is, is taken

1. from the user (``--agent-speaker``),
2. from the other label, if just one of two is named by the source,
3. from what the norm itself calls an agent's words: both labels are scored by the concepts
   below, and the higher one is the agent if the lead is large enough.

Otherwise speakers stay ``other``, and what depends on them is not assessable: never a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from jiyu.formats.build import LABEL, label_of
from jiyu.judge.dialogue import MarkedTurn
from jiyu.model import Conversation, Speaker, Turn
from jiyu.session import Engine

#: What a turn with a mention of a concept says for its speaker being the agent.  A policy that has
#: none of these concepts decides nothing.
WEIGHTS: Mapping[str, int] = {
    "speaks_as_agent": 2,
    "greeting": 1,
    "department": 1,
    "own_name": 1,
    "offer": 3,
    "wait_please": 2,
    "polite_request": 2,
    "remedy": 2,
    "apology": 1,
    "promise_back": 2,
    "take_contact": 1,
    "coordination": 1,
    "speaks_as_customer": -2,
    "complaint": -2,
    "request": -1,
}
#: Turns of a speaker that count for one concept: a long call is no surer than a short one.
MOST = 3
#: The lead that decides.  Of 1,309 labelled conversations 94 % are decided, none of them wrongly
#: (``benchmarks/speakers.py``).
MARGIN = 6
#: Characters that the two labels must have between them; a third voice makes it nobody's guess.
SHARE = 0.9


class Naming(NamedTuple):
    """How speakers get their names.

    Attributes:
        agents: Labels that the user says are the agent's.
    """

    agents: tuple[str, ...] = ()


def name_speakers(
    conversations: Sequence[Conversation], engine: Engine, naming: Naming
) -> list[Conversation]:
    """Return conversations with their speakers named as far as can be told.

    Args:
        conversations: Those whose speakers are known come back as they are.
        engine: Finds the concepts.
        naming: What the user says.
    """
    named = [by_label(one, naming) for one in conversations]
    open_pairs = [pair for one in named if (pair := _unnamed_pair(one)) is not None]
    if not open_pairs:
        return named
    marked = iter(engine.marked([pair.supposed for pair in open_pairs]))
    return [one if _unnamed_pair(one) is None else _decided(one, next(marked)) for one in named]


def by_label(conversation: Conversation, naming: Naming) -> Conversation:
    """Name speakers by what the user says, and by the label that the source names."""
    turns = conversation.turns
    if naming.agents and any(_label(turn) in naming.agents for turn in turns):
        return _with(
            conversation,
            {
                label: "agent" if label in naming.agents else "customer"
                for turn in turns
                if (label := _label(turn)) is not None and turn.speaker != "system"
            },
        )
    if all(turn.speaker != "other" for turn in turns):
        return conversation
    sides = {turn.speaker for turn in turns} & {"agent", "customer"}
    unnamed = {_label(turn) for turn in turns if turn.speaker == "other"}
    if len(sides) == 1 and len(unnamed) == 1 and None not in unnamed:
        other: Speaker = "customer" if "agent" in sides else "agent"
        return _with(conversation, dict.fromkeys(unnamed, other))
    return conversation


class _Pair(NamedTuple):
    """Two labels, and the turns as if the first were the agent's."""

    first: str
    second: str
    supposed: tuple[Turn, ...]


def _label(turn: Turn) -> str | None:
    label = turn.metadata.get(LABEL)
    return label_of(label) if isinstance(label, (str, int)) else None


def _unnamed_pair(conversation: Conversation) -> _Pair | None:
    """Return the two labels that nearly everything is said by, if nobody is named."""
    turns = conversation.turns
    if any(turn.speaker in ("agent", "customer") for turn in turns):
        return None
    said = Counter[str | None]()
    for turn in turns:
        if turn.speaker == "other":
            said[_label(turn)] += len(turn.text)
    most = [(label, size) for label, size in said.most_common(3) if label is not None][:2]
    if len(most) < 2 or sum(size for _, size in most) < SHARE * said.total():
        return None
    first, second = most[0][0], most[1][0]
    roles: dict[str | None, Speaker] = {first: "agent", second: "customer"}
    return _Pair(first, second, _with(conversation, roles).turns)


def _decided(conversation: Conversation, marked: Sequence[MarkedTurn]) -> Conversation:
    """Name the two speakers of a conversation if one leads far enough."""
    pair = _unnamed_pair(conversation)
    assert pair is not None  # noqa: S101 - only such conversations were marked
    lead = agent_lead(marked)
    if abs(lead) < MARGIN:
        return conversation
    agent, customer = (pair.first, pair.second) if lead > 0 else (pair.second, pair.first)
    return _with(conversation, {agent: "agent", customer: "customer"})


def agent_lead(marked: Sequence[MarkedTurn]) -> int:
    """Return by how much the supposed agent speaks more like one than the supposed customer."""
    seen: Counter[tuple[str, str]] = Counter()
    for turn in marked:
        seen.update((turn.turn.speaker, name) for name in turn.by_concept if name in WEIGHTS)
    return sum(
        (min(count, MOST) * WEIGHTS[name]) * (1 if speaker == "agent" else -1)
        for (speaker, name), count in seen.items()
        if speaker in ("agent", "customer")
    )


def _with(conversation: Conversation, roles: Mapping[str | None, Speaker]) -> Conversation:
    """Return a conversation in which labels have the speakers given."""
    turns = tuple(
        msgspec.structs.replace(turn, speaker=roles[label])
        if (label := _label(turn)) is not None and label in roles
        else turn
        for turn in conversation.turns
    )
    return msgspec.structs.replace(conversation, turns=turns)
