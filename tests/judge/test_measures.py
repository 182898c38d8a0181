"""Measures against what a listener with a stop-watch would find."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiyu import Assessment, Checker, Conversation, Turn
from jiyu.judge.measures import cut_in, joined
from jiyu.judge.timeline import Stretch
from jiyu.model import Event
from support import checker, rule

CONCEPTS = {
    "back": "{嗯|好的}",
    "secure": "不要说密码",
    "bye": "{再见|拜拜}",
    "silent": "听不到",
    "wait": "稍等",
    "dull": "{嗯|随便}",
    "slow": "慢一点",
    "pet": "然后",
    "term": "冲账\n结算联\n{零担|散货}\n抛货",
    "means": "就是",
    "ask": "{什么时候|多少}",
    "coord": "问仓库",
    "promise": "给您回电",
    "check": "{还在查|稍等|好的}",
    "either": "还是",
}
TENTHS = st.integers(0, 120).map(lambda n: n / 10)
stretches = st.lists(
    st.tuples(TENTHS, st.integers(1, 40).map(lambda n: n / 10)).map(
        lambda pair: Stretch(pair[0], round(pair[0] + pair[1], 1))
    ),
    max_size=5,
)


def limit(folder: Path, measure: str, **fields: Any) -> Checker:
    return checker(folder, [rule("A-1", kind="limit", measure=measure, **fields)], CONCEPTS)


def judged(judge: Checker, *turns: tuple[Any, ...], **fields: Any) -> Assessment:
    """Judge turns given as (speaker, text, start, end, tags)."""
    made = tuple(
        Turn(text, who, *(rest[:2] or (None, None)), tags=rest[2] if len(rest) > 2 else ())
        for who, text, *rest in turns
    )
    return judge.assess(Conversation("c", made, **fields))


def verdict(judge: Checker, *turns: tuple[Any, ...], **fields: Any) -> str:
    return judged(judge, *turns, **fields).verdicts[0].verdict


# The oracle walks through the call in steps of a tenth of a second.
def speaking(speech: list[Stretch], tenth: int) -> bool:
    return any(round(s.start * 10) <= tenth < round(s.end * 10) for s in speech)


@given(stretches, st.sampled_from([0.0, 0.3, 0.5]))
def test_joined_speech_covers_what_was_spoken_and_the_gaps(
    speech: list[Stretch], gap: float
) -> None:
    """Second by second, nothing spoken is lost and no longer silence is filled."""
    whole = joined(speech, gap)
    assert all(b.start - a.end > gap for a, b in pairwise(whole))
    for tenth in range(170):
        covered = any(round(w.start * 10) <= tenth < round(w.end * 10) for w in whole)
        assert covered >= speaking(speech, tenth)
        if covered and not speaking(speech, tenth):
            before = next((d for d in range(1, 9) if speaking(speech, tenth - d)), 99)
            after = next((d for d in range(1, 9) if speaking(speech, tenth + d)), 99)
            assert before + after - 1 <= round(gap * 10)


@given(stretches, TENTHS, st.sampled_from([0.0, 0.4]))
def test_cutting_in_means_the_customer_speaks_before_and_goes_on(
    speech: list[Stretch], start: float, tail: float
) -> None:
    """Found exactly where some stretch began before and lasts longer than the tail."""
    into = cut_in(start, joined(speech, 0.0), tail)
    # A tenth is compared as a whole number, so that 0.1 + 0.2 is 0.3.
    now, rest = round(start * 10), round(tail * 10)
    goes_on = any(
        round(s.start * 10) <= now and round(s.end * 10) - now > rest
        for s in speech
        if abs(s.end - tail - start) > 1e-6
    )
    close = any(abs(s.end - tail - start) <= 1e-6 for s in speech)
    assert close or (into is not None) == goes_on
    assert into is None or into >= 0


INTERRUPTION: dict[str, Any] = {
    "at_least": 1.0,
    "roles": {"backchannel": "back", "security": "secure"},
}
CUSTOMER = ("customer", "我那批货到现在还没有收到", 10.0, 15.0)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (("您先听我说", 12.0, 14.0), "violation"),
        (("您先听我说", 10.9, 14.0), "pass"),
        (("您先听我说", 14.7, 17.0), "pass"),
        (("您先听我说", 15.2, 17.0), "pass"),
        (("嗯", 12.0, 12.5), "pass"),
        (("嗯好的", 12.0, 12.8), "pass"),
        (("嗯", 12.0, 14.5), "violation"),
        (("请不要说密码", 12.0, 14.0), "pass"),
    ],
)
def test_an_interruption_is_no_backchannel_and_no_slip(
    tmp_path: Path, agent: tuple[str, float, float], expected: str
) -> None:
    """From one second into the customer's speech, unless it is short, or must be."""
    judge = limit(tmp_path, "interruption", **INTERRUPTION)
    said = sorted([CUSTOMER, ("agent", *agent)], key=lambda turn: turn[2])
    assert verdict(judge, *said) == expected


