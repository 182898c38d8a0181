"""The tables.  Whatever has a ``conversation_id`` is erased with its conversation.

Times are seconds since 1970 by the database's clock, unless a column says otherwise.  What came
from outside is kept as bytes of JSON: PostgreSQL's text cannot hold every character that JSON can.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Names compare byte by byte on both databases: the same order, and the faster one.
Name = String().with_variant(String(collation="C"), "postgresql")
#: SQLite counts rows by itself in a column of exactly this type only.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def _where(name: str, table: Table, *columns: str, condition: str) -> Index:
    """Index only the rows that are asked for."""
    chosen = [table.c[column] for column in columns]
    where = text(condition)
    return Index(name, *chosen, sqlite_where=where, postgresql_where=where)


owners = Table(
    "owners",
    metadata,
    Column("owner", Name, primary_key=True),
    Column("expires_at", Double, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("agent_id", Name),
    Column("team", Name),
    Column("channel", Name),
    # When it began by its source's clock; when it came by ours.
    Column("started_at", Double, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("closed_at", Double),
    # The policy it began with.
    Column("policy_digest", Name),
    Column("opening", LargeBinary),
    # Who judges it, and for how many-th time it changed hands.
    Column("owner", Name),
    Column("epoch", BigInteger, nullable=False),
)
_where("ix_conversations_open", conversations, "owner", "opened_at", condition="closed_at IS NULL")
Index(None, conversations.c.started_at, conversations.c.conversation_id)
Index(None, conversations.c.agent_id, conversations.c.started_at)
Index(None, conversations.c.closed_at)

journal = Table(
    "journal",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Name, nullable=False),
    # What makes a repetition the same line; NULL where nothing does.
    Column("key", Name),
    Column("stored_at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("conversation_id", "key"),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

transcripts = Table(
    "transcripts",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

assessments = Table(
    "assessments",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("policy_digest", Name, primary_key=True),
    Column("policy_name", Name, nullable=False),
    Column("policy_version", Name, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("agent_id", Name),
    Column("team", Name),
    Column("channel", Name),
    Column("started_at", Double, nullable=False),
    Column("assessed_at", Double, nullable=False),
    Column("score", Double),
    Column("grade", Name),
    Column("fatal", Boolean, nullable=False),
    # One letter a rule, in the order of rule_sets: what 145 rows a conversation would say.
    Column("codes", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
_where("ix_assessments_started", assessments, "started_at", condition="current")
_where("ix_assessments_agent", assessments, "agent_id", "started_at", condition="current")
_where("ix_assessments_team", assessments, "team", "started_at", condition="current")

rule_sets = Table(
    "rule_sets",
    metadata,
    Column("policy_digest", Name, primary_key=True),
    Column("rules", LargeBinary, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("policy_digest", Name, primary_key=True),
    Column("rule", Name, primary_key=True),
    Column("verdict", Name, nullable=False),
    Column("deduction", Double, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("agent_id", Name),
    Column("team", Name),
    Column("started_at", Double, nullable=False),
    sqlite_with_rowid=False,
)
_where("ix_verdicts_rule", verdicts, "rule", "started_at", condition="current")
_where("ix_verdicts_agent", verdicts, "agent_id", "started_at", condition="current")

findings = Table(
    "findings",
    metadata,
    Column("conversation_id", Name, primary_key=True),
    Column("policy_digest", Name, primary_key=True),
    Column("finding_id", Name, primary_key=True),
    Column("rule", Name, nullable=False),
    Column("category", Name, nullable=False),
    # Its place in model.SEVERITIES, so that "at least" is a comparison.
    Column("severity", SmallInteger, nullable=False),
    Column("kind", Name, nullable=False),
    Column("speaker", Name, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("agent_id", Name),
    Column("team", Name),
    Column("started_at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_where("ix_findings_rule", findings, "rule", "started_at", condition="current")
_where("ix_findings_agent", findings, "agent_id", "started_at", condition="current")
_where("ix_findings_team", findings, "team", "started_at", condition="current")

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", BigInteger, primary_key=True, autoincrement=False),
    Column("conversation_id", Name, nullable=False),
    Column("finding_id", Name, nullable=False),
    Column("type", Name, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rule", Name, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("agent_id", Name),
    Column("team", Name),
    Column("created_at", Double, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("conversation_id", "finding_id", "type", "revision"),
)
Index(None, alerts.c.team, alerts.c.alert_id)
Index(None, alerts.c.agent_id, alerts.c.alert_id)

#: Numbers that are given out in the order of commits, see ``sequences``.
sequences = Table(
    "sequences",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", RowId, primary_key=True),
    Column("url", String, nullable=False),
    # Needed in clear to sign with.
    Column("secret", String, nullable=False),
    Column("team", Name),
    Column("agent_id", Name),
    Column("severity", SmallInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("disabled_at", Double),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", RowId, primary_key=True),
    Column("webhook_id", BigInteger, nullable=False),
    Column("alert_id", BigInteger, nullable=False),
    Column("conversation_id", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("answer", String),
    UniqueConstraint("webhook_id", "alert_id"),
)
_where("ix_deliveries_due", deliveries, "due_at", condition="state = 'pending'")
Index(None, deliveries.c.conversation_id)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Name, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("role", Name, nullable=False),
    Column("team", Name),
    Column("agent_id", Name),
    Column("label", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
)

policies = Table(
    "policies",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("name", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("added_by", Name, nullable=False),
    Column("added_at", Double, nullable=False),
)

policy_files = Table(
    "policy_files",
    metadata,
    Column("digest", Name, primary_key=True),
    Column("path", Name, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

activations = Table(
    "activations",
    metadata,
    Column("activation_id", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Name, nullable=False),
    Column("activated_by", Name, nullable=False),
    Column("activated_at", Double, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", RowId, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("target", Name, nullable=False),
    Column("before", String),
    Column("after", String),
)
Index(None, audit.c.target, audit.c.audit_id)
