"""Finished conversations, their history, and the rows that reports count."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import func, select

from jiyu.errors import StoreError
from jiyu.model import Assessment, Conversation, Verdict
from jiyu.store import conversations, records
from jiyu.store.database import Database
from jiyu.store.tables import assessments, findings, verdicts
from jiyu.store.writes import Write, store
from storing import acquired, finding, owner, record


def ingest(database: Database, *several: records.Record) -> None:
    with database.begin() as connection:
        records.ingest(connection, several)


def test_what_was_stored_comes_back_whole(database: Database) -> None:
    """Transcript and assessment are as they were."""
    one = record()
    ingest(database, one)
    with database.read() as connection:
        transcript = conversations.transcript(connection, "c-1")
        payload = conversations.assessment(connection, "c-1")
    assert transcript is not None
    assert payload is not None
    assert msgspec.json.decode(transcript, type=Conversation).turns[0].text == "有完没完"
    assert msgspec.json.decode(payload, type=Assessment) == one.assessment


def test_rows_say_what_reports_count(database: Database) -> None:
    """Violations and what could not be judged are rows, all verdicts are letters."""
    ingest(database, record())
    with database.read() as connection:
        judged = connection.execute(select(verdicts).order_by(verdicts.c.rule)).all()
        found = connection.execute(select(findings)).one()
        whole = connection.execute(select(assessments)).one()
        order = records.rule_order(connection, "d1")
    assert [(row.rule, row.verdict, row.deduction) for row in judged] == [
        ("T-01", "violation", 10.0),
        ("T-04", "not_assessable", 0.0),
    ]
    assert (found.rule, found.severity, found.agent_id, found.current) == ("T-01", 2, "A1", True)
    assert (whole.codes, order) == ("vpnx", ["T-01", "T-02", "T-03", "T-04"])
    # 09:14:05 in Shanghai.
    assert whole.started_at == found.started_at == judged[0].started_at == 1772414045.0


def test_letters_stay_in_the_order_of_the_first(database: Database) -> None:
    """An assessment that lists its rules otherwise has its letters at the same places."""
    ingest(database, record("c-1"))
    other = (Verdict("T-04", "pass"), Verdict("T-01", "pass"), Verdict("T-09", "pass"))
    ingest(database, record("c-2", verdicts=other, findings=()))
    with database.read() as connection:
        where = assessments.c.conversation_id == "c-2"
        assert connection.scalar(select(assessments.c.codes).where(where)) == "p--p"


def test_the_same_policy_again_replaces(database: Database) -> None:
    """An assessment that is stored twice counts once."""
    ingest(database, record())
    ingest(database, record(score=80.0, findings=(finding("f2"),)))
    with database.read() as connection:
        assert [one.score for one in conversations.versions(connection, "c-1")] == [80.0]
        assert connection.scalars(select(findings.c.finding_id)).all() == ["f2"]


def test_another_policy_becomes_current_and_history_stays(database: Database) -> None:
    """Reports count one assessment a conversation, and can compare."""
    ingest(database, record(), record("c-2"))
    ingest(database, record(digest="d2", score=70.0))
    with database.read() as connection:
        versions = conversations.versions(connection, "c-1")
        assert [(one.policy_digest, one.current) for one in versions] == [
            ("d1", False),
            ("d2", True),
        ]
        for table in (assessments, verdicts, findings):
            mine = table.c.conversation_id == "c-1"
            current = select(table.c.policy_digest).where(table.c.current)
            assert set(connection.scalars(current.where(mine))) == {"d2"}
            assert set(connection.scalars(current.where(~mine))) == {"d1"}
        old = conversations.assessment(connection, "c-1", "d1")
        assert old is not None
        assert msgspec.json.decode(old, type=Assessment).score == 90.0
        summary = conversations.summary(connection, "c-1")
        assert summary is not None
        # The policy that it began with is not changed afterwards.
        assert (summary.policy_digest, summary.score) == ("d1", 70.0)


def test_of_several_in_one_call_the_last_counts(database: Database) -> None:
    """As if they had come one after the other."""
    ingest(database, record(score=1.0), record(score=2.0))
    with database.read() as connection:
        assert [one.score for one in conversations.versions(connection, "c-1")] == [2.0]


def test_a_live_conversation_is_not_overwritten(database: Database) -> None:
    """Its judge would not know."""
    acquired(database, owner(database))
    with pytest.raises(StoreError, match="c-1: this conversation is still open"):
        ingest(database, record())


def test_nothing_at_all(database: Database) -> None:
    """No records are no error."""
    ingest(database)


def test_a_live_conversation_is_closed_with_its_assessment(database: Database) -> None:
    """What was learned since its opening is kept, what was not told again as well."""
    lease = acquired(database, owner(database), started_at=5.0, channel="chat")
    last = record(started_at=None, agent_id="A2", team=None)
    with database.begin() as connection:
        store(connection, [Write(lease, record=last)])
    with database.read() as connection:
        summary = conversations.summary(connection, "c-1")
    assert summary is not None
    assert (summary.state, summary.score) == ("closed", 90.0)
    assert (summary.agent_id, summary.team, summary.channel) == ("A2", "物流一组", "phone")
    assert summary.started_at == 5.0


def test_a_start_that_is_learned_late_counts(database: Database) -> None:
    """The source knows better than our clock."""
    lease = acquired(database, owner(database))
    with database.begin() as connection:
        store(connection, [Write(lease, record=record())])
    with database.read() as connection:
        assert connection.scalar(select(assessments.c.started_at)) == 1772414045.0
        summary = conversations.summary(connection, "c-1")
        assert summary is not None
        assert summary.started_at == 1772414045.0


def test_many_at_once(database: Database) -> None:
    """A thousand conversations in one call."""
    ingest(database, *(record(f"c-{i}") for i in range(1000)))
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(findings)) == 1000