def test_a_customer_who_speaks_into_the_agents_sentence_is_not_interrupted(tmp_path: Path) -> None:
    """The recogniser only cut the agent's speech in two."""
    judge = limit(tmp_path, "interruption", **INTERRUPTION)
    turns = [("agent", "我们的货", 8.0, 11.2), CUSTOMER, ("agent", "今天发出", 11.4, 14.0)]
    assert verdict(judge, *turns) == "pass"


def test_no_times_are_no_pass(tmp_path: Path) -> None:
    """Neither missing ones nor some that are missing."""
    judge = limit(tmp_path, "interruption", **INTERRUPTION)
    assert verdict(judge, ("customer", "货呢"), ("agent", "好")) == "not_assessable"
    assert verdict(judge, ("customer", "货呢", 0, 1), ("agent", "好")) == "not_assessable"


RELEASE: dict[str, Any] = {"below": 3, "roles": {"farewell": "bye", "silent_line": "silent"}}


@pytest.mark.parametrize(
    ("customer", "at", "by", "expected"),
    [
        ("再见", 20.0, "customer", "pass"),
        ("再见", 20.0, "agent", "pass"),
        ("再见", 12.0, "agent", "violation"),
        ("知道了", 20.0, "agent", "violation"),
        ("再见", None, "agent", "not_assessable"),
        ("再见", 20.0, None, "not_assessable"),
    ],
)
def test_the_agent_waits_for_the_customers_farewell(
    tmp_path: Path, customer: str, at: float | None, by: str | None, expected: str
) -> None:
    """Three seconds after it at the earliest; who hung up must be known."""
    turns = [("agent", "您好", 0, 2), ("customer", customer, 8, 10)]
    events = (Event("hangup", at, by),)
    assert verdict(limit(tmp_path, "release", **RELEASE), *turns, events=events) == expected


def test_a_silent_line_may_be_left_after_asking_twice(tmp_path: Path) -> None:
    """Nobody is there to say goodbye."""
    judge = limit(tmp_path, "release", **RELEASE)
    once = [("agent", "听不到您的声音", 0, 2)]
    assert verdict(judge, *once, ended_by="agent") == "violation"
    twice = [*once, ("agent", "听不到，请您再打来", 9, 12)]
    assert verdict(judge, *twice, ended_by="agent") == "pass"


@pytest.mark.parametrize(
    ("tags", "capabilities", "expected"),
    [
        (("yawn",), None, "violation"),
        (("yawn",), (), "violation"),
        ((), ("audio_events",), "pass"),
        ((), None, "not_assessable"),
        ((), ("timestamps",), "not_assessable"),
    ],
)
def test_what_nobody_could_hear_is_no_pass(
    tmp_path: Path,
    tags: tuple[str, ...],
    capabilities: tuple[str, ...] | None,
    expected: str,
) -> None:
    """A tag that is there counts; its absence only where the source has tags."""
    judge = limit(tmp_path, "tag", at_least=1, tags="yawn", requires=["audio_events"])
    turns = [("agent", "您好", 0, 1, tags)]
    assert verdict(judge, *turns, channel="phone", capabilities=capabilities) == expected


