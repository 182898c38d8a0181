"""However segments come: the outcome is that of batch, and alerts make sense."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiyu import Checker, Conversation, Session
from jiyu.model import Alert, Event, Facts, Segment
from live import assert_settled, small

# Few enough that what bears on each other meets.
_PIECES = (
    "有完没完 有完 没完 没完没了有完 没完了 不知道 不知道 我帮您查 我给您问 不是 吗 这样吗 "
    "不想用就别用 没错 投诉 随便 滚开 您好 大概 大概 抱歉 您刚才说 “ ” ， 13812345678 ［听不清］"
)
PIECES = _PIECES.split()
STAMP = "2026-03-02T09:14:05+08:00"
SPEAKERS = ("agent", "agent", "agent", "customer", "customer", "system", "other")


def conversation_steps(random: Random) -> list[Any]:
    """Return what a source with every fault may send: mostly turns in order, some in disorder."""
    plain = random.random()
    facts = [Facts("phone", direction="inbound"), Facts("chat"), Facts(started_at=STAMP), Facts()]
    steps: list[Any] = [random.choice(facts)]
    newest = 0
    for _ in range(random.randrange(4, 40)):
        draw = random.random()
        if draw < 0.05:
            kind = random.choice(["hold", "resume", "transfer", "hangup"])
            steps.append(Event(kind, _time(random), random.choice(["agent", "customer", None])))
        elif draw < 0.06:
            steps.append(random.choice(facts))
        else:
            faulty = random.random() > plain
            newest += random.random() < 0.7
            back = random.choice([0, 0, 0, 0, 1, 2, 5]) if faulty else 0
            steps.append(_segment(random, str(max(0, newest - back)), faulty=faulty))
    return steps


def _segment(random: Random, name: str, *, faulty: bool) -> Segment:
    return Segment(
        name,
        "".join(random.choices(PIECES, k=random.choice([0, 1, 1, 1, 1, 2, 3]))),
        random.choice(SPEAKERS),  # type: ignore[arg-type]
        _time(random),
        _time(random),
        STAMP if faulty and random.random() < 0.02 else None,
        random.choice([(), (), (), ("yawn",)]),
        final=random.random() < (0.6 if faulty else 0.95),
        withdrawn=faulty and random.random() < 0.1,
    )


def _time(random: Random) -> float | None:
    return random.choice([None, float(random.randrange(-2, 40))])


STEPS = st.integers(0, 2**64).map(lambda seed: conversation_steps(Random(seed)))


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return small(tmp_path_factory.mktemp("policy"))


class Model:
    """What a session must take its input for, written as plainly as can be."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.events: list[Event] = []
        self.segments: dict[str, Segment | None] = {}
        self.stands: set[str] = set()

    def take(self, item: Segment | Event | Facts) -> None:
        if isinstance(item, Event):
            self.events.append(item)
        elif isinstance(item, Facts):
            for name in ("channel", "direction", "started_at"):
                self.known.setdefault(name, getattr(item, name))
                self.known[name] = self.known[name] or getattr(item, name)
        else:
            self._segment(item)

    def _segment(self, item: Segment) -> None:
        name = item.segment_id
        before = self.segments.get(name)
        if name in self.stands or (name in self.segments and before is None):
            return
        if item.withdrawn:
            self.segments[name] = None
            return
        if before is not None and before.final and not item.final:
            return
        self.segments[name] = item
        if item.final and item.at is None and self.known.get("channel") != "chat":
            self.stands.add(name)

    @property
    def conversation(self) -> Conversation:
        segments = (s for s in self.segments.values() if s is not None and s.final)
        turns = tuple(segment.turn for segment in segments)
        return Conversation("c", turns, events=tuple(self.events), **self.known)


def run(
    judge: Checker, steps: list[Any], save: frozenset[int] = frozenset()
) -> tuple[Session, list[Alert], Model]:
    """Feed a session, saved and taken up again before some of the steps."""
    model, session = Model(), judge.open("c")
    alerts: list[Alert] = []
    for number, step in enumerate(steps):
        if number in save:
            session = Session.resume(judge.engine, session.snapshot())
        model.take(step)
        alerts += session.learn(step) if isinstance(step, Facts) else session.feed(step)
    return session, alerts, model


@settings(max_examples=1000, deadline=None)
@given(steps=STEPS)
def test_any_order_gives_the_assessment_of_batch(judge: Checker, steps: list[Any]) -> None:
    """Cut, repeated, revised, withdrawn, late and interleaved: the final turns decide."""
    session, alerts, model = run(judge, steps)
    assessment = session.close()
    assert assessment == judge.assess(model.conversation)
    assert_settled([*alerts, *session.settling], assessment)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, save=st.frozensets(st.integers(0, 39)))
def test_saving_and_going_on_changes_nothing(
    judge: Checker, steps: list[Any], save: frozenset[int]
) -> None:
    """Neither the assessment nor any alert."""
    session, alerts, _ = run(judge, steps)
    other, same, _ = run(judge, steps, save)
    assert same == alerts
    assert other.close() == session.close()
    assert other.settling == session.settling


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_turns_that_are_cut_into_growing_pieces(judge: Checker, data: st.DataObject) -> None:
    """A recogniser that is right in the end: what it said in between leaves no trace."""
    texts = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
    said = st.tuples(st.sampled_from(SPEAKERS), texts)
    turns = data.draw(st.lists(said, min_size=1, max_size=30))
    finals = [Segment(str(n), text, who) for n, (who, text) in enumerate(turns)]  # type: ignore[arg-type]
    session, alerts = judge.open("c", Facts("phone", direction="inbound")), []
    unsettled: list[Segment] = []
    for final in finals:
        cuts = data.draw(st.lists(st.integers(0, len(final.text)), max_size=2))
        for cut in sorted(cuts):
            alerts += session.feed(
                Segment(final.segment_id, final.text[:cut], final.speaker, final=False)
            )
        if not cuts or data.draw(st.booleans()):
            alerts += session.feed(final)
        else:
            unsettled.append(final)
    for late in data.draw(st.permutations(unsettled)):
        alerts += session.feed(late)
    assessment = session.close()
    turns_ = tuple(final.turn for final in finals)
    whole = Conversation("c", turns_, channel="phone", direction="inbound")
    assert assessment == judge.assess(whole)
    assert_settled([*alerts, *session.settling], assessment)
