"""Sessions: when findings are raised, moved, confirmed and retracted."""

from __future__ import annotations

import pytest

from jiyu import Checker, Session
from jiyu.errors import SessionError
from jiyu.model import Event, Facts, Segment
from live import assert_settled, kinds, partial, says, small

PHONE = Facts("phone", direction="inbound")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return small(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def session(judge: Checker) -> Session:
    return judge.open("c", PHONE)


def test_words_are_raised_before_their_turn_is_final(session: Session) -> None:
    """A supervisor sees them while they are said."""
    assert session.feed(partial("1", "你有完")) == []
    (alert,) = session.feed(partial("1", "你有完没完"))
    assert (alert.type, alert.finding.rule, alert.finding.state) == ("raised", "A-1", "provisional")


def test_words_that_move_are_updated(session: Session) -> None:
    """The alert names the id by which the finding was known before."""
    (raised,) = session.feed(partial("1", "有完没完"))
    (updated,) = session.feed(partial("1", "你有完没完"))
    assert updated.type == "updated"
    assert updated.previous == raised.finding.finding_id != updated.finding.finding_id


def test_a_revision_takes_words_away_once(session: Session) -> None:
    """And they may come back as a new alert."""
    alerts = [
        *session.feed(partial("1", "有完没完")),
        *session.feed(partial("1", "有玩")),
        *session.feed(partial("1", "有玩没")),
        *session.feed(says("1", "有完没完")),
    ]
    assert [alert.type for alert in alerts] == ["raised", "retracted", "raised"]
    assert alerts[1].finding.state == "retracted"


def test_abuse_is_confirmed_by_the_next_final_turn(session: Session) -> None:
    """Words of the same speaker could still have run over into it."""
    assert kinds(session.feed(says("1", "有完没完"))) == [("raised", "A-1")]
    assert kinds(session.feed(says("2", "什么", "customer"))) == [("confirmed", "A-1")]


def test_nothing_is_confirmed_behind_a_segment_that_is_open(session: Session) -> None:
    """If it never becomes final, all later turns have other numbers."""
    session.feed(partial("0", "喂", "customer"))
    alerts = [*session.feed(says("1", "有完没完")), *session.feed(says("2", "什么", "customer"))]
    assert kinds(alerts) == [("raised", "A-1")]
    assert ("confirmed", "A-1") in kinds(session.feed(says("0", "喂", "customer")))


def test_a_longer_phrase_over_two_turns_takes_the_words(session: Session) -> None:
    """The rule that is not general has them, be it said a turn later."""
    (raised,) = session.feed(says("1", "没完没了有完"))
    assert raised.finding.rule == "A-4"
    alerts = session.feed(says("2", "没完"))
    assert kinds(alerts) == [("retracted", "A-4"), ("raised", "A-1")]


def test_a_remedy_within_its_turns_excuses(session: Session) -> None:
    """A brush-off is provisional until then."""
    assert kinds(session.feed(says("1", "不知道"))) == [("raised", "A-2")]
    assert session.feed(says("2", "啊", "customer")) == []
    assert kinds(session.feed(says("3", "我帮您查"))) == [("retracted", "A-2")]


def test_a_brush_off_is_confirmed_when_its_window_has_closed(session: Session) -> None:
    """The next turn of the agent is over and helped nobody."""
    for segment in (says("1", "不知道"), says("2", "啊", "customer"), says("3", "就这样")):
        assert "confirmed" not in [alert.type for alert in session.feed(segment)]
    alerts = session.feed(says("4", "啊", "customer"))
    assert ("confirmed", "A-2") in kinds(alerts)


def test_a_quotation_that_closes_excuses(session: Session) -> None:
    """Until the mark is there, nobody can know."""
    assert kinds(session.feed(partial("1", "他说“有完没完"))) == [("raised", "A-1")]
    assert kinds(session.feed(says("1", "他说“有完没完”吗"))) == [("retracted", "A-1")]


def test_a_missing_greeting_is_told_when_its_turns_are_over(session: Session) -> None:
    """The second run of the agent has ended without one."""
    for number, who in enumerate(["agent", "customer", "agent"]):
        assert session.feed(says(str(number), "嗯", who)) == []
    alerts = session.feed(says("3", "嗯", "customer"))
    assert kinds(alerts) == [("raised", "B-1"), ("confirmed", "B-1")]


def test_a_missing_answer_is_told_when_its_turns_are_over(session: Session) -> None:
    """It may still be made good later, so it is confirmed at the end."""
    session.feed(says("1", "我要投诉", "customer"))
    session.feed(says("2", "嗯"))
    assert ("raised", "B-2") in kinds(session.feed(says("3", "啊", "customer")))


def test_an_interruption_is_told_at_once(session: Session) -> None:
    """The agent speaks into the customer's sentence."""
    session.feed(says("1", "我的货到底什么时候到", "customer", start=0.0, end=9.0))
    assert kinds(session.feed(says("2", "您听我说", start=3.0, end=4.0))) == [("raised", "C-1")]


def test_disclosed_data_is_told_at_once(session: Session) -> None:
    """Nothing that is said later makes it undone."""
    assert kinds(session.feed(partial("1", "电话是13812345678"))) == [("raised", "E-1")]
    assert kinds(session.feed(says("1", "电话是13812345678"))) == [("confirmed", "E-1")]


def test_a_sequence_is_told_with_its_last_step(session: Session) -> None:
    """And stands at once."""
    session.feed(says("1", "大概"))
    session.feed(says("2", "啊", "customer"))
    assert kinds(session.feed(says("3", "大概"))) == [("raised", "D-1"), ("confirmed", "D-1")]


def test_everything_is_settled_when_the_session_closes(session: Session) -> None:
    """What only the end shows is raised and confirmed there."""
    alerts = [*session.feed(says("0", "您好")), *session.feed(says("1", "有完没完"))]
    alerts += session.feed(partial("2", "滚开"))
    assessment = session.close(Facts(ended_by="agent"))
    assert kinds(session.settling) == [
        ("retracted", "A-6"),
        ("confirmed", "A-1"),
        ("raised", "B-3"),
        ("confirmed", "B-3"),
    ]
    assert_settled([*alerts, *session.settling], assessment)


def test_a_segment_that_never_becomes_final_counts_for_nothing(session: Session) -> None:
    """It is no turn."""
    session.feed(partial("1", "有完没完"))
    assert session.conversation.turns == ()
    assert not session.close().findings


@pytest.mark.parametrize(
    "late",
    [
        partial("1", "滚开"),
        says("1", "滚开"),
        says("1", "好的"),
        Segment("1", withdrawn=True),
        Segment("unknown", withdrawn=True),
    ],
)
def test_what_a_recogniser_called_final_stands(session: Session, late: Segment) -> None:
    """Whatever comes of the same segment later is of no account."""
    session.feed(says("1", "好的"))
    assert session.feed(late) == []
    assert [turn.text for turn in session.conversation.turns] == ["好的"]


def test_a_chat_message_may_be_edited_and_taken_back(judge: Checker) -> None:
    """So nothing in a chat is confirmed before its end."""
    session = judge.open("c", Facts("chat"))
    alerts = [*session.feed(says("1", "有完没完")), *session.feed(says("2", "滚开"))]
    alerts += session.feed(says("3", "啊", "customer"))
    # What is for the phone is not for a chat.
    assert kinds(alerts) == [("raised", "A-1")]
    assert kinds(session.feed(says("1", "好的"))) == [("retracted", "A-1")]
    session.feed(Segment("2", withdrawn=True))
    session.feed(says("2", "又来了"))
    assert [turn.text for turn in session.conversation.turns] == ["好的", "啊"]


def test_turns_stand_in_the_order_in_which_they_began(session: Session) -> None:
    """Not in that in which they became final, nor by a clock that runs backwards."""
    session.feed(partial("a", "一", start=5.0))
    session.feed(says("b", "二", "customer", start=1.0, end=0.5))
    session.feed(says("a", "一", start=5.0, end=6.0))
    assert [turn.text for turn in session.conversation.turns] == ["一", "二"]
    session.close()


def test_what_was_said_first_of_a_conversation_stands(judge: Checker) -> None:
    """A later value of the same field changes nothing; events add up."""
    session = judge.open("c", Facts("phone", team="一组"))
    session.learn(Facts("chat", agent_id="A1", team="二组"))
    session.feed(Event("hold", 3.0))
    conversation = session.conversation
    assert (conversation.channel, conversation.agent_id, conversation.team) == (
        "phone",
        "A1",
        "一组",
    )
    assert conversation.events == (Event("hold", 3.0),)


def test_a_hold_excuses_what_nobody_hears(session: Session) -> None:
    """Known only when the event comes, so confirmed only at the end."""
    assert kinds(session.feed(says("1", "随便", start=5.0, end=6.0))) == [("raised", "A-5")]
    assert session.feed(says("2", "啊", "customer", start=30.0, end=31.0)) == []
    assert kinds(session.feed(Event("hold", 4.0))) == [("retracted", "A-5")]


def test_what_hangs_on_an_unknown_channel_waits_for_the_end(judge: Checker) -> None:
    """A time of day shows that it is a chat after all."""
    session = judge.open("c")
    alerts = [*session.feed(says("1", "滚开")), *session.feed(says("2", "啊", "customer"))]
    assert kinds(alerts) == [("raised", "A-6")]
    session.feed(says("3", "啊", "customer", at="2026-03-02T09:14:05+08:00"))
    assert "A-6" not in [finding.rule for finding in session.close().findings]
    assert ("retracted", "A-6") in kinds(session.settling)


def test_a_closed_session_takes_nothing_in(session: Session) -> None:
    """Using it again is an error with the conversation's id, not a wrong verdict."""
    session.close()
    for use in (
        session.close,
        session.snapshot,
        lambda: session.feed(says("1", "好")),
        lambda: session.learn(Facts()),
    ):
        with pytest.raises(SessionError, match="c: the session is closed"):
            use()


def test_a_snapshot_is_small(judge: Checker, session: Session) -> None:
    """It holds what was said and what was reported, and nothing that can be worked out."""
    text = "您的货昨天已经发车，预计明天下午三点左右送到您店里"
    for number in range(100):
        session.feed(says(str(number), text))
    assert len(session.snapshot()) < 100 * (len(text.encode()) + 80)
    assert len(Session.resume(judge.engine, session.snapshot()).conversation.turns) == 100


def test_half_a_character_can_be_saved(judge: Checker, session: Session) -> None:
    """Nothing that is said may keep a session from being saved."""
    session.feed(says("1", "有完没完\ud800"))
    again = Session.resume(judge.engine, session.snapshot())
    assert [f.rule for f in again.close().findings if f.rule == "A-1"] == ["A-1"]


def test_a_snapshot_of_something_else_is_refused(judge: Checker, session: Session) -> None:
    """Another version, another policy, damaged or no snapshot at all: the error says which."""
    data = session.snapshot()
    head = len(b"jiyu-session")
    for wrong, message in (
        (b"", "is no saved session"),
        (b"pickle" + data, "is no saved session"),
        (data[:head] + b"\x07" + data[head + 1 :], "is of version 7, this is version 1"),
        (data[:-3], "is damaged"),
    ):
        with pytest.raises(SessionError, match=message):
            Session.resume(judge.engine, wrong)
    with pytest.raises(SessionError, match="was judged by policy"):
        Session.resume(Checker().engine, data)


def test_an_old_turn_costs_no_memory(judge: Checker, session: Session) -> None:
    """The mentions of turns far behind are let go; a long call ends as in batch."""
    texts = ["有完没完", "嗯", "不知道", "我帮您查", "好的"]
    for number in range(300):
        session.feed(says(str(number), texts[number % 5], ["agent", "customer"][number % 2]))
    assert session.close() == judge.assess(session.conversation)