def test_the_customers_tags_and_those_off_the_line_are_nobodys_business(tmp_path: Path) -> None:
    """Between hold and resume the customer hears music, after the hang-up nothing."""
    judge = limit(tmp_path, "tag", at_least=1, tags="yawn")
    turns = [("customer", "啊", 0, 1, ("yawn",)), ("agent", "小李", 10, 11, ("yawn",))]
    assert verdict(judge, *turns, events=(Event("hold", 5.0), Event("resume", 20.0))) == "pass"
    assert verdict(judge, *turns, events=(Event("hangup", 9.0, by="customer"),)) == "pass"
    assert verdict(judge, *turns, events=(Event("hangup", 12.0, by="customer"),)) == "violation"
    assert verdict(judge, *turns) == "violation"


DELAYS: dict[str, Any] = {
    "over": 4,
    "times": 2,
    "together": "dull",
    "together_tags": "sigh",
    "roles": {"announced": "wait"},
}


@pytest.mark.parametrize(
    ("gap", "first", "last", "expected"),
    [
        (5, "您好", "嗯", "violation"),
        (3, "您好", "嗯", "pass"),
        (5, "请稍等", "嗯", "pass"),
        (5, "您好", "知道了", "not_assessable"),
    ],
)
def test_slow_answers_count_with_dull_ones_and_without_an_announcement(
    tmp_path: Path, gap: float, first: str, last: str, expected: str
) -> None:
    """What sighs might have shown is not known."""
    turns = [
        ("agent", first, 0, 2),
        ("customer", "货呢", 3, 4),
        ("agent", "在查了", 4 + gap, 6 + gap),
        ("customer", "然后呢", 7 + gap, 8 + gap),
        ("agent", last, 8 + 2 * gap, 9 + 2 * gap),
    ]
    assert verdict(limit(tmp_path, "answer_delay", **DELAYS), *turns) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["冲账、结算联、零担、抛货"], "violation"),
        (["冲账、冲账、零担、散货"], "pass"),
        (["冲账就是抵钱，结算联、零担、抛货"], "pass"),
        (["冲账、结算联", "零担、抛货"], "pass"),
    ],
)
def test_terms_count_once_and_only_unexplained(
    tmp_path: Path, texts: list[str], expected: str
) -> None:
    """Two writings of one term are one; what follows 就是 explains it."""
    terms = {"says": [{"concept": "term"}], "roles": {"explained": "means"}}
    judge = limit(tmp_path, "distinct_in_turn", at_least=4, **terms)
    assert verdict(judge, *[("agent", text) for text in texts]) == expected
    heard = [("customer", "抛货是什么"), *[("agent", text) for text in texts]]
    assert verdict(judge, *heard) == "pass"


def test_too_few_words_can_only_be_told_of_a_whole_conversation(tmp_path: Path) -> None:
    """An excerpt may have had them before or after."""
    judge = limit(tmp_path, "distinct", below=2, says=[{"concept": "term"}])
    turns = [("agent", "冲账")]
    assert verdict(judge, *turns) == "not_assessable"
    assert verdict(judge, *turns, started_at="2026-03-02T09:00:00") == "violation"


def test_particles_count_in_all_and_for_each_turn(tmp_path: Path) -> None:
    """干嘛 and 哈喽 have none."""
    judge = limit(tmp_path, "particles", at_least=3, says=[{"concept": "pet", "fills": "clause"}])
    assert verdict(judge, ("agent", "好嘛，行喽，然后，知道")) == "violation"
    assert verdict(judge, ("agent", "哈喽，干嘛呢，幹嘛，然后我查")) == "pass"
    assert verdict(judge, ("agent", "好嘛，行喽，好呗"), *[("agent", "好")] * 3) == "pass"


WAITING: dict[str, Any] = {
    "roles": {"request": "ask", "holding": "check", "coordination": "coord", "undecided": "either"}
}


def chat(*lines: tuple[str, str, str]) -> tuple[Turn, ...]:
    return tuple(Turn(text, who, at=f"2026-03-02T{at}") for who, at, text in lines)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "at", "expected"),
    [
        ("明天下午送到", "09:09:59", "pass"),
        ("明天下午送到", "09:10:01", "violation"),
        ("还在查", "09:05:00", "not_applicable"),
        ("我问仓库后告诉您", "09:30:00", "not_applicable"),
    ],
)
def test_the_answer_counts_and_not_that_somebody_is_looking(
    tmp_path: Path, answer: str, at: str, expected: str
) -> None:
    """Ten minutes, from the question on; another department has its own limit."""
    judge = limit(tmp_path, "answer_time", over=600, **WAITING)
    turns = chat(
        ("customer", "09:00:00", "什么时候到"),
        ("agent", "09:01:00", "稍等，还在查"),
        ("agent", at, answer),
    )
    assert judge.assess(Conversation("c", turns)).verdicts[0].verdict == expected


PROMISED = {"roles": {"promise": "promise", "holding": "check", "undecided": "either"}}


@pytest.mark.parametrize(
    ("said", "due", "called", "expected"),
    [
        ("下午三点前给您回电", None, "14:50", "pass"),
        ("下午三点前给您回电", None, "15:20", "violation"),
        ("好", "2026-03-02T15:00:00+08:00", "15:20", "violation"),
        ("下午三点前给您回电", None, None, "not_assessable"),
        ("给您回电", None, "15:20", "not_applicable"),
    ],
)
def test_an_agreed_time_is_kept_or_not(
    tmp_path: Path, said: str, due: str | None, called: str | None, expected: str
) -> None:
    """In words or as an event; a promise without a record is not assessable."""
    judge = limit(tmp_path, "callback_delay", over=0, **PROMISED)
    events = [Event("callback_promised", 5.0, due=due)] if due else []
    if called:
        events.append(Event("callback", f"2026-03-02T{called}:00+08:00"))
    fields: dict[str, Any] = {"started_at": "2026-03-02T10:00:00+08:00", "channel": "phone"}
    turns = [("customer", "什么时候", 0, 2), ("agent", said, 3, 6)]
    assert verdict(judge, *turns, events=tuple(events), **fields) == expected


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("09:00", "pass"), ("12:00", "pass"), ("12:30", "violation"), ("08:59", "violation")],
)
def test_a_call_back_without_an_agreed_time_keeps_working_hours(
    tmp_path: Path, clock: str, expected: str
) -> None:
    """Nine to twelve and three to six, local time; a promise with a time is free of it."""
    roles = {"roles": {"promise": "promise"}}
    judge = limit(tmp_path, "callback_hours", over=0, **roles)
    events = (Event("callback", f"2026-03-02T{clock}:00"),)
    fields: dict[str, Any] = {"started_at": "2026-03-02T08:00:00", "events": events}
    assert verdict(judge, ("agent", "给您回电", 0, 2), **fields) == expected
    assert verdict(judge, ("agent", "十分钟后给您回电", 0, 2), **fields) == "not_applicable"


def test_a_request_passed_over_twice_is_skipped(tmp_path: Path) -> None:
    """The same question a third time, and nothing of it in what the agent said."""
    roles = {"roles": {"request": "ask", "holding": "check"}}
    judge = limit(tmp_path, "repeated_request", at_least=2, **roles)
    asks = ("customer", "我这批货运费多少")
    away = ("agent", "我们新品上市了有活动")
    assert verdict(judge, asks, away, asks, away, asks) == "violation"
    assert verdict(judge, asks, away, asks) == "pass"
    assert verdict(judge, asks, ("agent", "这批货运费三百"), asks, away, asks) == "pass"
    assert verdict(judge, asks, ("agent", "稍等"), asks, ("agent", "稍等"), asks) == "pass"


def test_transfers_are_counted(tmp_path: Path) -> None:
    """Once may be right, twice is passing on."""
    judge = limit(tmp_path, "transfers", at_least=2)
    moved = (Event("transfer", 5.0), Event("transfer", 9.0))
    assert verdict(judge, ("agent", "帮您转接", 0, 2), events=moved) == "violation"
    assert verdict(judge, ("agent", "帮您转接", 0, 2), events=moved[:1]) == "pass"
